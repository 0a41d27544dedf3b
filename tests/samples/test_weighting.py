"""Sample and class weights: in the step, in the gradient and in recorded figures."""

from __future__ import annotations

import numpy as np
import pytest
from guarded import look, steps
from hypothesis import given, settings
from hypothesis import strategies as st
from numeric import flat, gradient_bound, same_bits, smallest_normal, unit_roundoff
from strategies import cases, seeds

from bpmatrix import SGD, Adam, Network
from bpmatrix.errors import ArgumentError, ArrayTypeError, DataError, ShapeError
from bpmatrix.samples.arrays import as_targets
from bpmatrix.samples.samples import Samples
from bpmatrix.samples.weighting import weigh
from bpmatrix.training.recipe import Recipe

RNG = np.random.default_rng(3)
X, LABELS = RNG.standard_normal((4, 30)), RNG.integers(0, 3, 30)
WEIGHTS = RNG.uniform(0.1, 3, 30)
DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])


def network(**arguments) -> Network:
    return Network([4, 6, 3], cost="log_likelihood", seed=1, **arguments)


# --------------------------------------------------------------------------------------- a step


@settings(max_examples=40)
@given(cases(), seeds, st.integers(1, 8))
def test_the_bits_do_not_depend_on_threads(case, seed, m) -> None:
    rng = np.random.default_rng(seed)
    n = case.X.shape[1]
    weights, order = rng.uniform(0.1, 3, n), rng.permutation(n)
    rates = [0.1] * -(-n // m)
    for recipe in (Recipe(SGD(0.1)), Recipe(Adam(0.1))):
        alone = steps(case, order, m, rates, 0.1, 1, recipe, weights)
        for threads in (2, 5):
            together = steps(case, order, m, rates, 0.1, threads, recipe, weights)
            assert same_bits(alone.theta, together.theta)
            assert (alone.cost, alone.hits, alone.weight) == (
                (together.cost, together.hits, together.weight)
            )


@settings(max_examples=40)
@given(cases(), seeds)
def test_the_gradient_is_that_of_each_sample_times_its_weight(case, seed) -> None:
    """All columns at once, against one column at a time."""
    n, d = case.X.shape[1], case.description
    weights = np.random.default_rng(seed).uniform(0.1, 3, n)
    together = look(case, weights=weights).gradient
    alone = [look(case, first=j, last=j + 1).gradient.astype(np.float64) for j in range(n)]
    expected = sum(weight * g for weight, g in zip(weights, alone, strict=True))
    size = sum(weight * np.abs(g) for weight, g in zip(weights, alone, strict=True))
    # Multiplying delta_L by the weight rounds once more, and changes all later roundings: each
    # sample has its own rounding errors, in both results, and so have the two sums of n terms.
    *network, X, Y = case.in_float64()
    allowed = 2 * (n + 1) * (unit_roundoff(d.dtype) * size + smallest_normal(d.dtype))
    for j in range(n):
        off_b, off_W = gradient_bound(*network, X[:, [j]], Y[:, [j]], d.dtype)
        allowed = allowed + 2.2 * weights[j] * flat(off_b, off_W, d)
    assert (np.abs(together - expected) <= allowed).all()


# ------------------------------------------------------------------------- through Network.train


@DTYPES
@pytest.mark.parametrize("optimizer", [SGD(0.5), Adam(0.01)])
def test_whole_weights_are_repeated_samples(dtype, optimizer) -> None:
    """Cost, accuracy and step agree, in one mini-batch of all samples."""
    counts = np.arange(30) % 4 + 1
    weighted, repeated = network(dtype=dtype), network(dtype=dtype)
    how = {"epochs": 3, "optimizer": optimizer, "weight_decay": 0.01}
    one = weighted.train(X, LABELS, sample_weight=counts, mini_batch_size=30, **how)
    columns = np.repeat(np.arange(30), counts)
    other = repeated.train(X[:, columns], LABELS[columns], mini_batch_size=columns.size, **how)
    rtol = 1e-12 if dtype == "float64" else 1e-4  # sums of 75 terms in another order, three steps
    np.testing.assert_allclose(weighted.parameters, repeated.parameters, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(one.cost, other.cost, rtol=rtol)
    np.testing.assert_allclose(one.accuracy, other.accuracy, rtol=1e-15)


@DTYPES
def test_a_weight_of_zero_is_a_removed_sample(dtype) -> None:
    """Bit for bit, including the order of every epoch and a smaller last mini-batch."""
    weights = np.where(np.arange(30) % 3 == 1, 0.0, WEIGHTS)
    kept = np.flatnonzero(weights)
    zero, removed = network(dtype=dtype), network(dtype=dtype)
    one = zero.train(X, LABELS, sample_weight=weights, epochs=3, mini_batch_size=7)
    other = removed.train(
        X[:, kept], LABELS[kept], sample_weight=weights[kept], epochs=3, mini_batch_size=7
    )
    assert same_bits(zero.parameters, removed.parameters)
    assert (one.cost, one.accuracy) == (other.cost, other.accuracy)


def test_only_the_ratios_of_weights_matter() -> None:
    """Doubling the weights gives the same bits: a mini-batch is divided by their sum."""
    nets = [network(), network()]
    for net, factor in zip(nets, (1, 2), strict=True):
        net.train(X, LABELS, sample_weight=factor * WEIGHTS, epochs=2)
    assert same_bits(nets[0].parameters, nets[1].parameters)


def test_weights_of_one_change_nothing() -> None:
    plain, weighted = network(), network()
    plain.train(X, LABELS, epochs=2)
    weighted.train(X, LABELS, sample_weight=np.ones(30), epochs=2)
    assert same_bits(plain.parameters, weighted.parameters)


def test_weights_are_copied() -> None:
    """Checked weights cannot be changed afterwards."""
    given = np.ones(30)
    weights = weigh(Samples(X, as_targets(LABELS, 3, 30, "float64")), given, "float64").weights
    assert not np.shares_memory(weights, given)
    assert (weights == given).all()


def test_class_weights_are_weights_of_their_samples() -> None:
    """They multiply the sample weights; classes that are not listed have the factor 1."""
    factors = np.array([2.0, 1.0, 0.25])
    by_class, by_sample = network(), network()
    by_class.train(X, LABELS, class_weight={0: 2.0, 2: 0.25}, sample_weight=WEIGHTS, epochs=2)
    by_sample.train(X, LABELS, sample_weight=WEIGHTS * factors[LABELS], epochs=2)
    assert same_bits(by_class.parameters, by_sample.parameters)


@pytest.mark.parametrize("form", ["labels", "one-hot"])
def test_balanced_classes_have_the_same_total_weight(form: str) -> None:
    labels = np.array([0] * 20 + [1] * 8 + [2] * 2)
    targets = labels if form == "labels" else np.eye(3)[:, labels]
    balanced, weighted = network(), network()
    balanced.train(X, targets, class_weight="balanced", epochs=2)
    weighted.train(X, targets, sample_weight=10 / np.bincount(labels)[labels], epochs=2)
    assert same_bits(balanced.parameters, weighted.parameters)


def test_balanced_uses_sums_of_weights_not_numbers_of_columns() -> None:
    """Columns of weight 0 do not count; the sums of weights are 4, 2, 6."""
    labels = np.array([0] * 20 + [1] * 8 + [2] * 2)
    weights = np.array([0] * 16 + [1] * 4 + [0.25] * 8 + [3] * 2)
    kept = np.flatnonzero(weights)
    zero, removed, by_sample = network(), network(), network()
    how = {"epochs": 2, "class_weight": "balanced"}
    zero.train(X, labels, sample_weight=weights, **how)
    removed.train(X[:, kept], labels[kept], sample_weight=weights[kept], **how)
    assert same_bits(zero.parameters, removed.parameters)
    each = 4 / np.array([4.0, 2.0, 6.0])
    by_sample.train(X, labels, sample_weight=weights * each[labels], epochs=2)
    np.testing.assert_allclose(zero.parameters, by_sample.parameters, rtol=0, atol=1e-14)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 3.0, 2: 0.5}])
