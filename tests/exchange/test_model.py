"""Models as plain arrays, from each face."""

import numpy as np
import pytest

from bpmatrix import MLPClassifier, MLPRegressor, Network, OwnActivation
from bpmatrix.errors import ArgumentError, DataError
from bpmatrix.nielsen import network, network2

ROWS = np.random.default_rng(1).normal(3.0, [1.0, 20.0, 0.1], size=(40, 3))
NUMBERS = 100.0 + ROWS @ [5.0, 1.0, -40.0]


def outputs(model, rows, *, folded):
    """Return what the layers of identity units compute."""
    for W, b in model.layers(folded=folded):
        rows = rows @ W.T + b
    return rows


def test_folded_layers_take_the_rows_of_the_user():
    regressor = MLPRegressor(
        hidden_layer_sizes=(4,), activation="identity", standardize=True,
        learning_rate_init=0.05, max_iter=50, tol=0, random_state=1,
    )  # fmt: skip
    regressor.fit(ROWS, NUMBERS)
    model = regressor._exported()
    assert (model.kind, model.classes, model.feature_names) == ("regressor", None, None)
    found = outputs(model, ROWS, folded=True)[:, 0]
    # Sums of about ten terms, of which the largest is some 1e3.
    np.testing.assert_allclose(found, regressor.predict(ROWS), rtol=1e-12, atol=1e-10)
    standardized = (ROWS - model.inputs.mean) / model.inputs.scale
    raw = outputs(model, standardized, folded=False)
    undone = raw * model.targets.scale + model.targets.mean
    np.testing.assert_allclose(undone[:, 0], found, rtol=1e-12, atol=1e-10)


def test_the_input_scale_is_folded_and_missing_biases_are_zero():
    net = Network([3, 2], activation="identity", bias=False, input_scale=0.25, seed=1)
    ((W, b),) = net._exported().layers()
    np.testing.assert_array_equal(W, net.weights[0])
    np.testing.assert_array_equal(b, [0.0, 0.0])
    ((W, _),) = net._exported().layers(folded=True)
    np.testing.assert_array_equal(W, 0.25 * net.weights[0])


@pytest.mark.filterwarnings("ignore:the solver reached max_iter")
@pytest.mark.parametrize("trained_in", [np.float32, np.float64])
def test_means_that_are_rounded_to_float32_change_nothing(trained_in):
    """Rounding a mean of 1e6 alone would change the results by 1e-2."""
    rows = (1e6 + 1 / 3 + ROWS / [1, 20, 0.1]).astype(trained_in)
    regressor = MLPRegressor(
        hidden_layer_sizes=(), activation="identity", standardize=True, max_iter=1
    )
    exact = regressor.fit(rows, NUMBERS)._exported()
    small = exact.rounded("float32")
    assert (small.inputs.mean != exact.inputs.mean).all()

    def result(model):
        return outputs(model, (rows - model.inputs.mean) / model.inputs.scale, folded=False)

    # Weights, scales and biases have 24 bits.
    np.testing.assert_allclose(result(small), result(exact), rtol=0, atol=3e-6)


@pytest.mark.filterwarnings("ignore:the solver reached max_iter")
def test_a_classifier_has_classes_and_names_of_pandas():
    pandas = pytest.importorskip("pandas", reason="DataFrames have names")
    frame = pandas.DataFrame(ROWS, columns=["a", "b", "c"])
    words = np.where(ROWS[:, 0] > 3, "high", "low")
    model = MLPClassifier((2,), max_iter=1, tol=1e9).fit(frame, words)._exported()
    assert (model.kind, model.feature_names) == ("binary", ("a", "b", "c"))
    assert model.classes.tolist() == ["high", "low"]


@pytest.mark.parametrize("kind", [network.Network, network2.Network])
def test_the_networks_of_the_book(kind):
    book = kind([3, 2, 1])
    book.weights = [2 * W for W in book.weights]
    model = book._exported()
    assert (model.activations, model.kind) == (("sigmoid", "sigmoid"), "network")
    for (W, b), weights, biases in zip(model.layers(), book.weights, book.biases, strict=True):
        np.testing.assert_array_equal(W, weights)
        np.testing.assert_array_equal(b[:, None], biases)


def test_own_functions_and_infinite_parameters_are_refused():
    own = OwnActivation(abs_like, slope)
    with pytest.raises(ArgumentError, match="activation function of your own"):
        Network([2, 2, 1], activation=own, output="sigmoid")._exported()
    net = Network([2, 2, 1])
    net.parameters[3] = np.inf
    with pytest.raises(DataError, match="not finite"):
        net._exported()


def abs_like(z):
    return z if z > 0 else -z


def slope(z):
    return 1.0 if z > 0 else -1.0
