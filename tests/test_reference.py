"""The reference against central differences, loop against matrix form, and examples by hand."""

import ast
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numeric import assert_close, central_differences, far_from_kinks, gradient_bound
from strategies import cases, descriptions

from bpmatrix import reference
from bpmatrix.architecture.costs import Huber, Quantile
from bpmatrix.architecture.parameters import Parameters

small = descriptions(widths=st.integers(1, 6), depths=st.integers(1, 4), dtypes=st.just("float64"))


@given(cases(small, st.integers(1, 4)))
@settings(max_examples=60)
def test_gradient_by_loop_is_the_slope_of_the_mean_cost(case):
    """It agrees with central differences to 1e-6, away from kinks."""
    weights, biases, activations, cost, X, Y = case.in_float64()
    zs, a_s = reference.feedforward(weights, biases, activations, X)
    assume(far_from_kinks(activations, cost, zs, a_s[-1], Y))

    def mean_cost(flat):
        p = Parameters.of(flat, case.description.layout)
        return reference.mean_cost(p.weights, p.biases or biases, activations, cost, X, Y)

    slopes = Parameters.of(central_differences(mean_cost, case.theta), case.description.layout)
    sum_b, sum_W = reference.gradient_by_loop(weights, biases, activations, cost, X, Y)
    pairs = [*zip(sum_W, slopes.weights, strict=True)]
    pairs += [*zip(sum_b, slopes.biases, strict=True)] if case.description.bias else []
    largest = max(1, np.abs(slopes.flat).max())
    for sums, slope in pairs:
        assert_close(sums / X.shape[1], slope, roundings=1e-6 / 2**-53, scale=largest)


@given(cases())
@settings(max_examples=60)
def test_both_forms_give_the_same_gradient(case):
    """The matrix form equals the loop, up to rounding of the sums."""
    arguments = case.in_float64()
    loop, matrix = reference.gradient_by_loop(*arguments), reference.gradient_by_matrix(*arguments)
    bound = gradient_bound(*arguments, "float64")
    for sums, others, allowed in zip(loop, matrix, bound, strict=True):
        for x, y, off in zip(sums, others, allowed, strict=True):
            assert x.shape == y.shape
            assert (np.abs(x - y) <= 2.2 * off * case.X.shape[1]).all()


@given(cases())
@settings(max_examples=30)
def test_a_sample_is_one_call_of_backprop(case):
    """The loop over a mini-batch is the sum of `backprop` over its columns."""
    *network, X, Y = case.in_float64()
    sum_b, sum_W = reference.gradient_by_loop(*network, X[:, :1], Y[:, :1])
    nabla_b, nabla_W = reference.backprop(*network, X[:, :1], Y[:, :1])
    assert all(map(np.array_equal, sum_b, nabla_b))
    assert all(map(np.array_equal, sum_W, nabla_W))


def test_gradient_of_one_sigmoid_unit_by_hand():
    """Nielsen, ch. 3: dC/dw = (a - y) sigma'(z) x for quadratic, (a - y) x for cross-entropy."""
    W, b = [np.array([[2.0]])], [np.array([[-1.0]])]
    x, y = np.array([[0.5]]), np.array([[1.0]])  # z = 0, so a = 1/2 and sigma'(z) = 1/4
    nabla_b, nabla_W = reference.gradient_by_loop(W, b, ["sigmoid"], "quadratic", x, y)
    assert (nabla_b[0].item(), nabla_W[0].item()) == (-0.125, -0.0625)
    nabla_b, nabla_W = reference.gradient_by_loop(W, b, ["sigmoid"], "cross_entropy", x, y)
    assert (nabla_b[0].item(), nabla_W[0].item()) == (-0.5, -0.25)


def test_mean_cost_by_hand():
    """Each cost at z = 0 for one and for two samples."""
    W, b = [np.zeros((2, 1))], [np.zeros((2, 1))]
    X, Y = np.ones((1, 2)), np.array([[1.0, 0.0], [0.0, 1.0]])
    of = [
        ("quadratic", "sigmoid", 0.25),
        ("cross_entropy", "sigmoid", 2 * np.log(2)),
        ("log_likelihood", "softmax", np.log(2)),
        ("absolute", "sigmoid", 1.0),
        (Huber(0.25), "sigmoid", 2 * 0.25 * (0.5 - 0.125)),
        (Quantile(0.9), "identity", 0.9),
        ("poisson", "exp", 1.0),
    ]
    for cost, output, expected in of:
        got = reference.mean_cost(W, b, [output], cost, X, Y)
        assert_close(got, expected, roundings=8, scale=expected, dtype="float64")