def test_class_weights_apply_to_validation_data(class_weight) -> None:
    """The factors are computed from the training samples."""
    rows = np.flatnonzero(LABELS != 1)[:7]
    factors = class_weight
    if class_weight == "balanced":
        factors = dict(enumerate(30 / 3 / np.bincount(LABELS)))
    net = network()
    how = {"class_weight": class_weight, "epochs": 2}
    history = net.train(X, LABELS, validation=(X[:, rows], LABELS[rows], WEIGHTS[rows]), **how)
    each = WEIGHTS[rows] * [factors.get(label, 1.0) for label in LABELS[rows]]
    last = net.cost(X[:, rows], LABELS[rows], sample_weight=each)
    assert history.validation_cost[-1] == pytest.approx(last, rel=1e-14)
    assert last != net.cost(X[:, rows], LABELS[rows], sample_weight=WEIGHTS[rows])


def test_keys_of_class_weight_of_other_types() -> None:
    """Keys equal to a class stand for it; a class only in the validation data has factor 1."""
    X2, labels, outputs = X[:, :20], LABELS[:20] % 2, {}
    for key in (int, float, bool, np.int64):
        net = network()
        net.train(X2, labels, class_weight={key(0): 1.0, key(1): 5.0}, epochs=1)
        outputs[key] = net.parameters.copy()
    assert all(same_bits(found, outputs[int]) for found in outputs.values())
    net = network()
    history = net.train(
        X2, labels, class_weight={1: 5.0}, epochs=1, validation=(X[:, :3], [2, 2, 2])
    )
    assert history.validation_cost[-1] == pytest.approx(net.cost(X[:, :3], [2, 2, 2]), rel=1e-14)
    with pytest.raises(DataError, match="validation sample_weight times class_weight is 0"):
        net.train(X2, labels, class_weight={0: 0.0}, validation=(X[:, :3], [0, 0, 0]))


