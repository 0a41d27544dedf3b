"""`Network`: construction, outputs, and views of one vector."""

from __future__ import annotations

import copy
import pickle
import re
import warnings
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numeric import same_bits

from bpmatrix import Adam, Network, reference
from bpmatrix.errors import ArgumentError, AssignmentError, DataError

X = np.array([[0.0, 0.5, 1.0, -1.0], [2.0, -1.0, 0.25, 3.0]], order="F")
LABELS = np.array([0, 2, 1, 2])
Y = np.eye(3)[:, LABELS]
ROW = np.array([0.0, 1.0, 1.0, 0.0])


def brief(value: object) -> str:
    return repr(value)[:20]


# ---------------------------------------------------------------------------------- construction


@pytest.mark.parametrize(
    ("arguments", "activations"),
    [
        ({}, ("sigmoid", "sigmoid")),
        ({"cost": "log_likelihood"}, ("sigmoid", "softmax")),
        ({"cost": "quadratic"}, ("sigmoid", "sigmoid")),
        ({"cost": "quadratic", "activation": "tanh"}, ("tanh", "tanh")),
        ({"cost": "quadratic", "activation": "relu"}, ("relu", "identity")),
        ({"cost": "quadratic", "activation": "identity"}, ("identity", "identity")),
        ({"activation": "relu"}, ("relu", "sigmoid")),
        ({"activation": "relu", "cost": "log_likelihood"}, ("relu", "softmax")),
        ({"activation": "tanh", "cost": "quadratic", "output": "relu"}, ("tanh", "relu")),
        ({"activation": ["tanh", "sigmoid"]}, ("tanh", "sigmoid")),
        ({"activation": ["tanh"], "output": "sigmoid"}, ("tanh", "sigmoid")),
    ],
)
def test_output_is_chosen_by_the_cost(arguments: dict, activations: tuple) -> None:
    """Without `output`: sigmoid, softmax, or the function of the other layers."""
    assert Network([2, 3, 1], **arguments).description.activations == activations


def test_defaults() -> None:
    """Cross-entropy, sigmoid, float64, biases, unscaled inputs."""
    d = Network([2, 3, 1]).description
    assert (d.sizes, d.cost, d.activations) == ((2, 3, 1), "cross_entropy", ("sigmoid",) * 2)
    assert (d.input_scale, d.bias, d.dtype) == (1.0, True, "float64")


WRONG = [
    {"sizes": 5},
    {"sizes": []},
    {"sizes": [2]},
    {"sizes": [2, 0]},
    {"sizes": [2, True]},
    {"sizes": "23"},
    {"sizes": None},
    {"activation": None},
    {"activation": 5},
    {"activation": []},
    {"activation": ["tanh"] * 3},
    {"activation": ["tanh", "tanh"], "output": "sigmoid"},
    {"activation": "softmax"},
    {"activation": [["tanh"], "sigmoid"]},
    {"activation": "tanh", "output": "tanh"},
    {"output": "softmax"},
    {"output": "softmax", "cost": "quadratic"},
    {"output": "sigmoid", "cost": "log_likelihood"},
    {"output": 5},
    {"cost": None},
    {"cost": ["quadratic"]},
    {"cost": "hinge"},
    {"initializer": "xavier"},
    {"initializer": ["he"]},
    {"initializer": 3},
    {"input_scale": 0},
    {"input_scale": np.nan},
    {"input_scale": "1/255"},
    {"input_scale": [1.0, 2.0]},
    {"bias": "yes"},
    {"bias": None},
    {"dtype": "float16"},
    {"dtype": np.int32},
    {"dtype": np.float32},
    {"dtype": np.dtype("float32")},
    {"dtype": "f4"},
    {"dtype": None},
    {"dtype": 5},
    {"dtype": "nonsense"},
    {"seed": -1},
    {"seed": 1.0},
    {"seed": "1"},
    {"seed": True},
]


@pytest.mark.parametrize("wrong", WRONG, ids=brief)
def test_wrong_arguments_raise_an_argument_error(wrong: dict) -> None:
    """Whatever their type."""
    with pytest.raises(ArgumentError):
        Network(**{"sizes": [2, 3, 1], **wrong})


@pytest.mark.parametrize("sizes", [[2, 3, 1], (2, 3, 1), np.array([2, 3, 1]), iter([2, 3, 1])])
def test_sizes_of_any_sequence(sizes) -> None:
    """A list, a tuple, an array or an iterator."""
    assert Network(sizes).description.sizes == (2, 3, 1)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_results_have_the_dtype_of_the_network(dtype: str) -> None:
    """Parameters, outputs and gradient, whatever the dtype of the inputs."""
    net = Network([2, 1], dtype=dtype)
    assert net.description.dtype == dtype
    for inputs in (X, X.astype(np.float32), X.astype(int)):
        assert net.parameters.dtype == dtype
        assert net.feedforward(inputs).dtype == dtype
        assert net.gradient(inputs, ROW).flat.dtype == dtype


