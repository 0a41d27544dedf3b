"""The lessons: regression with one neuron, deeper networks, layer-by-layer updates."""

from __future__ import annotations

import numpy as np
import pytest
from book_twin import squash

from bpmatrix import SGD, Network, lessons
from bpmatrix.errors import ArgumentError, DivergenceError, ShapeError

RNG = np.random.default_rng(3)
N = 40
X = RNG.standard_normal((3, N))
TRUTH = np.array([[1.5, -2.0, 0.5]])
VALUES = TRUTH @ X + 0.7 + 0.1 * RNG.standard_normal((1, N))
# Not linearly separable, so the best weights are finite.
ANSWERS = ((TRUTH @ X + 0.7 > 0) ^ (RNG.random((1, N)) < 0.15)).astype(float)
PAIRS = {"linear": ("identity", "quadratic"), "logistic": ("sigmoid", "cross_entropy")}
WITH_ONES = np.vstack([X, np.ones(N)])


def whole_batches(net: Network, inputs, targets, epochs: int, rate: float) -> None:
    net.train(inputs, targets, epochs=epochs, mini_batch_size=N, optimizer=SGD(rate))


def neuron(kind: str, n_in: int = 3, *, bias: bool = True) -> Network:
    activation, cost = PAIRS[kind]
    return Network([n_in, 1], activation=activation, cost=cost, bias=bias, seed=1)


def test_one_linear_neuron_is_linear_regression() -> None:
    """Gradient descent converges to the solution of numpy.linalg.lstsq.

    With the eigenvalues of X X^T / n in [0.4, 2] and rate 0.3, errors shrink by 0.88 per epoch.
    """
    net = neuron("linear")
    whole_batches(net, X, VALUES, 500, 0.3)
    best = np.linalg.lstsq(WITH_ONES.T, VALUES[0], rcond=None)[0]
    np.testing.assert_allclose(net.parameters, best, atol=1e-6)


def test_one_sigmoid_neuron_is_logistic_regression() -> None:
    """Gradient descent converges to the result of Newton's method, which is written out here."""
    net = neuron("logistic")
    whole_batches(net, X, ANSWERS, 5000, 1.0)
    theta = np.zeros(4)
    for _ in range(50):
        p = squash(theta @ WITH_ONES)
        hessian = (WITH_ONES * (p * (1 - p))) @ WITH_ONES.T
        theta -= np.linalg.solve(hessian, WITH_ONES @ (p - ANSWERS[0]))
    np.testing.assert_allclose(net.parameters, theta, atol=1e-6)


@pytest.mark.parametrize("kind", ["linear", "logistic"])
def test_a_row_of_ones_is_the_bias(kind) -> None:
    """As in the lesson: no biases, and a 1 below each sample."""
    plain, ones = neuron(kind), neuron(kind, 4, bias=False)
    ones.parameters[:] = plain.parameters
    targets = {"linear": VALUES, "logistic": ANSWERS}[kind]
    whole_batches(plain, X, targets, 20, 0.3)
    whole_batches(ones, WITH_ONES, targets, 20, 0.3)
    np.testing.assert_allclose(ones.parameters, plain.parameters, atol=1e-13)


@pytest.mark.parametrize("sizes", [[3, 4, 1], [3, 4, 5, 1], [3, 2, 4, 3, 2, 1]], ids=str)
def test_linear_layers_compute_linear_regression(sizes) -> None:
    """A stack of linear layers is a linear function: the least squares solution."""
    net = Network(sizes, activation="identity", cost="quadratic", seed=1)
    whole_batches(net, X, VALUES, 4000, 0.05)
    best = np.linalg.lstsq(WITH_ONES.T, VALUES[0], rcond=None)[0]
    np.testing.assert_allclose(net.feedforward(X)[0], best @ WITH_ONES, atol=1e-6)


@pytest.mark.parametrize("sizes", [[3, 1], [3, 4, 1], [3, 4, 5, 1]], ids=str)
def test_updates_in_sequence_compute_linear_regression(sizes) -> None:
    net = Network(sizes, activation="identity", cost="quadratic", seed=1)
    lessons.train_in_sequence(net, X, VALUES, epochs=1000, learning_rate=0.05)
    best = np.linalg.lstsq(WITH_ONES.T, VALUES[0], rcond=None)[0]
    np.testing.assert_allclose(net.feedforward(X)[0], best @ WITH_ONES, atol=1e-6)


@pytest.mark.parametrize("sizes", [[2, 4, 1], [2, 6, 5, 1]], ids=str)
def test_layers_of_sigmoids_learn_what_one_neuron_cannot(sizes) -> None:
    """Exclusive or is not linearly separable."""
    corners = np.array([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]])
    answers = np.array([[0.0, 1.0, 1.0, 0.0]])
    deep, single = Network(sizes, seed=1), Network([2, 1], seed=1)
    for net in (deep, single):
        net.train(corners, answers, epochs=5000, mini_batch_size=4, optimizer=SGD(1.0))
    assert lessons.share_of_right_answers(deep, corners, answers) == 100
    assert lessons.share_of_right_answers(single, corners, answers) <= 75