@pytest.mark.parametrize(
    ("cost", "z", "y", "exact"),
    [
        # ln(1 + e^-40) and ln(1 + e^40), where sigmoid(40) is 1 to the last bit
        ("cross_entropy", [40.0], [1.0], mpmath.log1p(mpmath.exp(-40))),
        ("cross_entropy", [40.0], [0.0], 40 + mpmath.log1p(mpmath.exp(-40))),
        ("cross_entropy", [-700.0], [1.0], 700),
        ("log_likelihood", [60.0, 2.0, 1.0], [1, 0, 0], mpmath.exp(-58) + mpmath.exp(-59)),
        ("log_likelihood", [-900.0, 2.0, 1.0], [1, 0, 0], 902 + mpmath.log1p(mpmath.exp(-1))),
        ("log_likelihood", [3.0, 3.0], [0.5, 0.5], mpmath.log(2)),
        # 2^-33 is exact: e^z - 1 - z = z^2 / 2 (1 + z / 3), and the rest is z^2 / 12 of that
        ("poisson", [2.0**-33], [1.0], mpmath.mpf(2) ** -67 * (1 + mpmath.mpf(2) ** -33 / 3)),
        ("poisson", [0.5], [1.0], mpmath.exp(0.5) - 1.5),
        ("poisson", [5.0], [1.0], mpmath.exp(5) - 6),
        ("poisson", [-50.0], [1.0], mpmath.exp(-50) + 49),
        ("poisson", [2.0], [0.0], mpmath.exp(2)),
    ],
)
def test_a_cost_is_exact_although_the_output_is_rounded(cost, z, y, exact):
    """The cost of a confident network is neither 0 nor infinite."""
    z, y = np.array(z)[:, None], np.array(y, float)[:, None]
    output = {"cross_entropy": "sigmoid", "log_likelihood": "softmax", "poisson": "exp"}[cost]
    terms = reference.cost_terms(cost, z, reference.sigma(output, z), y)
    assert_close(terms.sum(), float(exact), roundings=24, scale=float(exact), dtype="float64")


@pytest.mark.parametrize("gradient", [reference.gradient_by_loop, reference.gradient_by_matrix])
def test_train_takes_the_step_of_the_book(gradient):
    """W <- (1 - eta decay) W - eta/m sum; biases do not decay; m is the size of each mini-batch."""
    W, b = [np.array([[2.0]])], [np.array([[1.0]])]
    X, Y = np.array([[1.0, 3.0, 2.0]]), np.array([[0.0, 8.0, 0.0]])
    order = np.array([0, 1, 2])
    # Samples 0 and 1: delta = 3 and -1, so nabla_b = 2 and nabla_W = 0; then
    # W = 0.9 * 2 = 1.8 and b = 1 - 0.5/2 * 2 = 0.5. Sample 2: delta = 4.1, nabla_W = 8.2;
    # W = 0.9 * 1.8 - 0.5 * 8.2 = -2.48 and b = 0.5 - 0.5 * 4.1 = -1.55.
    biases, weights = reference.train(
        gradient, W, b, ["identity"], "quadratic", X, Y, order, 2, 0.5, weight_decay=0.2
    )
    assert_close(weights[0], [[-2.48]], roundings=10, scale=6)
    assert_close(biases[0], [[-1.55]], roundings=10, scale=4)
    assert (W[0].item(), b[0].item()) == (2, 1)  # the arguments are unchanged


def test_the_reference_imports_only_numpy():
    """It shares no code with the engine it checks."""
    tree = ast.parse(Path(reference.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    modules = {alias.name for node in imports for alias in node.names}
    modules |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert modules == {"__future__", "collections.abc", "math", "typing", "numpy", "numpy.typing"}
