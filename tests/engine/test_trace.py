"""The trace: its numbers are those of the book, and its printout is readable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from numeric import ELEMENTARY, assert_close, gradient_bound, same_bits
from strategies import Case, cases

from bpmatrix import Network, reference
from bpmatrix.architecture.costs import find_cost
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.engine.evaluation import gradient, outputs
from bpmatrix.engine.trace import Trace, trace

X = np.array([[0.0, 0.5, 1.0], [2.0, -1.0, 0.25]], order="F")


def traced(case: Case) -> Trace:
    parameters = Parameters.of(case.theta, case.description.layout)
    return trace(case.description, parameters, case.inputs, case.targets)


@given(cases())
def test_each_equation_holds_between_the_matrices(case: Case) -> None:
    """z, a, delta, nabla_b, nabla_W follow from each other as the book's equations say.

    Each step is computed in float64 from the numbers of the step before; what is left is the
    rounding of that one step.
    """
    t, d = traced(case), case.description
    weights, biases, _, cost, X, Y = case.in_float64()
    assert same_bits(t.Y, case.Y)
    assert_close(t.X, X, roundings=2, scale=np.abs(X))
    L, m, dtype = len(t.layers), X.shape[1], d.dtype
    wide = [np.asarray(t.X, np.float64), *(np.asarray(layer.a, np.float64) for layer in t.layers)]
    deltas = [np.asarray(layer.delta, np.float64) for layer in t.layers]
    zs = [np.asarray(layer.z, np.float64) for layer in t.layers]
    for l in range(1, L + 1):
        layer, W, b = t.layers[l - 1], weights[l - 1], biases[l - 1]
        name, n_in = d.activations[l - 1], W.shape[1]
        assert (layer.l, layer.activation) == (l, name)
        assert same_bits(layer.W, W.astype(dtype))
        size = np.abs(W) @ np.abs(wide[l - 1]) + np.abs(b)
        assert_close(layer.z, W @ wide[l - 1] + b, roundings=2 * (n_in + 2), scale=size)
        sigma = reference.SIGMA[name](zs[l - 1])
        n = len(sigma) * (name == "softmax")
        size = np.abs(sigma)
        if name == "softmax":  # z - max z is rounded before exp, once on each side
            size = size * (1 + np.abs(zs[l - 1]) + np.abs(zs[l - 1]).max(axis=0))
        if name == "gelu":  # exp(-z^2 / 2), of a rounded square
            size = size * (1 + zs[l - 1] ** 2)
        assert_close(layer.a, sigma, roundings=2 * (ELEMENTARY + n + 4), scale=size)
        # sigma' from a, as exact as a is: a (1 - a) and 1 - a^2 are of size 1 before they cancel.
        if l == L and find_cost(cost).partner:  # sigma' cancels
            assert_close(layer.delta, wide[L] - Y, roundings=2, scale=np.abs(wide[L] - Y))
        else:
            if l == L:
                # dC/da is a - y, or no larger than 1; at a kink it changes by 2 for a rounding.
                pulled = np.abs(wide[L] - Y) if cost == "quadratic" else np.ones_like(wide[L])
                pulled = pulled * np.maximum(1, np.abs(reference.sigma_prime(name, zs[L - 1])))
                expected = reference.output_error(cost, name, zs[L - 1], wide[L], Y)
                apart = np.abs(wide[L] - Y) > 1e-5
                expected = np.where(apart | (cost == "quadratic"), expected, deltas[L - 1])
                terms = 1
            else:
                pulled = np.abs(weights[l].T) @ np.abs(deltas[l])
                expected = weights[l].T @ deltas[l] * reference.SIGMA_PRIME[name](zs[l - 1])
                terms = len(weights[l])
            roundings = 2 * (terms + 2 * ELEMENTARY + 8)
            assert_close(layer.delta, expected, roundings=roundings, scale=pulled)
        if d.bias:
            size = np.abs(deltas[l - 1]).sum(axis=1, keepdims=True) / m
            expected = deltas[l - 1].sum(axis=1, keepdims=True) / m
            assert_close(layer.nabla_b, expected, roundings=2 * (m + 2), scale=size)
        else:
            assert layer.nabla_b.size == 0
        expected = deltas[l - 1] @ wide[l - 1].T / m
        size = np.abs(deltas[l - 1]) @ np.abs(wide[l - 1].T) / m
        assert_close(layer.nabla_W, expected, roundings=2 * (m + 2), scale=size)


@given(cases())
def test_the_numbers_are_those_of_the_reference(case: Case) -> None:
    """From end to end, activations and gradient are those of the book, within their roundings."""
    *network, X, Y = case.in_float64()
    t, m, dtype = traced(case), X.shape[1], case.description.dtype
    nabla_b, nabla_W = reference.gradient_by_loop(*network, X, Y)
    bounds = [gradient_bound(*network, X, Y, kind) for kind in (dtype, "float64")]
    for l, layer in enumerate(t.layers):
        bound_b, bound_W = (1.1 * (bounds[0][i][l] + bounds[1][i][l]) for i in (0, 1))
        assert (np.abs(layer.nabla_W - nabla_W[l] / m) <= bound_W).all()
        if layer.nabla_b.size:
            assert (np.abs(layer.nabla_b - nabla_b[l] / m) <= bound_b).all()


@given(cases())
def test_the_numbers_are_those_of_the_engine(case: Case) -> None:
    """The last a is what feedforward returns; the gradient is that of `gradient`, bit for bit."""
    t, d = traced(case), case.description
    assert same_bits(t.layers[-1].a, outputs(d, case.theta, case.inputs))
    ours = Parameters.of(gradient(d, case.theta, case.samples), d.layout)
    for layer, W in zip(t.layers, ours.weights, strict=True):
        assert same_bits(layer.nabla_W, W)


def test_shapes_and_numbers_by_hand() -> None:
    """One weight, one sample: z = 2 x, a = z, delta = a - y, dC/dW = delta x."""
    net = Network([1, 1], activation="identity", cost="quadratic", input_scale=0.5, seed=1)
    net.weights[0][:], net.biases[0][:] = 2, 1
    t = net.trace([[6.0]], [4.0])
    layer = t.layers[0]
    numbers = [t.X, t.Y, layer.W, layer.z, layer.a, layer.delta, layer.nabla_b, layer.nabla_W]
    assert [float(number[0, 0]) for number in numbers] == [3, 4, 2, 7, 7, 3, 3, 9]
    assert layer.nabla_w is layer.nabla_W


@pytest.mark.parametrize("bias", [True, False])
def test_the_printout_names_every_equation_and_shape(bias: bool) -> None:
    """BP1 stands at the output, BP2 below, BP4 at each layer, BP3 where there are biases."""
    net = Network([2, 4, 3], bias=bias, seed=1)
    printed = str(net.trace(X, [0, 2, 1]))
    assert printed.count("(BP1) delta[2]") == printed.count("(BP1)") == 1
    assert printed.count("(BP2) delta[1]") == printed.count("(BP2)") == 1
    assert printed.count("(BP3)") == 2 * bias
    assert printed.count("(BP4)") == 2
    shapes = {
        "X = a[0]": "2 x 3",
        "z[1]": "4 x 3",
        "a[1] = sigmoid": "4 x 3",
        "z[2]": "3 x 3",
        "a[2] = sigmoid": "3 x 3",
        "Y": "3 x 3",
        "(BP1)": "3 x 3",
        "(BP2)": "4 x 3",
        "(BP4) dC/dW[2]": "3 x 4",
        "(BP4) dC/dW[1]": "4 x 2",
    }
    lines = printed.splitlines()
    for start, shape in shapes.items():
        (line,) = [line for line in lines if line.startswith(start)]
        assert line.endswith(f"   {shape}")
    # The forward pass is written before the backward pass, and that from the last layer down.
    words = ("z[1] =", "z[2] =", "\nY", "(BP1)", "dC/dW[2]", "(BP2)")
    order = [printed.index(word) for word in words]
    assert order == sorted(order)
    one_hot = np.array2string(np.eye(3)[:, [0, 2, 1]], precision=4)
    assert one_hot in printed


def test_shapes_has_a_line_for_each_layer() -> None:
    """Each layer's matrices are listed with their shapes."""
    net = Network([2, 4, 3], seed=1)
    assert net.trace(X, [0, 2, 1]).shapes().splitlines() == [
        "l = 1: W (4, 2), z (4, 3), a (4, 3), delta (4, 3), nabla_b (4, 1), nabla_W (4, 2)",
        "l = 2: W (3, 4), z (3, 3), a (3, 3), delta (3, 3), nabla_b (3, 1), nabla_W (3, 4)",
    ]


