"""The gradient of the engine: against the book's loop, against differences, bit against bit."""

import numpy as np
import pytest
from guarded import look
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numeric import (
    assert_close,
    central_differences,
    far_from_kinks,
    flat,
    gradient_bound,
    same_bits,
)
from strategies import PAIRS, cases, descriptions, make_case

from bpmatrix import Network, reference
from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.engine.evaluation import gradient, scores
from bpmatrix.samples.arrays import as_inputs, as_targets
from bpmatrix.samples.samples import Samples

small = descriptions(widths=st.integers(1, 6), depths=st.integers(1, 4), dtypes=st.just("float64"))


def mean_gradient(case):
    """The gradient of the mean cost, as the package computes it."""
    return gradient(case.description, case.theta, case.samples)


def by_loop(case):
    """The book's loop over single samples, in float64, laid out as theta."""
    return flat(*reference.gradient_by_loop(*case.in_float64()), case.description) / case.X.shape[1]


@given(cases())
@settings(max_examples=150)
def test_gradient_is_the_mean_of_the_gradients_of_single_samples(case):
    """A gradient is the mean over the samples, within the rounding errors of its terms.

    The bound counts the roundings of the two computations in the type of the case.
    """
    fast, d = mean_gradient(case), case.description
    allowed = 2.2 * flat(*gradient_bound(*case.in_float64(), d.dtype), d)

    assert fast.dtype == case.theta.dtype
    assert (np.abs(fast - by_loop(case)) <= allowed).all()


@pytest.mark.parametrize(("cost", "output"), PAIRS)
@pytest.mark.parametrize("hidden", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("sizes", [(30, 17), (64, 30, 10), (13, 40, 100, 5), (5, 4, 9, 3, 2)])
def test_gradient_is_as_exact_as_promised(sizes, hidden, cost, output):
    """1e-12 of the loop in float64, and float32 is within 1e-5 of float64, in relative norm."""
    activations = (*[hidden] * (len(sizes) - 2), output)
    case = make_case(Description(sizes, activations, cost), 32, seed=len(sizes))
    single = make_case(Description(sizes, activations, cost, dtype="float32"), 32, seed=len(sizes))
    slow, slow_of_single = by_loop(case), by_loop(single)

    assert np.linalg.norm(mean_gradient(case) - slow) <= 1e-12 * np.linalg.norm(slow)
    error = np.linalg.norm(mean_gradient(single) - slow_of_single)
    assert error <= 1e-5 * np.linalg.norm(slow_of_single)


@given(cases(small, st.integers(1, 4)))
@settings(max_examples=60)
def test_gradient_is_the_slope_of_the_cost(case):
    """Central differences of the engine's own cost agree within 1e-6, away from kinks."""
    weights, biases, activations, cost, X, Y = case.in_float64()
    zs, a_s = reference.feedforward(weights, biases, activations, X)
    assume(far_from_kinks(activations, cost, zs, a_s[-1], Y))

    slopes = central_differences(
        lambda theta: scores(case.description, theta, case.samples).cost, case.theta
    )

    assert_close(
        mean_gradient(case), slopes, roundings=1e-6 / 2**-53, scale=max(1, np.abs(slopes).max())
    )


@given(cases())
@settings(max_examples=60)
def test_a_column_alone_has_the_bits_of_that_column_in_a_batch(case):
    """Outputs and costs of a sample have the same bits whatever samples stand beside it."""
    together = look(case)
    for j in {0, case.X.shape[1] // 2, case.X.shape[1] - 1}:
        X, Y = case.X[:, j : j + 1], case.Y[:, j : j + 1]
        alone = look(type(case)(case.description, case.theta, X, Y, None))
        assert same_bits(alone.outputs, together.outputs[:, j : j + 1])
        assert same_bits(alone.costs, together.costs[j : j + 1])


@given(cases())
@settings(max_examples=60)
def test_labels_stand_for_their_one_hot_columns(case):
    """Both forms of the targets give the same bits."""
    assume(case.labels is not None)
    as_matrix = type(case)(case.description, case.theta, case.X, case.Y, None)

    assert same_bits(look(case).gradient, look(as_matrix).gradient)
    assert same_bits(look(case).costs, look(as_matrix).costs)


@given(cases(small))
@settings(max_examples=30)
def test_the_network_gives_the_gradient_layer_by_layer(case):
    """`Network.gradient` is the gradient of the engine, cut as the parameters are."""
    d = case.description
    network = Network(d.sizes, activation=d.activations, cost=d.cost, bias=d.bias, dtype=d.dtype)
    network.parameters[:] = case.theta
    targets = case.Y if case.labels is None else case.labels
    nabla = network.gradient(case.X, targets)

    expected = Parameters.of(mean_gradient(case), d.layout)
    assert same_bits(nabla.flat, expected.flat)
    assert all(map(same_bits, nabla.weights, expected.weights))
    assert all(map(same_bits, nabla.biases, expected.biases))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("hidden", ["sigmoid", "tanh", "relu", "identity"])
def test_nan_and_infinity_pass_forward_in_their_column(hidden, poison, dtype):
    """NaN reaches the outputs of its sample; infinity has the effect of the formulas."""
    description = Description((5, 7, 3), (hidden, "identity"), "quadratic", dtype=dtype)
    case = make_case(description, 9, seed=1)
    clean = look(case).outputs
    case.X[2, 4] = poison
    outputs = look(case).outputs

    others = np.arange(9) != 4
    assert same_bits(outputs[:, others], clean[:, others])
    with np.errstate(invalid="ignore", over="ignore"):
        expected = reference.feedforward(*case.in_float64()[:3], case.in_float64()[4])[1][-1]
    assert (np.isnan(outputs[:, 4]) == np.isnan(expected[:, 4])).all()
    assert (np.isinf(outputs[:, 4]) == np.isinf(expected[:, 4])).all()
    if np.isnan(poison):
        assert np.isnan(outputs[:, 4]).all()


def test_samples_of_a_gradient_may_come_in_blocks():
    """More columns than the work matrices hold give the bits of all columns at once."""
    case = make_case(Description((20, 30, 4), ("tanh", "softmax"), "log_likelihood"), 3000, seed=2)
    whole = look(case, columns=3000).gradient

    X, targets = as_inputs(case.X, 20, "float64"), as_targets(case.Y, 4, 3000, "float64")
    assert same_bits(gradient(case.description, case.theta, Samples(X, targets)), whole / 3000)
