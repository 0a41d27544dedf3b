"""`diagnose` finds the fault of a network that was made faulty, and none in a healthy network."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numba import njit

from bpmatrix import SGD, Network, datasets, diagnose, reference
from bpmatrix.architecture.activations import OwnActivation
from bpmatrix.engine.trace import LayerTrace
from bpmatrix.errors import ArgumentError, DivergenceError
from bpmatrix.inspection import symptoms
from bpmatrix.inspection.diagnosis import _chance, _relative_slopes
from bpmatrix.inspection.symptoms import LayerHealth

DIGITS = datasets.load("digits")
X, LABELS = DIGITS.train.X, DIGITS.train.labels
SCALE = DIGITS.scale


def network(sizes=(64, 30, 10), **arguments) -> Network:
    return Network(sizes, **{"input_scale": SCALE, "seed": 1, **arguments})


def kinds(diagnosis) -> set:
    return {(finding.kind, finding.layer) for finding in diagnosis.findings}


# ------------------------------------------------------------------------------- healthy networks


@pytest.mark.parametrize("epochs", [0, 2, 20])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"activation": "tanh", "cost": "log_likelihood"},
        {"activation": "relu", "cost": "log_likelihood"},
        {"cost": "quadratic"},
        {"dtype": "float32", "bias": False},
        {"activation": "gelu", "cost": "log_likelihood"},
        {"activation": "leaky_relu", "cost": "log_likelihood"},
    ],
    ids=str,
)
def test_nothing_is_found_in_a_healthy_network(arguments: dict, epochs: int) -> None:
    """Before, during and after a training that ends above 93 % on the test digits."""
    net = network(**arguments)
    rate = 3.0 if arguments.get("cost") == "quadratic" else 0.5
    optimizer = SGD(0.05 if "lu" in arguments.get("activation", "") else rate)
    if epochs:
        net.train(X, LABELS, epochs=epochs, optimizer=optimizer)
    before = net.parameters.tolist()
    diagnosis = diagnose(net, X, LABELS, optimizer=optimizer)
    assert kinds(diagnosis) == set()
    assert diagnosis.is_good
    assert str(diagnosis).startswith("Nothing found")
    assert net.parameters.tolist() == before
    assert net.epochs == epochs
    if epochs == 20:
        assert net.accuracy(DIGITS.test.X, DIGITS.test.labels) > 0.93
    assert diagnose(net, X, LABELS, optimizer=optimizer) == diagnosis


def test_nothing_is_found_in_healthy_regression_and_single_outputs() -> None:
    """Standardized targets; a single sigmoid output; two samples."""
    rng = np.random.default_rng(3)
    inputs = rng.standard_normal((5, 400))
    y = np.tanh(inputs[0]) + 0.1 * rng.standard_normal(400)
    net = Network([5, 20, 1], activation="tanh", output="identity", cost="quadratic", seed=1)
    assert diagnose(net, inputs, y, optimizer=SGD(0.05)).is_good
    assert diagnose(Network([5, 8, 1], seed=1), inputs, inputs[0] > 0).is_good
    assert diagnose(Network([5, 8, 2], seed=1), inputs[:, :2], [0, 1]).n_columns == 2


# ----------------------------------------------------------------------------------------- faults


def test_inputs_that_are_not_scaled() -> None:
    """Unscaled bytes are the first finding, with number and size, and without a warning."""
    diagnosis = diagnose(Network([64, 30, 10], seed=1), X, LABELS, optimizer=SGD(0.001))
    first = diagnosis.findings[0]
    size = np.sqrt((X.astype(float) ** 2).mean(axis=1))
    assert (first.kind, first.layer) == ("large_inputs", 1)
    assert first.value == pytest.approx(size.max(), rel=0.05)  # 1,000 of 1,200 samples
    assert "input_scale" in str(first)
    assert str(first) in str(diagnosis)


def test_inputs_that_are_scaled_twice() -> None:
    diagnosis = diagnose(network(input_scale=1 / 255), X * SCALE, LABELS)
    assert ("small_inputs", 1) in kinds(diagnosis)
    assert "scaled twice" in str(diagnosis)


def test_one_hot_inputs_are_not_small() -> None:
    inputs = np.eye(500)[:, np.arange(1000) % 500]
    diagnosis = diagnose(Network([500, 8, 2], seed=1), inputs, np.arange(1000) % 2)
    assert diagnosis.is_good


def test_dead_units() -> None:
    """Six of thirty ReLUs are negative for every sample; nothing else is found."""
    net = network(activation="relu", cost="log_likelihood")
    net.biases[0][:] = 5
    net.biases[0][:6] = -100
    net.weights[1][:] *= 0.1  # the other units are large now
    diagnosis = diagnose(net, X, LABELS, optimizer=SGD(0.05))
    assert kinds(diagnosis) == {("dead_units", 1)}
    assert diagnosis.findings[0].value == diagnosis.layers[0].dead == 6 / 30
    assert "6 of 30 relu units are dead" in str(diagnosis)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_saturated_units(activation: str) -> None:
    """Weights many times too large: flat almost everywhere, dead nowhere."""
    net = network(activation=activation, cost="log_likelihood")
    net.weights[0][:] *= 50
    diagnosis = diagnose(net, X, LABELS, optimizer=SGD(0.05))
    assert kinds(diagnosis) == {("saturated_units", 1)}
    assert f"of 30 {activation} units are saturated" in str(diagnosis)


def test_a_saturated_layer_that_has_learned_is_not_a_finding() -> None:
    net = network(activation="tanh", sizes=(64, 100, 50, 10))
    net.train(X, LABELS, epochs=30)
    diagnosis = diagnose(net, X, LABELS)
    assert diagnosis.layers[1].saturated > symptoms.SATURATED_SHARE
    assert diagnosis.cost < 0.01 * diagnosis.chance
    assert diagnosis.is_good


def test_a_sigmoid_that_is_always_1_is_dead() -> None:
    """Its slope is zero, as that of a ReLU that is always 0."""
    net = network()
    net.biases[0][:10] = 50
    assert diagnose(net, X, LABELS).layers[0].dead == 10 / 30


def test_wrong_outputs_that_are_saturated() -> None:
    """Nielsen's learning slowdown: with the quadratic cost, not with cross-entropy."""
    for cost, expected in [("quadratic", True), ("cross_entropy", False)]:
        net = network(cost=cost)
        net.biases[1][:] = 8
        diagnosis = diagnose(net, X, LABELS)
        assert (("slow_outputs", 2) in kinds(diagnosis)) == expected
        # Nine of ten outputs are wrong, each with sigma'(8) / sigma'(0) = 0.0013.
    assert diagnosis.layers[1].dead == 0


