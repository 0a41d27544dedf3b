"""The bounds of the self-test against those of the tests' own error analysis."""

import numpy as np
import pytest
from numeric import forward_bound, unit_roundoff

from bpmatrix import Network
from bpmatrix.architecture.activations import ACTIVATIONS, find_activation
from bpmatrix.exchange.c_samples import STEEPEST, self_test_samples
from bpmatrix.reference import SIGMA_PRIME


def test_the_steepest_slopes():
    z = np.linspace(-20, 20, 100_001)
    bounded = {name for name in ACTIVATIONS if name not in {"exp", "softmax"}}
    assert set(STEEPEST) == bounded
    for name in bounded:
        assert SIGMA_PRIME[name](z).max() <= STEEPEST[name] <= 1.1 * SIGMA_PRIME[name](z).max()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_bounds_allow_for_rounding_but_not_for_much_more(activation):
    hidden = activation if find_activation(activation).elementwise else "tanh"
    cost = {"sigmoid": "cross_entropy", "softmax": "log_likelihood"}.get(activation, "absolute")
    net = Network(
        [20, 10, 4], activation=hidden, output=activation, cost=cost, dtype="float32", seed=1
    )
    model = net._exported()
    X, Y, bound = self_test_samples(model)
    assert X.shape == (5, 20)
    np.testing.assert_allclose(Y, net.feedforward(X.T).T, rtol=1e-4, atol=1e-6)
    weights = [W.astype(np.float64) for W in net.weights]
    biases = [b.astype(np.float64) for b in net.biases]
    off = forward_bound(weights, biases, model.activations, X.T, "float32").off[-1].T
    largest = unit_roundoff("float32") * off
    # For few inputs, several deviations of a sum of roundings are about the largest sum; slopes are
    # bounded by their maxima in two layers, and everything is doubled.
    assert (0.5 * largest <= bound).all()
    assert (bound <= 100 * largest).all()


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_the_bounds_of_wide_layers_are_small(activation):
    """Those of the largest sums of roundings exceed the outputs with ReLU."""
    net = Network(
        [784, 512, 512, 10], activation=activation, output="softmax", cost="log_likelihood",
        dtype="float32", seed=1,
    )  # fmt: skip
    X, Y, bound = self_test_samples(net._exported())
    assert (bound < 0.01 * Y).all()
    assert (np.abs(net.feedforward(X.T).T - Y) < 0.1 * bound).all()


def test_a_wrong_weight_is_found_in_most_places():
    """Of 64-30-10: a change by 10 % moves some output of some sample beyond its bound."""
    net = Network([64, 30, 10], activation="tanh", output="softmax", cost="log_likelihood", seed=1)
    X, Y, bound = self_test_samples(net._exported().rounded("float32"))
    places = np.random.default_rng(1).choice(net.parameters.size, 200, replace=False)
    found = 0
    for place in places:
        before = net.parameters[place]
        net.parameters[place] = 1.1 * before or 0.1
        found += bool((np.abs(net.feedforward(X.T).T - Y) > bound).any())
        net.parameters[place] = before
    assert found >= 170  # some weights are small
