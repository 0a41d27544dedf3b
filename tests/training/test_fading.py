"""Subnormal numbers are flushed to 0 in a step, and keep their value for the user."""

import warnings

import numpy as np
import pytest
from numeric import same_bits

from bpmatrix import SGD, MLPRegressor, Network
from bpmatrix.engine import evaluation
from bpmatrix.errors import DivergenceError
from bpmatrix.samples.arrays import as_targets
from bpmatrix.samples.samples import Samples

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
THREADS = pytest.mark.parametrize("threads", [1, 2, 3])


def tiny(dtype):
    """The smallest normal number."""
    return float(np.finfo(dtype).tiny)


def chain(dtype, *weights, last_bias=0.0, cost="quadratic"):
    """Return a chain of identity units; only the last has a bias other than 0."""
    sizes = [1] * (len(weights) + 1)
    net = Network(sizes, activation="identity", output="identity", cost=cost, dtype=dtype, seed=1)
    for W, b, w in zip(net.weights, net.biases, weights, strict=True):
        W[:], b[:] = w, 0
    net.biases[-1][:] = last_bias
    return net


def fading_error(dtype):
    """Return a network, its input, and the slope of its first weight.

    The error of the output is 2^10 tiny, that of the hidden unit 2^-12 as much; the input, which is
    near the square root of the largest number, makes an ordinary number of it.
    """
    x = 2.0 ** (500 if dtype == "float64" else 60)
    net = chain(dtype, 0.0, 2.0**-12, last_bias=2.0**10 * tiny(dtype))
    return net, np.array([[x]]), 2.0**-2 * tiny(dtype) * x


@DTYPES
@THREADS
def test_a_step_flushes_a_subnormal_error_to_zero(dtype, threads):
    net, X, slope = fading_error(dtype)
    rate = 1 / slope
    net.train(X, [[0.0]], epochs=1, optimizer=SGD(rate), n_threads=threads)
    assert net.weights[0][0, 0] == 0
    net.biases[-1][:] *= 2.0**3  # now the error of the hidden unit is a normal number
    net.train(X, [[0.0]], epochs=1, optimizer=SGD(rate), n_threads=threads)
    assert net.weights[0][0, 0] != 0


@DTYPES
def test_a_gradient_keeps_a_subnormal_error(dtype):
    net, X, slope = fading_error(dtype)
    assert net.gradient(X, [[0.0]]).weights[0][0, 0] == slope
    trace = net.trace(X, [[0.0]])
    assert trace.layers[0].delta[0, 0] == 2.0**-2 * tiny(dtype)
    assert trace.layers[0].nabla_W[0, 0] == slope
    by_input = net.input_gradient(X, [[0.0]])
    assert by_input[0, 0] == 0  # times the first weight
    net.weights[0][:] = 1
    assert net.input_gradient(np.zeros((1, 1)), [[0.0]])[0, 0] == 2.0**-2 * tiny(dtype)


@DTYPES
def test_a_subnormal_activation_is_zero_in_a_step_and_keeps_its_value_for_the_user(dtype):
    """tiny / 8, as an output and as a cost, before and after training that changes nothing."""
    least = tiny(dtype) / 8
    net = chain(dtype, 1.0, 2 * least**0.5, cost="absolute")
    X, Y = np.array([[least**0.5 / 2]]), [[0.0]]
    for _ in range(2):
        assert net.feedforward(X)[0, 0] == least
        assert net.feedforward(np.repeat(X, 300, axis=1))[0, 299] == least
        assert net.cost(X, Y) == least
        assert net.trace(X, Y).layers[-1].a[0, 0] == least
        history = net.train(X, Y, validation=(X, Y), epochs=1, optimizer=SGD(0.0))
        assert history.cost == [0.0]
        assert history.validation_cost == [least]


@DTYPES
def test_saturated_sigmoid_units_are_flushed_in_a_step_only(dtype):
    """1 / (1 + e^-z) below the normal range, as an output of a network that has been trained."""
    z = -718.0 if dtype == "float64" else -92.0
    net = Network([1, 1], cost="quadratic", dtype=dtype, seed=1)
    net.weights[0][:], net.biases[0][:] = 0, z
    with np.errstate(under="ignore"):
        expected = np.exp(np.dtype(dtype).type(z))
    assert 0 < expected < tiny(dtype)
    history = net.train([[1.0]], [[0.0]], epochs=2, optimizer=SGD(1.0))
    assert history.cost == [0.0, 0.0]
    spacing = float(np.finfo(dtype).smallest_subnormal)
    assert abs(float(net.feedforward([[1.0]])[0, 0]) - float(expected)) <= 4 * spacing