@pytest.mark.parametrize(("rate", "kind"), [(20.0, "large_updates"), (1e-5, "small_updates")])
def test_steps_of_the_wrong_length(rate: float, kind: str) -> None:
    net = network(cost="log_likelihood")
    diagnosis = diagnose(net, X, LABELS, optimizer=SGD(rate))
    assert {k for k, _ in kinds(diagnosis)} == {kind}
    assert "about 0.001 is usual" in str(diagnosis)


def test_the_size_of_an_update_is_that_of_the_step() -> None:
    """One step is eta times the gradient: with one mini-batch of all samples, computed here."""
    net = network()
    inputs, labels = X[:, :50], LABELS[:50]
    g = net.gradient(inputs, labels)
    diagnosis = diagnose(net, inputs, labels, optimizer=SGD(1e-6), mini_batch_size=50)
    for W, nabla, layer in zip(net.weights, g.weights, diagnosis.layers, strict=True):
        # Ten steps at a rate of 1e-6 hardly move the network, so all are alike.
        expected = 1e-6 * np.sqrt((nabla**2).mean() / (W**2).mean())
        assert layer.update == pytest.approx(expected, rel=1e-3)


def test_steps_that_diverge() -> None:
    rng = np.random.default_rng(1)
    inputs = rng.standard_normal((3, 100))
    net = Network([3, 1], activation="identity", cost="quadratic", seed=1)
    diagnosis = diagnose(net, inputs, inputs[0], optimizer=SGD(1e308))
    assert diagnosis.findings[0].kind == "large_updates"
    assert math.isinf(diagnosis.findings[0].excess)
    assert "not finite" in str(diagnosis)