def lesson_in_sequence(weights, biases, names, x, y, rate, epochs) -> None:
    """The lesson's order, in NumPy: update the last layer, go forward again, update the next."""
    functions = {
        "sigmoid": (squash, lambda z: squash(z) * (1 - squash(z))),
        "identity": (lambda z: z, np.ones_like),
        "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    }
    n = x.shape[1]
    for _ in range(epochs):
        for l in reversed(range(len(weights))):
            a, z = [x], []
            for W, b, name in zip(weights, biases, names, strict=True):
                z.append(W @ a[-1] + b)
                a.append(functions[name][0](z[-1]))
            error = a[-1] - y  # for identity with quadratic cost, and sigmoid with cross-entropy
            for k in reversed(range(l, len(weights) - 1)):
                error = (weights[k + 1].T @ error) * functions[names[k]][1](z[k])
            weights[l] = weights[l] - rate * error @ a[l].T / n
            biases[l] = biases[l] - rate * error.sum(axis=1, keepdims=True) / n


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", ["linear", "logistic"])
@pytest.mark.parametrize("sizes", [[3, 1], [3, 4, 2], [3, 4, 5, 2, 2]], ids=str)
def test_updates_in_sequence_are_the_lessons(sizes, kind, bias) -> None:
    """They equal the NumPy version at any depth, with and without biases."""
    layers = len(sizes) - 1
    last, cost = PAIRS[kind]
    names = ["tanh"] * (layers - 1) + [last]
    net = Network(sizes, activation=names, cost=cost, bias=bias, seed=1)
    Y = RNG.random((sizes[-1], N))
    weights = [W.copy() for W in net.weights]
    biases = [b.copy() for b in net.biases] or [np.zeros((len(W), 1)) for W in weights]
    costs = lessons.train_in_sequence(net, X, Y, epochs=15, learning_rate=0.2)

    x = X
    if bias:
        lesson_in_sequence(weights, biases, names, x, Y, 0.2, 15)
    else:

        class Nothing(list):
            """Biases that stay zero."""

            def __setitem__(self, place, value):
                pass

        lesson_in_sequence(weights, Nothing(biases), names, x, Y, 0.2, 15)
    for ours, plain in zip(net.weights, weights, strict=True):
        np.testing.assert_allclose(ours, plain, rtol=0, atol=1e-13)
    for ours, plain in zip(net.biases, biases, strict=False):
        np.testing.assert_allclose(ours, plain, rtol=0, atol=1e-13)
    assert len(costs) == 15
    assert costs[-1] == net.cost(X, Y)


def test_the_order_of_updates_makes_a_difference() -> None:
    """Except with one layer: the gradient of a lower layer uses the new weights above it."""
    for sizes, same in (([3, 1], True), ([3, 4, 1], False)):
        together, apart = (Network(sizes, seed=1) for _ in range(2))
        whole_batches(together, X, ANSWERS, 1, 0.5)
        lessons.update_in_sequence(apart, X, ANSWERS, 0.5)
        np.testing.assert_allclose(apart.weights[-1], together.weights[-1], atol=1e-14)
        gap = np.abs(apart.weights[0] - together.weights[0]).max()
        assert (gap < 1e-14) == same


def test_the_lessons_accuracies_by_hand() -> None:
    net = neuron("linear", 1)
    net.parameters[:] = [1, 0]
    rows = [[1.0, 2.0, 3.0, 4.0]]
    targets = [[1.0, 5.0, 3.0, 8.0]]  # errors 0, 3, 0, 4: root of the sum of squares 5, 4 samples
    assert lessons.regression_accuracy(net, rows, targets) == 100 - 5 / 4 * 100
    assert lessons.regression_accuracy(net, rows, targets[0]) == 100 - 5 / 4 * 100
    with pytest.raises(ShapeError, match="the shape of the outputs"):
        lessons.regression_accuracy(net, rows, [[1.0], [2.0]])
    net = neuron("logistic", 1)
    net.parameters[:] = [1, -2.5]
    assert lessons.share_of_right_answers(net, rows, [0.0, 1.0, 1.0, 1.0]) == 75


def test_wrong_arguments_and_divergence() -> None:
    net = neuron("linear")
    before = net.parameters.copy()
    for wrong in (-1, np.nan, "1"):
        with pytest.raises(ArgumentError):
            lessons.update_in_sequence(net, X, VALUES, wrong)
    with pytest.raises(ShapeError):
        lessons.train_in_sequence(net, X.T, VALUES, epochs=1, learning_rate=0.1)
    assert (net.parameters == before).all()
    with pytest.raises(DivergenceError, match="Lower the learning rate") as caught:
        lessons.train_in_sequence(net, X, VALUES, epochs=2000, learning_rate=10)
    assert caught.value.epoch > 1
    # The weights are those from before the epoch that diverged.
    same = neuron("linear")
    lessons.train_in_sequence(same, X, VALUES, epochs=caught.value.epoch - 1, learning_rate=10)
    assert (net.parameters == same.parameters).all()


class Layer:
    """A layer as an object that stores its error and delta, as in a lesson of 2013."""

    def __init__(self, W, b):
        self.W, self.b = W.copy(), b.copy()

    def forward(self, x):
        self.x, self.out = x, squash(self.W @ x + self.b)
        return self.out

    def backward(self, error):
        self.error = error
        self.delta = error * self.out * (1 - self.out)
        return self.W.T @ self.delta

    def update(self, rate):
        self.W -= rate * self.delta @ self.x.T
        self.b -= rate * self.delta


def test_mini_batches_of_one_are_the_network_of_layer_objects() -> None:
    """Step by step: the same weights after each sample, and the same deltas as in the trace."""
    net = Network([3, 4, 2], cost="quadratic", seed=1)
    layers = [Layer(W, b) for W, b in zip(net.weights, net.biases, strict=True)]
    Y = RNG.random((2, N))
    whole = Network([3, 4, 2], cost="quadratic", seed=1)
    whole.train(X, Y, epochs=1, mini_batch_size=1, shuffle=False, optimizer=SGD(0.8))
    for j in range(N):
        x, y = X[:, j : j + 1], Y[:, j : j + 1]
        trace = net.trace(x, y)
        net.train(x, y, epochs=1, mini_batch_size=1, shuffle=False, optimizer=SGD(0.8))
        out = x
        for layer in layers:
            out = layer.forward(out)
        error = out - y
        for layer in reversed(layers):
            error = layer.backward(error)
        for layer, seen in zip(layers, trace.layers, strict=True):
            np.testing.assert_allclose(seen.delta, layer.delta, rtol=0, atol=1e-14)
            layer.update(0.8)
        for l, layer in enumerate(layers):
            np.testing.assert_allclose(net.weights[l], layer.W, rtol=0, atol=1e-13)
            np.testing.assert_allclose(net.biases[l], layer.b, rtol=0, atol=1e-13)
    # An epoch without shuffling equals these steps.
    assert (whole.parameters == net.parameters).all()


@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy", "log_likelihood"])
def test_delta_is_the_derivative_with_respect_to_z(cost) -> None:
    """The book's demon adds a small h to the z of a neuron: the cost changes by h delta."""
    output = {"quadratic": "tanh", "cross_entropy": "sigmoid", "log_likelihood": "softmax"}[cost]
    names = ["tanh", "sigmoid", output]
    net = Network([3, 4, 5, 3], activation=names, cost=cost, seed=1)
    x, Y = X[:, :6], np.eye(3)[:, RNG.integers(3, size=6)]

    def softmax(z):
        e = np.exp(z - z.max(axis=0))
        return e / e.sum(axis=0)

    sigma = {"tanh": np.tanh, "sigmoid": squash, "softmax": softmax}

    def costs(layer, push):
        """Return the cost of each column, `push` added to the z of a layer."""
        a = x
        for l, (W, b, name) in enumerate(zip(net.weights, net.biases, names, strict=True)):
            z = W @ a + b
            a = sigma[name](z + push if l == layer else z)
        if cost == "quadratic":
            return 0.5 * ((a - Y) ** 2).sum(axis=0)
        terms = Y * np.log(a)
        if cost == "cross_entropy":
            terms = terms + (1 - Y) * np.log(1 - a)
        return -terms.sum(axis=0)

    h = 1e-5  # a central difference errs by about h^2 + eps / h
    for l, layer in enumerate(net.trace(x, Y).layers):
        for unit in range(len(layer.z)):
            push = np.zeros_like(layer.z)
            push[unit] = h
            found = (costs(l, push) - costs(l, -push)) / (2 * h)
            np.testing.assert_allclose(layer.delta[unit], found, rtol=0, atol=1e-9)


@pytest.mark.parametrize("activation", ["identity", "sigmoid", "tanh"])
@pytest.mark.parametrize("bias", [True, False])
def test_a_gauss_newton_step_solves_the_linear_problem(activation, bias):
    net = Network([3, 1], activation=activation, cost="quadratic", bias=bias, seed=1)
    X, y = RNG.standard_normal((3, 20)), RNG.random(20)
    theta = net.parameters.copy()
    rows = np.vstack([X, np.ones(20)]) if bias else X
    z = theta @ rows
    a, slope = {
        "identity": (z, np.ones(20)),
        "sigmoid": (1 / (1 + np.exp(-z)), np.exp(-z) / (1 + np.exp(-z)) ** 2),
        "tanh": (np.tanh(z), 1 - np.tanh(z) ** 2),
    }[activation]
    J = (slope * rows).T
    lessons.gauss_newton_step(net, X, y)
    expected = theta - np.linalg.solve(J.T @ J, J.T @ (a - y))
    np.testing.assert_allclose(net.parameters, expected, rtol=0, atol=1e-9)
