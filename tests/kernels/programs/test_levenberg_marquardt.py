"""J^T J and J^T e against a slow twin and central differences, steps against the twin and SciPy."""

from __future__ import annotations

import least_squares_twin as twin
import numpy as np
import pytest

from bpmatrix import LevenbergMarquardt, Network
from bpmatrix.network import gate
from bpmatrix.training.full_batch import DampedSteps
from bpmatrix.training.recipe import OptimizerState
from bpmatrix.training.slices import Progress

RNG = np.random.default_rng(5)
# More than one call of the tiles, more than one group of samples, and neither divides the other.
N = 1003
X, WEIGHTS = RNG.standard_normal((3, N)), RNG.random(N) + 0.1


def network(dtype="float64", output="identity", hidden=(5, 4), *, bias=True, outputs=2) -> Network:
    cost, scale = "quadratic", 0.7
    return Network(
        [3, *hidden, outputs], activation="tanh", output=output, cost=cost, input_scale=scale,
        bias=bias, dtype=dtype, seed=2,
    )  # fmt: skip


def targets(net: Network, n=N):
    return 0.5 + 0.3 * np.sin(np.arange(net.description.sizes[-1])[:, None] + X[:1, :n])


def system(net: Network, X, Y, weight=None, threads=1):
    """Return the upper triangle of J^T J, and J^T e, as the program sums them."""
    samples = gate.weighted_samples(net.description, X, Y, weight)
    state = OptimizerState.fresh(LevenbergMarquardt(), net.parameters)
    steps = DampedSteps(net.description, net.parameters, samples, state, threads)
    steps.call(0, 0, Progress(0, np.zeros((0, 3)), np.zeros((0, 2))))
    q = net.parameters.size + 1
    found = steps.fixed["normal"].reshape(q, q)
    return np.triu(found[:-1, :-1]), found[:-1, -1].copy()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"output": "sigmoid", "bias": False},
        {"output": "softplus", "outputs": 3},
        {"hidden": (), "outputs": 1},
        {"hidden": (40,)},  # more rows than are computed at a time
    ],
)
def test_the_sums_are_those_of_the_twin(dtype, shape):
    net = network(dtype, **shape)
    n = 140 if shape else N
    Y = targets(net, n)
    weight = WEIGHTS[:n] if "output" in shape else None
    A, g = system(net, X[:, :n], Y, weight)
    expected_A, expected_g = twin.normal_equations(net, X[:, :n], Y, weight)
    off = 1e-13 if dtype == "float64" else 3e-6
    np.testing.assert_allclose(A, np.triu(expected_A), rtol=0, atol=off * expected_A.max())
    np.testing.assert_allclose(g, expected_g, rtol=0, atol=off * np.sqrt(expected_A.max()))


def test_the_jacobian_is_that_of_central_differences():
    net, other = network(), network()
    Y, size = targets(net, 30), 1e-5
    e, J = twin.errors_and_jacobian(net, X[:, :30], Y)
    for k in range(net.parameters.size):
        a = []
        for h in (size, -size):
            other.parameters[:] = net.parameters
            other.parameters[k] += h
            a.append(other.feedforward(X[:, :30]))
        slope = ((a[0] - a[1]) / (2 * size)).T.ravel()
        np.testing.assert_allclose(J[:, k], slope, rtol=0, atol=1e-9)
    np.testing.assert_allclose(e, (net.feedforward(X[:, :30]) - Y).T.ravel(), rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_bits_are_the_same_for_any_number_of_threads(dtype):
    found = []
    for threads in (1, 2, 3, 7):
        net = network(dtype, hidden=(30,))
        A, g = system(net, X, targets(net), WEIGHTS, threads)
        history = net.train(
            X, targets(net), epochs=6, optimizer=LevenbergMarquardt(), sample_weight=WEIGHTS,
            n_threads=threads,
        )  # fmt: skip
        found.append((A.tobytes(), g.tobytes(), net.parameters.tobytes(), history.cost))
    assert all(one == found[0] for one in found)


@pytest.mark.parametrize("weight_decay", [0.0, 1e-3])
def test_the_steps_are_those_of_the_twin(weight_decay):
    ours, slow = network(), network()
    Y = targets(ours, 60)
    history = ours.train(
        X[:, :60], Y, epochs=12, optimizer=LevenbergMarquardt(), weight_decay=weight_decay
    )
    costs = twin.steps(slow, X[:, :60], Y, 12, 0.01, weight_decay)
    np.testing.assert_allclose(history.cost, costs, rtol=1e-6)
    np.testing.assert_allclose(ours.parameters, slow.parameters, rtol=0, atol=1e-4)


def test_the_minimum_is_that_of_scipy():
    scipy = pytest.importorskip("scipy.optimize")
    net, other = network(hidden=(2,), outputs=1), network(hidden=(2,), outputs=1)
    Y, X_few = targets(net, 80), X[:, :80]

    def errors(theta):
        other.parameters[:] = theta
        return (other.feedforward(X_few) - Y).ravel()

    start = net.parameters.copy()
    found = scipy.least_squares(errors, start, method="lm", xtol=1e-12, ftol=1e-12)
    history = net.train(X_few, Y, epochs=500, optimizer=LevenbergMarquardt())
    assert net.cost(X_few, Y) <= found.cost / 80 * (1 + 1e-6)
    assert history.stopped_by in {"converged", "epochs"}


def test_the_slope_at_the_end_is_zero():
    net = network(hidden=(3,), outputs=1)
    Y = targets(net, 50) + 0.1 * RNG.standard_normal(50)
    history = net.train(X[:, :50], Y, epochs=4000, optimizer=LevenbergMarquardt())
    assert history.stopped_by == "converged"
    assert np.abs(net.gradient(X[:, :50], Y).flat).max() < 1e-7


def test_the_sums_are_those_of_the_jacobian_of_torch():
    torch = pytest.importorskip("torch", reason="compares with its automatic differentiation")
    net = network(output="sigmoid")
    Y = targets(net, 50)
    names, tensors = ("tanh", "tanh", "sigmoid"), torch.tensor(X[:, :50] * 0.7)
    ends = np.cumsum([part.size for pair in zip(net.weights, net.biases, strict=True)
                      for part in pair])  # fmt: skip

    def errors(theta):
        parts, a = torch.tensor_split(theta, torch.tensor(ends[:-1])), tensors
        for W, b, name, shape in zip(
            parts[::2], parts[1::2], names, [W.shape for W in net.weights], strict=True
        ):
            a = getattr(torch, name)(W.reshape(shape) @ a + b[:, None])
        return (a - torch.tensor(Y)).ravel()

    theta = torch.tensor(net.parameters)
    J, e = torch.autograd.functional.jacobian(errors, theta).numpy(), errors(theta).numpy()
    A, g = system(net, X[:, :50], Y)
    np.testing.assert_allclose(A, np.triu(J.T @ J) / 50, rtol=0, atol=1e-13)
    np.testing.assert_allclose(g, J.T @ e / 50, rtol=0, atol=1e-13)