def test_a_network_that_has_diverged() -> None:
    """Weights that are too large are the only finding; X is not blamed."""
    rng = np.random.default_rng(1)
    inputs = rng.standard_normal((3, 100))
    for layer, activation in ((1, "relu"), (2, "sigmoid")):
        net = Network([3, 4, 1], activation=activation, output="identity", cost="quadratic", seed=1)
        net.weights[layer - 1][:] = 1e308
        diagnosis = diagnose(net, inputs, inputs[0])
        assert kinds(diagnosis) == {("not_finite", layer)}
        assert diagnosis.layers == ()
        assert "start again with a smaller learning rate" in str(diagnosis)


def test_a_custom_function_that_is_not_defined_everywhere() -> None:
    own = OwnActivation(lambda z: math.log(1 + z), lambda z: 1 / (1 + z), "log1p")
    net = Network([1, 4, 1], activation=own, output="identity", cost="quadratic", seed=1)
    net.weights[0][:], net.biases[0][:] = 1, 0
    assert kinds(diagnose(net, [[-2.0, 3.0]], [0.0, 1.0])) == {("not_finite", 1)}
    assert not {("not_finite", 1), ("dead_units", 1)} & kinds(
        diagnose(net, [[2.0, 3.0]], [0.0, 1.0])
    )


def test_a_step_of_length_zero_is_not_a_small_step() -> None:
    """With all hidden units dead, their weights do not move; only "dead" is a finding."""
    net = network(activation="relu", cost="log_likelihood")
    net.biases[0][:] = -100
    diagnosis = diagnose(net, X, LABELS, optimizer=SGD(0.05))
    assert diagnosis.layers[0].update == 0
    assert kinds(diagnosis) == {("dead_units", 1)}


def test_steps_are_not_compared_with_weights_of_zero() -> None:
    """The first step of a regression from zero, as in the lessons, is not a finding."""
    net = network(sizes=(64, 10), cost="log_likelihood")
    net.parameters[:] = 0
    assert diagnose(net, X, LABELS, optimizer=SGD(0.05)).is_good


@pytest.mark.parametrize("m", [0, 2.5, "a", 1201])
def test_a_wrong_mini_batch_size(m) -> None:
    with pytest.raises(ArgumentError, match="mini_batch_size"):
        diagnose(network(), X, LABELS, mini_batch_size=m)


def test_an_initial_cost_far_above_chance() -> None:
    """Large weights in the last layer make an untrained network confident."""
    net = network(cost="log_likelihood")
    net.weights[1][:] *= 30
    diagnosis = diagnose(net, X, LABELS, optimizer=SGD(0.05))
    assert kinds(diagnosis) == {("initial_cost", None)}
    found = diagnosis.findings[0]
    # Uniform softmax: ln 10.
    assert found.value == pytest.approx(diagnosis.cost / math.log(10))


def test_targets_that_are_far_away() -> None:
    """Regression on targets about 1,000: the cost of the best constant is their variance / 2."""
    rng = np.random.default_rng(3)
    inputs = rng.standard_normal((5, 400))
    y = 1000 + inputs[0]
    net = Network([5, 20, 1], activation="tanh", output="identity", cost="quadratic", seed=1)
    diagnosis = diagnose(net, inputs, y, optimizer=SGD(1e-5))
    assert diagnosis.chance == pytest.approx(y.var() / 2, rel=1e-6)
    assert ("initial_cost", None) in kinds(diagnosis)
    assert "subtract their mean" in str(diagnosis)


def test_labels_that_do_not_belong_to_the_samples() -> None:
    """After training on shuffled labels the cost is that of the best constant output."""
    labels = np.random.default_rng(5).permutation(LABELS)
    net = network(cost="log_likelihood")
    net.train(X, labels, epochs=3, optimizer=SGD(0.01))
    diagnosis = diagnose(net, X, labels)
    assert ("nothing_learned", None) in kinds(diagnosis)
    assert "After 3 epochs" in str(diagnosis)


def test_the_worst_comes_first() -> None:
    net = Network([64, 30, 10], activation="relu", seed=1)
    net.biases[0][:20] = -10_000
    net.weights[1][:] *= 1000
    found = diagnose(net, X, LABELS, optimizer=SGD(1e-5)).findings
    assert len(found) >= 3
    assert [f.excess for f in found] == sorted((f.excess for f in found), reverse=True)


# ------------------------------------------------------------------------------- consistent advice

