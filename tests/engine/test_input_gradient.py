"""The gradient by the inputs: against the book's equations, central differences, and itself.

An identity layer in front of a network, W = 1 and b = 0, changes none of its answers, and the
gradient by that layer's biases is the one by the inputs. So the reference and the error analysis of
an ordinary gradient say what to expect, and how closely.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from numeric import central_differences, forward_bound, gradient_bound, same_bits, unit_roundoff
from strategies import Case, cases, descriptions, make_case

from bpmatrix import Network, reference
from bpmatrix.architecture.description import Description
from bpmatrix.engine import evaluation, input_gradient
from bpmatrix.errors import ArgumentError, DataError, ShapeError

SOFTMAX = Description((5, 7, 4), ("tanh", "softmax"), "log_likelihood")


def of_cost(case: Case, X=None) -> np.ndarray:
    X = case.inputs if X is None else X
    return input_gradient.input_gradient(case.description, case.theta, X, case.targets)


def of_output(case: Case, k: int) -> np.ndarray:
    return input_gradient.input_gradient(case.description, case.theta, case.inputs, k)


def with_identity_in_front(case: Case):
    """Return the arguments of the functions of `reference` for the network with one layer more."""
    weights, biases, activations, cost, X, Y = case.in_float64()
    n = len(X)
    return (
        [np.eye(n), *weights],
        [np.zeros((n, 1)), *biases],
        ("identity", *activations),
        cost,
        X,
        Y,
    )


def expected_and_bound(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradient of each sample's cost by the sample, and how far it may be off."""
    *network, X, Y = with_identity_in_front(case)
    expected, bound = np.empty(X.shape), np.empty(X.shape)
    for j in range(X.shape[1]):
        sample = X[:, j : j + 1], Y[:, j : j + 1]
        expected[:, j] = reference.gradient_by_loop(*network, *sample)[0][0][:, 0]
        bound[:, j] = sum(
            gradient_bound(*network, *sample, dtype)[0][0][:, 0]
            for dtype in (case.description.dtype, "float64")
        )
    return expected, 1.1 * bound


@given(cases())
@settings(max_examples=60)
def test_the_gradient_of_the_cost_follows_from_the_equations(case: Case) -> None:
    """Each column is W_1^T delta_1 of its sample, within the roundings of both sides."""
    expected, bound = expected_and_bound(case)
    ours = of_cost(case)
    assert ours.dtype == case.description.dtype
    assert ours.shape == case.X.shape
    assert (np.abs(ours - expected) <= bound).all()


@given(cases())
@settings(max_examples=60)
def test_the_twin_is_the_gradient_of_a_network_with_a_layer_more(case: Case) -> None:
    """`reference.input_gradient` agrees with the biases' gradient of the identity in front."""
    weights, biases, activations, cost, X, Y = case.in_float64()
    zs, a_s = reference.feedforward(weights, biases, activations, X)
    delta = reference.output_error(cost, activations[-1], zs[-1], a_s[-1], Y)
    expected, bound = expected_and_bound(case)
    twin = reference.input_gradient(weights, activations, zs, delta)
    assert (np.abs(twin - expected) <= bound).all()


with_softmax = descriptions().map(
    lambda d: replace(d, activations=(*d.activations[:-1], "softmax"), cost="log_likelihood")
)


