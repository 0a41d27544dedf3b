"""Dropout: masks and a whole step against NumPy, the same bits for any threads, fair draws."""

import numpy as np
import pytest
from guarded import steps
from hypothesis import given, settings
from hypothesis import strategies as st
from numeric import same_bits
from strategies import cases, make_case, seeds

from bpmatrix import SGD, Adam, Network
from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.training.recipe import Recipe

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
BITS = (1 << 64) - 1


def scrambled(x: int) -> int:
    """splitmix64, in whole numbers without end."""
    x = (x + 0x9E3779B97F4A7C15) & BITS
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & BITS
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & BITS
    return x ^ (x >> 31)


def lowbias32(x: np.ndarray) -> np.ndarray:
    x = x ^ (x >> np.uint32(16))
    x = x * np.uint32(0x7FEB352D)
    x = x ^ (x >> np.uint32(15))
    x = x * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def factors(p: float, n: int, m: int, seed: int, step: int, l: int) -> np.ndarray:
    """The factors of the activations (n, m) of layer l in the twin: 0, or 1 / (1 - p)."""
    key = scrambled(scrambled(scrambled(seed) + step & BITS) + l & BITS)
    low, high = np.uint32(key & 0xFFFFFFFF), np.uint32(key >> 32)
    number = np.arange(n * m, dtype=np.uint32).reshape(m, n).T  # unit after unit, then the columns
    dropped = round(p * 2**32)
    return (lowbias32(lowbias32(number ^ low) + high) >= dropped) * (2**32 / (2**32 - dropped))


def twin_of_a_step(case, rate, dropout, seed, step):
    """theta after plain gradient descent on all columns, with dropout, in float64."""
    sizes, m = case.description.sizes, case.X.shape[1]
    theta = case.theta.astype(np.float64)
    p = Parameters.of(theta, case.description.layout)
    a, masks, left, slopes = case.X.astype(np.float64), [], [], []
    for l, (W, b) in enumerate(zip(p.weights, p.biases, strict=True)):
        masks.append(factors(dropout[l], sizes[l], m, seed, step, l))
        left.append(a * masks[l])
        a = np.tanh(W @ left[l] + b)
        slopes.append(1 - a**2)
    delta = (a - case.Y) * slopes[-1]
    for l in reversed(range(len(masks))):
        before = p.weights[l].T @ delta
        p.weights[l][:] -= rate / m * delta @ left[l].T
        p.biases[l][:] -= rate / m * delta.sum(axis=1, keepdims=True)
        if l > 0:
            delta = before * masks[l] * slopes[l - 1]
    return theta


@DTYPES
@pytest.mark.parametrize("dropout", [(0.0, 0.5, 0.0), (0.25, 0.0, 0.75), (0.1, 0.2, 0.3)])
def test_a_step_equals_that_of_the_twin(dropout, dtype):
    """Dropped in the mini-batch's sums and in the errors alike; the third step of a seed."""
    d = Description((11, 17, 6, 3), ("tanh",) * 3, "quadratic", dtype=dtype)
    case, seed = make_case(d, 23, seed=4), 12345678901234
    recipe = Recipe(SGD(0.5), dropout=dropout)
    for first_step in (0, 2):
        expected = twin_of_a_step(case, 0.5, dropout, seed, first_step)
        assert np.abs(expected - case.theta).max() > 1e-3  # it can fail
        for columns in (None, 1, 2):
            got = steps(
                case, np.arange(23), 23, [0.5], recipe=recipe, seed=seed, first_step=first_step,
                columns=columns,
            ).theta  # fmt: skip
            # Sums of 23 products of sums of 17: below 100 roundings of numbers of about one.
            np.testing.assert_allclose(got, expected, rtol=0, atol=100 * np.finfo(dtype).eps)


@settings(max_examples=60)
@given(
    cases(), st.sampled_from([SGD(0.5), Adam(0.01)]), st.integers(1, 8), seeds,
    st.sampled_from([0.1, 0.5, 0.9]),
)  # fmt: skip
def test_the_bits_do_not_depend_on_threads(case, optimizer, m, seed, p):
    order = np.random.default_rng(seed).permutation(case.X.shape[1])
    recipe = Recipe(optimizer, dropout=(p,) * (len(case.description.sizes) - 1))
    rates = [optimizer.learning_rate] * -(-order.size // m)
    alone = steps(case, order, m, rates, 0.0, 1, recipe, seed=seed)
    for threads in (2, 3, 5):
        together = steps(case, order, m, rates, 0.0, threads, recipe, seed=seed)
        assert same_bits(alone.theta, together.theta)


@pytest.mark.parametrize("p", [0.01, 0.2, 0.5, 0.9])
def test_the_requested_fraction_is_dropped(p):
    """In five deviations of the binomial, over all units, for each column, and for each unit."""
    masks = np.stack([factors(p, 200, 300, seed=9, step=k, l=1) == 0 for k in range(20)])
    for axes in ((0, 1, 2), (0, 1), (0, 2)):
        share = masks.mean(axis=axes)
        count = masks.size // share.size
        # 500 means are looked at: beyond 5.5 deviations one of 10^5 such sets has any.
        assert np.abs(share - p).max() < 5.5 * np.sqrt(p * (1 - p) / count)


def test_draws_are_independent():
    """Masks of two steps, layers, seeds, columns or units agree as often as independent ones."""
    base = factors(0.5, 256, 256, seed=3, step=7, l=1) == 0
    others = {
        "step": factors(0.5, 256, 256, seed=3, step=8, l=1) == 0,
        "layer": factors(0.5, 256, 256, seed=3, step=7, l=2) == 0,
        "seed": factors(0.5, 256, 256, seed=4, step=7, l=1) == 0,
        "column": np.roll(base, 1, axis=1),
        "unit": np.roll(base, 1, axis=0),
    }
    for other in others.values():
        assert abs((base == other).mean() - 0.5) < 5 * 0.5 / 256


def test_nothing_is_dropped_in_a_prediction():
    """A network that trained with dropout predicts as one that has its weights."""
    X = np.random.default_rng(1).standard_normal((5, 40))
    net, other = Network([5, 8, 3], seed=1), Network([5, 8, 3], seed=2)
    history = net.train(
        X, np.arange(40) % 3, epochs=2, dropout=0.5, validation=(X, np.arange(40) % 3)
    )
    other.parameters[:] = net.parameters
    assert same_bits(net.feedforward(X), other.feedforward(X))
    assert history.validation_cost[-1] == net.cost(X, np.arange(40) % 3)


def test_two_runs_equal_one_long_run():
    """The masks depend on the number of steps before, also in earlier runs."""
    X, labels = np.random.default_rng(2).standard_normal((5, 40)), np.arange(40) % 3
    whole, halves = Network([5, 8, 3], seed=1), Network([5, 8, 3], seed=1)
    whole.train(X, labels, epochs=4, dropout=0.3)
    for _ in range(2):
        halves.train(X, labels, epochs=2, dropout=0.3)
    assert same_bits(whole.parameters, halves.parameters)