@DTYPES
def test_subnormal_weights_are_zero_after_a_step(dtype):
    net = chain(dtype, tiny(dtype) / 3, -tiny(dtype) / 5)
    assert (net.parameters != 0).sum() == 2
    net.train([[1.0]], [[0.0]], epochs=1, optimizer=SGD(0.1))
    assert (net.parameters == 0).all()


def keeps_tiny_numbers():
    """Whether Python and NumPy currently compute with subnormal numbers."""
    for dtype in ("float64", "float32"):
        x = np.full(33, tiny(dtype), dtype) / 2
        if not (x > 0).all() or not (x * 4 == 2 * tiny(dtype)).all():
            return False
    return 2.3e-308 / 2 > 0


@THREADS
def test_callbacks_and_code_after_a_run_keep_subnormal_numbers(threads):
    """After each epoch, an early end, an error, Ctrl-C in a callback, and divergence."""
    net = Network([3, 40, 2], seed=1)
    X, Y, seen = np.ones((3, 50)), np.zeros((2, 50)), []

    def look(entry):
        seen.append(keeps_tiny_numbers())
        if entry.epoch == 3:
            return True
        if entry.epoch == 5:
            raise KeyboardInterrupt
        if entry.epoch == 7:
            raise ZeroDivisionError
        return None

    how = {"epochs": 3, "n_threads": threads, "callbacks": [look]}
    net.train(X, Y, **how)
    assert keeps_tiny_numbers()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.train(X, Y, **how)
    assert keeps_tiny_numbers()
    with pytest.raises(ZeroDivisionError):
        net.train(X, Y, **how)
    assert keeps_tiny_numbers()
    diverging = Network([3, 1], output="identity", cost="quadratic", seed=1)
    with pytest.raises(DivergenceError):
        diverging.train(1e200 * X, Y[:1], epochs=2, n_threads=threads)
    assert keeps_tiny_numbers()
    assert seen == [True] * 7


@DTYPES
def test_a_solver_gets_the_gradient_of_a_step(dtype):
    """The gradient for L-BFGS is flushed, too; the processor's mode ends with the call."""
    net, X, slope = fading_error(dtype)
    samples = Samples(X.astype(dtype), as_targets(np.zeros((1, 1)), 1, 1, dtype))
    cost, gradient = evaluation.cost_and_gradient(net.description, net.parameters, samples)
    assert gradient[0] == 0
    assert cost == 0  # the square of 2^10 tiny
    assert evaluation.gradient(net.description, net.parameters, samples)[0] == slope
    assert keeps_tiny_numbers()


def test_fits_restore_the_processors_mode():
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((60, 4)), rng.standard_normal(60)
    for solver in ("adam", "sgd", "lbfgs"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            MLPRegressor(hidden_layer_sizes=5, solver=solver, max_iter=5, random_state=0).fit(X, y)
        assert keeps_tiny_numbers()


@DTYPES
def test_a_chain_with_vanishing_errors_has_the_same_bits_for_any_number_of_threads(dtype):
    """Sigmoid layers with small weights: each divides the errors by more than 100."""
    layers = 140 if dtype == "float64" else 20
    found = []
    for threads in (1, 2, 3):
        net = Network([17, *[9] * layers, 3], dtype=dtype, seed=2, cost="quadratic")
        for W in net.weights:
            W[:] *= 0.01
        rng = np.random.default_rng(3)
        X, Y = rng.standard_normal((17, 40)), rng.random((3, 40))
        first = net.trace(X, Y).layers[0].delta
        assert (np.abs(first) < tiny(dtype)).all()
        before = net.weights[0].copy()
        history = net.train(X, Y, epochs=3, optimizer=SGD(1.0, momentum=0.5), n_threads=threads)
        assert same_bits(net.weights[0], before)
        assert not same_bits(net.weights[-1], before[:3, :9])
        found.append((net.parameters, history.cost))
    for theta, costs in found:
        assert same_bits(theta, found[0][0])
        assert costs == found[0][1]