def test_a_trace_is_a_copy() -> None:
    """Training goes on, the trace stays; writing into it changes no network."""
    net = Network([2, 4, 3], seed=1)
    t = net.trace(X, [0, 2, 1])
    before, weights = str(t), net.parameters.copy()
    net.train(X, [0, 2, 1], epochs=3)
    assert str(t) == before
    trained = net.parameters.copy()
    for layer in t.layers:
        for matrix in (layer.W, layer.z, layer.a, layer.delta, layer.nabla_b, layer.nabla_W):
            matrix[:] = 0
    assert same_bits(net.parameters, trained)
    assert not same_bits(trained, weights)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("m", [480, 1100])
def test_a_large_mini_batch_has_the_gradient_of_the_network(m: int, dtype: str) -> None:
    """All columns are there, and the sums over groups of them are those of `Network.gradient`."""
    net = Network([6, 8, 3], cost="log_likelihood", dtype=dtype, seed=1)
    rng = np.random.default_rng(m)
    X, labels = rng.standard_normal((6, m)).astype(dtype), rng.integers(0, 3, m)
    traced, nabla = net.trace(X, labels), net.gradient(X, labels)
    assert same_bits(traced.layers[-1].a, net.feedforward(X))
    for layer, nabla_W, nabla_b in zip(traced.layers, nabla.weights, nabla.biases, strict=True):
        assert same_bits(layer.nabla_W, nabla_W)
        assert same_bits(layer.nabla_b, nabla_b)
