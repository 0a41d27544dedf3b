"""Plain gradient descent: each weight and bias after a step, bit against bit with the twin."""

import numpy as np
import pytest
import twin
from guarded import look, steps
from numeric import same_bits
from strategies import Case, make_case

from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])


def twin_step(case, eta, weight_decay, groups=1):
    """theta after one step on all samples, by the twin."""
    d = case.description
    p = Parameters.of(case.theta, d.layout)
    biases = p.biases or [np.zeros((n, 1), d.dtype) for n in d.sizes[1:]]
    X, Y = (np.ascontiguousarray(v.T) for v in (case.X, case.Y))
    new_b, new_W, costs = twin.step(
        p.weights, biases, d.activations, X, Y, eta, weight_decay, groups
    )
    new = Parameters.of(np.empty_like(case.theta), d.layout)
    for view, value in zip((*new.weights, *new.biases), (*new_W, *new_b), strict=False):
        view[:] = value
    return new.flat, costs


@DTYPES
@pytest.mark.parametrize("m", [1, 2, 3, 16, 127, 128, 129, 257, 1000])
@pytest.mark.parametrize("bias", [True, False])
def test_a_step_equals_that_of_the_twin(m, bias, dtype):
    """W <- fma(1 - eta decay, W, -eta/m sum), b <- b - eta/m sum, with the decay once a step."""
    network = Description(
        (13, 9, 6, 5), ("relu", "identity", "relu"), "quadratic", bias=bias, dtype=dtype
    )
    case = make_case(network, m, seed=m)
    for eta, weight_decay in ((0.5, 0.0), (0.3, 0.07)):
        expected, costs = twin_step(case, eta, weight_decay)
        for threads in (1, 3):
            got = steps(case, np.arange(m), m, [eta], weight_decay, threads)
            assert got.taken == 1
            assert same_bits(got.theta, expected)
            assert got.cost == sum(costs.astype(np.float64).tolist())


@DTYPES
@pytest.mark.parametrize(("m", "columns"), [(3, 1), (16, 5), (129, 1), (129, 12), (300, 5)])
def test_a_step_by_groups_equals_that_of_the_twin(m, columns, dtype):
    """The columns of 16 groups are summed by group, then the groups in pairs, on any threads."""
    network = Description((13, 9, 6, 5), ("relu", "identity", "relu"), "quadratic", dtype=dtype)
    case = make_case(network, m, seed=m)
    expected, costs = twin_step(case, 0.3, 0.07, groups=16)
    for threads in (1, 2, 5, 20):
        got = steps(case, np.arange(m), m, [0.3], 0.07, threads, columns=columns)
        assert same_bits(got.theta, expected)
        assert got.cost == sum(costs.astype(np.float64).tolist())


@DTYPES
@pytest.mark.parametrize("width", range(1, 18))
def test_a_step_of_every_width_equals_that_of_the_twin(width, dtype):
    """Likewise for all tails of vectors and tiles, with more threads than some layers have rows."""
    network = Description((18 - width, width, 3), ("relu", "identity"), "quadratic", dtype=dtype)
    case = make_case(network, 10, seed=width)
    expected, _ = twin_step(case, 0.4, 0.01)
    for threads in (1, 5):
        assert same_bits(steps(case, np.arange(10), 10, [0.4], 0.01, threads).theta, expected)


@DTYPES
def test_a_rate_of_zero_changes_nothing(dtype):
    """No bit of theta, with weight decay too."""
    network = Description((7, 6, 2), ("tanh", "sigmoid"), "cross_entropy", dtype=dtype)
    case = make_case(network, 9, seed=1)
    assert same_bits(steps(case, np.arange(9), 4, [0, 0, 0], 0.5).theta, case.theta)


@DTYPES
def test_decay_shrinks_weights_and_spares_biases(dtype):
    """Where the gradient is zero a step is W <- (1 - eta decay) W, rounded once."""
    d = Description((7, 6, 2), ("tanh", "identity"), "quadratic", dtype=dtype)
    drawn = make_case(d, 9, seed=1)
    case = Case(d, drawn.theta, drawn.X, np.asfortranarray(look(drawn).outputs), None)
    before = Parameters.of(case.theta, d.layout)
    after = Parameters.of(steps(case, np.arange(9), 9, [0.25], 0.5).theta, d.layout)
    keep = np.dtype(dtype).type(0.875)
    pairs = zip(after.weights, before.weights, strict=True)
    assert all(same_bits(W, keep * old) for W, old in pairs)
    assert all(map(same_bits, after.biases, before.biases))


@DTYPES
def test_each_step_has_its_own_rate(dtype):
    """The rates of a slice act one by one."""
    case = make_case(Description((5, 4), ("sigmoid",), "quadratic", dtype=dtype), 6, seed=1)
    rates = [0.5, 2.0, 0.0]
    together = steps(case, np.arange(6), 2, rates, 0.1)
    theta = case.theta
    for i, rate in enumerate(rates):
        here = Case(case.description, theta, case.X, case.Y, None)
        theta = steps(here, np.arange(6)[2 * i : 2 * i + 2], 2, [rate], 0.1).theta.copy()
    assert together.taken == 3
    assert same_bits(together.theta, theta)