@given(st.integers(0, 2**70), st.integers(1, 99) | st.integers(1, 2**70))
def test_same_seed_same_weights(seed: int, step: int) -> None:
    """A seed of any size determines weights and order; other seeds give others."""
    nets = [Network([2, 3, 3], seed=s) for s in (seed, seed, seed + step)]
    for net in nets:
        net.train(X, LABELS, epochs=1)
    assert nets[0].seed == nets[1].seed == seed
    assert same_bits(nets[0].parameters, nets[1].parameters)
    assert not same_bits(nets[0].parameters, nets[2].parameters)


def test_no_seed_draws_one_and_records_it() -> None:
    """Two networks without a seed differ; the recorded seed reproduces each."""
    nets = [Network([2, 3, 3]) for _ in range(2)]
    assert nets[0].seed != nets[1].seed  # one in 4 billion would be equal
    for net in nets:
        same = Network([2, 3, 3], seed=net.seed)
        assert same_bits(net.parameters, same.parameters)
        assert net.train(X, LABELS, epochs=2).cost == same.train(X, LABELS, epochs=2).cost
        assert same_bits(net.parameters, same.parameters)


def test_weights_and_order_come_from_different_streams() -> None:
    """The order of the samples does not depend on how many weights were drawn."""
    costs = {}
    for hidden in (3, 4):
        net = Network([2, hidden, 3], seed=5)
        state = net._training.shuffler.bit_generator.state
        costs[hidden] = state["state"]
    assert costs[3] == costs[4]


# ----------------------------------------------------------------------------- one vector of views


def assert_views(net: Network) -> None:
    """Assert that weights and biases are views of the one vector that the engine uses."""
    assert all(np.shares_memory(view, net.parameters) for view in (*net.weights, *net.biases))
    before = net.feedforward(X).copy()
    net.weights[0][0, 0] += 1
    assert not same_bits(net.feedforward(X), before)
    net.parameters[0] -= 1
    net.biases[-1][:] += 2
    assert not same_bits(net.feedforward(X), before)


def through_pickle(protocol: int):
    """Return a function that copies by pickling with this protocol."""
    return lambda net: pickle.loads(pickle.dumps(net, protocol))