SMALLER, LARGER = "smaller learning rate", "larger learning rate"


def raw_table() -> tuple[np.ndarray, np.ndarray]:
    """Return a table of columns between 0.1 and 2,000 in size, and classes that depend on it."""
    rng = np.random.default_rng(8)
    hidden = rng.standard_normal((6, 200))
    inputs = 10.0 ** np.arange(-1, 5, 1)[:, None].clip(max=3.3) * (3 + hidden)
    return inputs, (hidden[0] + hidden[3] > 0).astype(int) + (hidden[1] > 1)


def test_units_flattened_by_long_steps() -> None:
    """Steps are short because units are flat, which too large a learning rate has caused."""
    net = network(sizes=(64, 50, 10), activation="tanh")
    net.train(X, LABELS, epochs=2, optimizer=SGD(300.0))
    assert net.cost(X, LABELS) > 100
    for optimizer in (None, SGD(300.0), SGD(0.01)):
        diagnosis = diagnose(net, X, LABELS, optimizer=optimizer)
        found = [finding.kind for finding in diagnosis.findings]
        assert found[0] == "dead_units"
        assert found[-1] == "nothing_learned"
        assert "small_updates" not in found
        assert diagnosis.layers[0].update < symptoms.SMALLEST_UPDATE  # measured all the same
        assert SMALLER in str(diagnosis)
        assert LARGER not in str(diagnosis)
        assert "another learning rate" not in str(diagnosis)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_the_first_advice_for_a_raw_table_works(activation: str) -> None:
    """Inputs come first, and scaling cures the rest."""
    inputs, labels = raw_table()
    net = Network([6, 20, 3], activation=activation, cost="log_likelihood", seed=1)
    diagnosis = diagnose(net, inputs, labels, optimizer=SGD(0.05))
    assert diagnosis.findings[0].kind == "large_inputs" or activation == "relu"
    assert LARGER not in str(diagnosis)
    assert "standardize each input" in str(diagnosis)
    units = [str(f) for f in diagnosis.findings if f.kind in {"dead_units", "saturated_units"}]
    assert all("Start with scaled inputs" in text and SMALLER not in text for text in units)
    mean, size = inputs.mean(axis=1, keepdims=True), inputs.std(axis=1, keepdims=True)
    assert diagnose(net, (inputs - mean) / size, labels, optimizer=SGD(0.05)).is_good


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "silu"])
@pytest.mark.parametrize("scale", [1e-5, 1.0, 300.0])
@pytest.mark.parametrize("rate", [1e-9, 0.1, 100.0])
def test_advice_never_conflicts(activation: str, scale: float, rate: float) -> None:
    """For small, normal and large weights, inputs and learning rates, trained or not."""
    rng = np.random.default_rng(21)
    inputs = scale * rng.standard_normal((4, 60))
    labels = (inputs[0] > 0).astype(int)
    for spread in (0.01, 1.0, 40.0):
        net = Network([4, 12, 12, 2], activation=activation, cost="log_likelihood", seed=2)
        net.parameters *= spread
        for _ in range(2):
            text = str(diagnose(net, inputs, labels, optimizer=SGD(rate)))
            assert not (SMALLER in text and LARGER in text), text
            assert not ("are small" in text and "scaled inputs" in text), text
            assert text.count("another learning rate") * len(text.splitlines()) <= 1, text
            try:
                net.train(inputs, labels, epochs=2, optimizer=SGD(rate))
            except DivergenceError:
                break


def health(l: int, update: float, longest: float | None = None) -> LayerHealth:
    return LayerHealth(l, 10, "relu", 0.0, 0.0, update, update if longest is None else longest)


def flat(kind: str, layer: int) -> symptoms.Finding:
    return symptoms.Finding(kind, layer, 0.9, 0.1, "")


LARGE_INPUTS = symptoms.Finding("large_inputs", 1, 50.0, 4.0, "")