def test_validation_data_have_their_own_weights() -> None:
    """Passed with the data, or split off with the samples; recorded figures equal `cost`."""
    net = network()
    history = net.train(X, LABELS, epochs=2, validation=(X, LABELS, WEIGHTS))
    assert history.validation_cost[-1] == net.cost(X, LABELS, sample_weight=WEIGHTS)
    assert history.validation_accuracy[-1] == net.accuracy(X, LABELS, sample_weight=WEIGHTS)
    assert history.validation_cost[-1] != net.cost(X, LABELS)
    split, removed = network(), network()
    weights = np.where(np.arange(30) < 10, 0.0, WEIGHTS)
    one = split.train(X, LABELS, sample_weight=weights, validation_split=0.25, epochs=2)
    other = removed.train(
        X[:, 10:], LABELS[10:], sample_weight=weights[10:], validation_split=0.25, epochs=2
    )
    assert one.validation_cost == other.validation_cost


def test_cost_accuracy_and_gradient() -> None:
    """They are weighted means over single columns."""
    net = network()
    costs = np.array([net.cost(X[:, [j]], LABELS[[j]]) for j in range(30)])
    hits = np.array([net.accuracy(X[:, [j]], LABELS[[j]]) for j in range(30)])
    slopes = np.array([net.gradient(X[:, [j]], LABELS[[j]]).flat for j in range(30)])
    total = WEIGHTS.sum()
    how = {"sample_weight": WEIGHTS}
    assert net.cost(X, LABELS, **how) == pytest.approx(WEIGHTS @ costs / total, rel=1e-14)
    assert net.accuracy(X, LABELS, **how) == pytest.approx(WEIGHTS @ hits / total, rel=1e-14)
    np.testing.assert_allclose(
        net.gradient(X, LABELS, **how).flat, WEIGHTS @ slopes / total, rtol=0, atol=1e-14
    )


def test_a_sample_of_weight_zero_may_have_an_infinite_cost() -> None:
    """Infinity times zero does not give NaN."""
    net = Network([1, 1], activation="identity", cost="quadratic", seed=1)
    net.weights[0][:] = 1e200
    assert net.cost([[0.0, 1.0]], [1.0, 0.0], sample_weight=[1, 0]) == pytest.approx(
        (net.biases[0][0, 0] - 1) ** 2 / 2
    )


# ------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("weights", "error", "words"),
    [
        (np.ones(29), ShapeError, r"\(29,\)"),
        (np.ones((1, 30)), ShapeError, r"\(1, 30\)"),
        (["a"] * 30, ArrayTypeError, "real numbers"),
        (np.full(30, np.nan), DataError, "NaN"),
        (-WEIGHTS, DataError, "negative"),
        (np.zeros(30), DataError, "is 0 for all samples"),
        (np.full(30, 1e308), DataError, "Divide the weights by their mean"),
        (np.r_[1e-200, WEIGHTS[1:]], DataError, "too small or too large for float64"),
        (np.ma.masked_array(WEIGHTS, WEIGHTS > 1), ArrayTypeError, "masked"),
        ([[1.0], [1.0, 2.0]], ArrayTypeError, "different lengths"),
    ],
)
def test_wrong_sample_weights(weights, error: type, words: str) -> None:
    net = network()
    before = net.parameters.copy()
    with pytest.raises(error, match=words):
        net.train(X, LABELS, sample_weight=weights)
    with pytest.raises(error, match=words):
        net.cost(X, LABELS, sample_weight=weights)
    assert same_bits(net.parameters, before)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ("equal", "balanced"),
        ([1, 2, 3], "balanced"),
        ({7: 1.0}, "7"),
        ({(0, 1): 1.0}, r"\(0, 1\), expected 0, 1, 2"),
        ({0: -1.0}, "class 0"),
        ({0: np.inf}, "class 0"),
        ({0: "2"}, "class 0"),
    ],
)
def test_wrong_class_weights(weights, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        network().train(X, LABELS, class_weight=weights)


def test_weights_outside_the_range_of_float32() -> None:
    """They would become 0 or infinite."""
    for size in (1e-60, 1e60):
        assert network().cost(X, LABELS, sample_weight=size * WEIGHTS) == pytest.approx(
            network().cost(X, LABELS, sample_weight=WEIGHTS), rel=1e-12
        )
        with pytest.raises(DataError, match="too small or too large for float32"):
            network(dtype="float32").gradient(X, LABELS, sample_weight=size * WEIGHTS)
    with pytest.raises(DataError, match="sample_weight times class_weight is too small or too"):
        network().train(X, LABELS, class_weight={0: 1e300})
    with pytest.raises(ShapeError, match="validation sample_weight has shape"):
        network().train(X, LABELS, validation=(X, LABELS, WEIGHTS[:3]))


def test_class_weights_need_classes() -> None:
    net = Network([4, 1], activation="identity", cost="quadratic", seed=1)
    with pytest.raises(ArgumentError, match="targets that are classes"):
        net.train(X, RNG.standard_normal(30), class_weight="balanced")