@given(cases(descriptions() | with_softmax))
@settings(max_examples=60)
def test_the_gradient_of_an_output_is_a_row_of_the_jacobian(case: Case) -> None:
    """For every output, of softmax too: what the twin gives, within the roundings of both sides.

    The error analysis is that of the cost whose delta_L this is: the quadratic one, where the
    output is 1 above its target; of softmax, a_k times the log-likelihood of class k.
    """
    weights, biases, activations, _, X, _ = case.in_float64()
    zs, a_s = reference.feedforward(weights, biases, activations, X)
    softmax = activations[-1] == "softmax"
    # The bound takes most of the time. Each column has the bits that it has alone (below).
    some = sorted({0, X.shape[1] // 2, X.shape[1] - 1})
    for k in range(min(3, len(a_s[-1]))):
        delta = reference.jacobian_row(activations[-1], k, zs[-1])
        expected = reference.input_gradient(weights, activations, zs, delta)
        one = np.zeros((len(a_s[-1]), 1))
        one[k] = 1
        bound = np.zeros(X.shape)
        *network, _, _ = with_identity_in_front(case)
        network[3] = "log_likelihood" if softmax else "quadratic"
        for j in some:
            x, a = X[:, j : j + 1], a_s[-1][:, j : j + 1]
            for dtype in (case.description.dtype, "float64"):
                y = one if softmax else a - one
                off = gradient_bound(*network, x, y, dtype)[0][0][:, 0]
                if softmax:
                    off_a = forward_bound(*network[:3], x, dtype).off[-1][k]
                    own = unit_roundoff(dtype) * (off_a + 4 * a[k]) / a[k]
                    off = a[k] * off + own * np.abs(expected[:, j])
                bound[:, j] += off
        assert (np.abs(of_output(case, k) - expected) <= 1.1 * bound)[:, some].all()


@pytest.mark.parametrize("output", [None, 0, 3])
@pytest.mark.parametrize(
    "description",
    [
        SOFTMAX,
        Description((5, 7, 6, 4), ("sigmoid", "tanh", "sigmoid"), "cross_entropy"),
        Description((5, 7, 4), ("tanh", "sigmoid"), "quadratic", 0.25, bias=False),
        Description((5, 4), ("identity",), "quadratic", 3.0),
    ],
    ids=lambda d: "-".join(d.activations) if isinstance(d, Description) else str(d),
)
def test_central_differences(description: Description, output: int | None) -> None:
    """The change of the cost or an output when an input changes, in the input's own units."""
    case = make_case(description, 3, seed=2)
    net = Network.__new__(Network)
    net.__setstate__({"_description": description, "_parameters": case.theta})

    def value(x: np.ndarray, j: int) -> float:
        if output is None:
            return net.cost(x[:, None], case.Y[:, j : j + 1])
        return float(net.feedforward(x[:, None])[output, 0])

    chosen = {"targets": case.Y} if output is None else {"output": output}
    ours = net.input_gradient(case.X, **chosen)
    for j in range(3):
        slopes = central_differences(lambda x, j=j: value(x, j), case.X[:, j])
        # The error of the differences: 1e-10 from the curve, 1e-11 from rounding; times the curve.
        assert np.abs(ours[:, j] - slopes).max() < 1e-8
        assert np.abs(slopes).max() > 1e-3


@given(cases(descriptions()))
@settings(max_examples=40)
def test_a_column_alone_has_the_bits_that_it_has_in_a_batch(case: Case) -> None:
    """Also when blocks of columns and threads cut the batch."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(evaluation, "COLUMNS_AT_A_TIME", 7)
        patched.setattr(evaluation, "threads_worth_starting", lambda _: 3)
        cost, output = of_cost(case), of_output(case, 0)
    assert same_bits(cost, of_cost(case))
    for j in range(case.X.shape[1]):
        alone = make_alone(case, j)
        assert same_bits(of_cost(alone), cost[:, j : j + 1])
        assert same_bits(of_output(alone, 0), output[:, j : j + 1])


def make_alone(case: Case, j: int) -> Case:
    labels = None if case.labels is None else case.labels[j : j + 1]
    return Case(case.description, case.theta, case.X[:, [j]], case.Y[:, [j]], labels)


def test_softmax_rows_add_up_to_nothing() -> None:
    """The outputs of softmax add up to 1, so their gradients add up to 0."""
    case = make_case(SOFTMAX, 6, seed=3)
    rows = [of_output(case, k) for k in range(4)]
    assert np.abs(sum(rows)).max() <= 40 * np.finfo(float).eps * np.abs(rows).max()


def test_a_confident_softmax_keeps_its_digits() -> None:
    """Where 1 - a is all rounding, the gradient is a times the sum of the other outputs."""
    net = Network([1, 2], cost="log_likelihood", seed=1)
    net.weights[0][:], net.biases[0][:] = [[40.0], [0.0]], 0
    # z = (40, 0): a_1 = e^-40 / (1 + e^-40), and da_0/dx = 40 a_0 a_1
    expected = 40 * np.exp(-40.0)
    assert net.input_gradient([[1.0]], output=0)[0, 0] == pytest.approx(expected, rel=1e-14)


def test_the_scale_of_the_inputs_is_a_factor() -> None:
    """A scale of a power of two: exactly the gradient by the scaled inputs, times the scale."""
    X, labels = np.random.default_rng(1).random((6, 5)), np.arange(5) % 3
    scaled, plain = (Network([6, 4, 3], seed=1, input_scale=s) for s in (0.25, None))
    for what in ({"targets": labels}, {"output": 2}):
        ours = scaled.input_gradient(X, **what)
        assert same_bits(ours, 0.25 * plain.input_gradient(0.25 * X, **what))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_bytes_labels_and_read_only_parameters(dtype: str) -> None:
    """Inputs of any type and labels; parameters that are read-only compile nothing anew."""
    net = Network([6, 4, 3], seed=1, dtype=dtype)
    X = np.arange(30, dtype=np.uint8).reshape(5, 6).T % 7
    expected = net.input_gradient(X.astype(float), np.eye(3)[:, np.arange(5) % 3])
    net.parameters.flags.writeable = False
    ours = net.input_gradient(X, np.arange(5) % 3)
    assert same_bits(ours, expected)
    assert ours.dtype == dtype


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({}, ArgumentError, "either targets or an output"),
        ({"targets": [0], "output": 0}, ArgumentError, "either targets or an output"),
        ({"output": 3}, ArgumentError, "no such output: got 3, expected 0 to 2"),
        ({"output": -1}, ArgumentError, "output is not valid"),
        ({"output": 1.0}, ArgumentError, "output is not valid"),
        ({"targets": [3]}, DataError, "out of range"),
        ({"targets": [0, 1]}, ShapeError, "same number of samples"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict, error: type, match: str) -> None:
    with pytest.raises(error, match=match):
        Network([2, 3], seed=1).input_gradient([[1.0], [2.0]], **arguments)