@pytest.mark.parametrize(
    ("updates", "found", "trained", "small", "says"),
    [
        # Alone; below, at and above flat units.
        ([1e-8, 1e-3, 1e-3], [], True, [1], LARGER),
        ([1e-8, 1e-3, 1e-3], [flat("saturated_units", 2)], True, [], None),
        ([1e-8, 1e-8, 1e-3], [flat("dead_units", 1)], True, [], None),  # start again
        ([1e-8, 1e-8, 1e-3], [flat("dead_units", 1)], False, [2], LARGER),
        ([1e-8, 1e-8, 1e-8], [flat("slow_outputs", 3)], True, [], None),
        # A rate that is too large for one layer is too large.
        ([1e-8, 3.0, 1e-3], [], False, [1], "Use fewer layers or Adam"),
        ([1e-8, 1e-3, 3.0], [], False, [1], LARGER),  # the last layer recovers
        ([1e-8, 1e-3, 1e-3], [LARGE_INPUTS], False, [1], "scaled inputs and then a " + LARGER),
    ],
)
def test_which_short_steps_suggest_a_larger_rate(updates, found, trained, small, says) -> None:
    layers = [health(l, size) for l, size in enumerate(updates, start=1)]
    findings = list(symptoms.of_updates(layers, found, poor=True, trained=trained))
    short = [finding for finding in findings if finding.kind == "small_updates"]
    assert [finding.layer for finding in short] == small
    assert all(says in str(finding) for finding in short)


# ------------------------------------------------------------------------------------ measurements


def slopes_of(activation, z: np.ndarray) -> np.ndarray:
    return _relative_slopes(
        activation, LayerTrace(1, "", W=z, z=z, a=z, delta=z, nabla_b=z, nabla_W=z)
    )


@pytest.mark.parametrize("name", sorted(reference.SIGMA_PRIME))
def test_slopes_are_those_of_the_function(name: str) -> None:
    """The engine's sigma' equals the reference's, relative to its maximum."""
    z = np.linspace(-6, 6, 240).reshape(4, 60)
    expected = np.abs(reference.SIGMA_PRIME[name](z))
    steepest = np.abs(reference.SIGMA_PRIME[name](np.linspace(-3, 3, 601))).max()
    assert np.allclose(slopes_of(name, z), expected / steepest, rtol=1e-12, atol=1e-12)


@njit
def a_step(z: float) -> float:
    return 1 / (1 + math.exp(-20 * z))


def slope_of_the_step(z: float) -> float:
    return 20 * a_step(z) * (1 - a_step(z))


def test_slopes_of_a_custom_function() -> None:
    """A sigmoid twenty times as steep: units are saturated unless z is near 0."""
    step = OwnActivation(a_step, slope_of_the_step)
    z = np.linspace(-1, 1, 40).reshape(2, 20)
    expected = slope_of_the_step(0.0)
    slopes = [slope_of_the_step(value) / expected for value in z.flat]
    assert np.allclose(slopes_of(step, z).ravel(), slopes, rtol=1e-9, atol=1e-12)
    net = network(activation=step, output="softmax", cost="log_likelihood")
    net.weights[0][:] *= 3
    diagnosis = diagnose(net, X, LABELS, optimizer=SGD(0.05))
    assert ("saturated_units", 1) in kinds(diagnosis)
    assert "of 30 a_step units" in str(diagnosis)


def test_softmax_is_nowhere_flat() -> None:
    z = np.linspace(-50, 50, 6).reshape(2, 3)
    assert (slopes_of("softmax", z) == 1).all()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        # The best constant output is the share of each class: entropy, summed over outputs or not.
        ({"cost": "log_likelihood"}, lambda p: -(p * np.log(p)).sum()),
        (
            {"cost": "cross_entropy"},
            lambda p: -(p * np.log(p) + (1 - p) * np.log(1 - p)).sum(),
        ),
        ({"cost": "quadratic"}, lambda p: (p * (1 - p)).sum() / 2),
        ({"cost": "quadratic", "activation": "tanh"}, lambda p: (p * (1 - p)).sum() / 2),
        ({"cost": "quadratic", "activation": "relu"}, lambda p: (p * (1 - p)).sum() / 2),
    ],
)
def test_chance_is_the_cost_of_the_best_constant_output(arguments: dict, expected) -> None:
    labels = np.array([0, 0, 0, 0, 0, 1, 1, 1, 2, 2])
    Y = np.eye(3)[:, labels]
    chance, _ = _chance(Network([2, 4, 3], seed=1, **arguments), Y)
    assert chance == pytest.approx(expected(Y.mean(axis=1)), rel=1e-6)
