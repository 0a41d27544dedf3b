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
    least = unit_roundoff("float32") * off
    assert (least <= bound).all()
    # Slopes are bounded by their maxima in two layers, and everything is doubled.
    assert (bound <= 200 * least + 1e-12).all()