COPIES = {"copy": copy.copy, "deepcopy": copy.deepcopy} | {
    f"protocol {p}": through_pickle(p) for p in range(pickle.HIGHEST_PROTOCOL + 1)
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_copies_are_whole_and_apart(copied, dtype: str) -> None:
    """A copy has views of its own vector, and continues training as the original does."""
    net = Network([2, 3, 3], seed=1, dtype=dtype, input_scale=0.5)
    net.train(X, LABELS, epochs=2, optimizer=Adam(0.25))
    same = copied(net)
    assert not np.shares_memory(net.parameters, same.parameters)
    assert (same.description, same.seed, same.epochs) == (net.description, 1, 2)
    assert same.trained == net.trained
    first = net.train(X, LABELS, epochs=3)
    assert same.epochs == 2
    second = same.train(X, LABELS, epochs=3)
    assert same_bits(net.parameters, same.parameters)
    assert first.cost == second.cost
    assert first.learning_rate == second.learning_rate == [0.25] * 3
    assert_views(same)
    assert_views(net)


def test_the_views_are_one_writable_vector() -> None:
    """Writing into a view changes the network."""
    assert_views(Network([2, 3, 1], seed=1))
    net = Network([2, 3, 1], bias=False)
    assert net.biases == ()
    assert net.parameters.size == 9


@pytest.mark.parametrize("place", ["parameters", "weights[0]", "biases[-1]"])
def test_numbers_are_changed_in_place_and_arrays_are_not_replaced(place: str) -> None:
    """`+=` works; `=` raises an error that says what to write, and changes nothing."""
    net = Network([2, 3, 1], seed=1)
    names = {"net": net, "array": 0.5}
    before = eval(f"net.{place}.copy()", names)
    exec(f"net.{place} += 1", names)
    assert same_bits(eval(f"net.{place}", names), before + 1)
    assert all(np.shares_memory(view, net.parameters) for view in (*net.weights, *net.biases))
    whole = net.parameters.copy()
    for statement in (
        f"{place} = array",
        "weights = array",
        "biases = array",
        "parameters = array",
    ):
        with pytest.raises(AssignmentError, match="cannot be replaced"):
            exec(f"net.{statement}", names)
    assert same_bits(net.parameters, whole)
    with pytest.raises(AssignmentError) as caught:
        exec(f"net.{place} = array", names)
    exec("net." + re.search(r"Write (.*) to copy", str(caught.value))[1], names)
    assert (eval(f"net.{place}", names) == 0.5).all()


def test_repr_is_one_line() -> None:
    """Sizes, functions, cost, type and the number of parameters."""
    net = Network([2, 3, 1], activation="relu", dtype="float32", cost="quadratic")
    assert repr(net) == ("Network([2, 3, 1], relu-identity, quadratic, float32, 13 parameters)")


# --------------------------------------------------------------------------------------- answers


def test_feedforward_is_that_of_the_reference() -> None:
    """Outputs are (n_L, m), one column per column of X, and equal the book's.

    The bound allows for some twenty operations on numbers of size 1 to 10.
    """
    net = Network([2, 5, 3], activation="tanh", cost="log_likelihood", input_scale=0.5, seed=2)
    a = net.feedforward(X)
    expected = reference.feedforward(net.weights, net.biases, ("tanh", "softmax"), X / 2)[1][-1]
    assert a.shape == (3, 4)
    np.testing.assert_allclose(a, expected, rtol=0, atol=200 * np.finfo(float).eps)


@pytest.mark.parametrize("outputs", [[[1.0, 2, 2], [1, 2, 3], [0, 1, 3]], [[0.0] * 3] * 3])
def test_predict_is_argmax_with_ties_to_the_lowest(outputs: list) -> None:
    """The class is the largest output, in case of a tie the lowest."""
    net = Network([3, 3], activation="identity", cost="quadratic", bias=False)
    net.weights[0][:] = outputs
    expected = [max(range(3), key=lambda k, j=j: (outputs[k][j], -k)) for j in range(3)]
    assert net.predict(np.eye(3)).tolist() == expected
    assert net.predict(np.eye(3)).dtype == np.int64
    assert net.accuracy(np.eye(3), expected) == 1
    assert net.accuracy(np.eye(3), [(k + 1) % 3 for k in expected]) == 0
    # The class of a column of Y is found by the same rule.
    assert net.accuracy(np.eye(3), outputs) == 1


@pytest.mark.parametrize("cost", ["cross_entropy", "quadratic"])
def test_a_single_sigmoid_is_1_above_one_half(cost: str) -> None:
    """At exactly 0.5 the class is 0; the smallest number above it gives 1."""
    net = Network([1, 1], cost=cost, bias=False)
    net.weights[0][:] = 1
    z = np.array([[-1.0, -1e-300, 0.0, 1e-300, 1e-15, 1.0]])
    a = net.feedforward(z)[0]
    assert a[2] == a[3] == 0.5
    assert a[4] > 0.5
    assert net.predict(z).tolist() == [0, 0, 0, 0, 1, 1]
    assert net.accuracy(z, [0.0, 0, 0, 0, 1, 1]) == 1
    assert net.accuracy(z, [[1, 1, 1, 1, 1, 1]]) == 2 / 6


@pytest.mark.parametrize("activation", ["identity", "tanh", "relu"])
def test_another_single_output_does_not_predict_a_class(activation: str) -> None:
    """`predict` and `accuracy` raise an error; training records no accuracy."""
    net = Network([2, 1], output=activation, activation="tanh", cost="quadratic", seed=1)
    for call in (lambda: net.predict(X), lambda: net.accuracy(X, ROW)):
        with pytest.raises(ArgumentError, match="feedforward"):
            call()
    history = net.train(X, ROW, epochs=2, validation=(X, ROW))
    assert history.accuracy == history.validation_accuracy == []
    assert len(history.cost) == len(history.validation_cost) == 2


@pytest.mark.parametrize("cost", ["cross_entropy", "log_likelihood", "quadratic"])
def test_labels_mean_their_one_hot_columns(cost: str) -> None:
    """Every method gives the same bits for labels as for Y."""
    net = Network([2, 5, 3], cost=cost, seed=2)
    assert net.cost(X, LABELS) == net.cost(X, Y)
    assert net.accuracy(X, LABELS) == net.accuracy(X, Y)
    assert same_bits(net.gradient(X, LABELS).flat, net.gradient(X, Y).flat)
    assert str(net.trace(X, LABELS)) == str(net.trace(X, Y))


def test_a_vector_is_the_row_of_a_single_output() -> None:
    """With one output, 1-D targets are the row (1, n), in every method and of any type."""
    net = Network([2, 5, 1], seed=2)
    for vector in (ROW, ROW.tolist(), ROW.astype(int), ROW.astype(bool)):
        assert net.cost(X, vector) == net.cost(X, ROW[None, :])
        assert net.accuracy(X, vector) == net.accuracy(X, ROW[None, :])
        assert same_bits(net.gradient(X, vector).flat, net.gradient(X, ROW[None, :]).flat)
        assert str(net.trace(X, vector)) == str(net.trace(X, ROW[None, :]))
    nets = [Network([2, 5, 1], seed=2) for _ in range(2)]
    nets[0].train(X, ROW, epochs=2)
    nets[1].train(X, ROW[None, :], epochs=2)
    assert same_bits(nets[0].parameters, nets[1].parameters)


def test_the_gradient_is_shaped_as_the_network() -> None:
    """`.weights[i]` and `.biases[i]` are views of `.flat`, in the order of theta."""
    net = Network([2, 5, 3], seed=2)
    gradient = net.gradient(X, LABELS)
    assert [W.shape for W in gradient.weights] == [W.shape for W in net.weights]
    assert [b.shape for b in gradient.biases] == [b.shape for b in net.biases]
    assert gradient.flat.shape == net.parameters.shape
    assert np.shares_memory(gradient.weights[1], gradient.flat)
    assert not np.shares_memory(gradient.flat, net.parameters)


def test_cost_and_gradient_exclude_the_penalty() -> None:
    """Also after training with weight decay."""
    net = Network([2, 5, 3], seed=2)
    net.train(X, LABELS, epochs=1, weight_decay=0.5)
    same = Network([2, 5, 3], seed=3)
    same.parameters[:] = net.parameters
    assert same.cost(X, LABELS) == net.cost(X, LABELS)
    assert same_bits(same.gradient(X, LABELS).flat, net.gradient(X, LABELS).flat)


def test_only_train_changes_a_network() -> None:
    """Other methods leave parameters, order and number of epochs alone."""
    net = Network([2, 5, 3], seed=2)
    before, state = net.parameters.copy(), net._training.shuffler.bit_generator.state
    net.feedforward(X), net.predict(X), net.accuracy(X, Y), net.cost(X, Y)
    net.gradient(X, Y), net.trace(X, Y), repr(net), copy.deepcopy(net)
    assert same_bits(net.parameters, before)
    assert net._training.shuffler.bit_generator.state == state
    assert net.epochs == 0


def test_finite_input_of_any_size_gives_no_warning() -> None:
    """Numbers up to the largest float64 cause no RuntimeWarning in any method."""
    huge = X * (np.finfo(float).max / 4)
    for cost, activation in (("cross_entropy", "tanh"), ("log_likelihood", "relu")):
        net = Network([2, 5, 3], cost=cost, activation=activation, seed=2)
        overflow = DataError if activation == "relu" else ()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for call in (net.feedforward, net.predict):
                with suppress(overflow):
                    call(huge)
            for call in (net.accuracy, net.cost, net.gradient):
                with suppress(overflow):
                    call(huge, LABELS)
            str(net.trace(huge, LABELS))


def test_read_only_parameters_are_read_and_not_trained() -> None:
    """A frozen network predicts the same bits and compiles nothing; `train` raises an error."""
    net = Network([2, 3], seed=1)
    before = net.feedforward(X)
    net.parameters.flags.writeable = False
    from bpmatrix.kernels.programs.evaluate import evaluate  # noqa: PLC0415 - numba loads here

    signatures = list(evaluate.signatures)
    assert same_bits(net.feedforward(X), before)
    assert evaluate.signatures == signatures
    with pytest.raises(ArgumentError, match=r"read-only.*writeable = True"):
        net.train(X, LABELS, epochs=1)


# ------------------------------------------------------------------------------- weights too large


@pytest.mark.parametrize("n", [3, 5000])  # the fast path, and the general one
@pytest.mark.parametrize("layer", [0, 1])
def test_an_output_that_is_nan_is_an_error(n: int, layer: int) -> None:
    """If sums overflow, no class is predicted and no figure is NaN; outputs may be infinite."""
    net = Network([3, 4, 3], activation="relu", cost="log_likelihood", seed=1)
    net.weights[layer][:] *= 1e308 / np.abs(net.weights[layer]).max()
    X = 100 * np.abs(np.random.default_rng(1).standard_normal((3, n)))
    labels = np.arange(n) % 3
    for call in (
        lambda: net.feedforward(X),
        lambda: net.predict(X),
        lambda: net.accuracy(X, labels),
        lambda: net.cost(X, labels),
        lambda: net.gradient(X, labels),
        lambda: net.input_gradient(X, labels),
    ):
        with pytest.raises(DataError, match=r"is NaN: weights or inputs are so large"):
            call()
    finite = Network([1, 1], activation="identity", cost="quadratic", seed=1)
    finite.weights[0][:] = 1e308
    assert finite.feedforward([[1e10]]) == np.inf
