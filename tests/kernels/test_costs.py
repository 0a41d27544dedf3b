"""The costs of single samples, the error of the output layer (BP1), and what counts as a hit."""

import mpmath
import numpy as np
import pytest
from guarded import look
from numeric import ELEMENTARY, assert_close, same_bits
from strategies import Case, make_case

from bpmatrix import reference
from bpmatrix.architecture.costs import COSTS, Huber, Quantile, find_cost
from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.engine.trace import trace

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
OUTPUT = {
    "quadratic": "identity",
    "cross_entropy": "sigmoid",
    "log_likelihood": "softmax",
    "absolute": "identity",
    Huber(0.7): "identity",
    Quantile(0.8): "identity",
    "poisson": "exp",
}
# (BP1) is a - y where sigma' is 1 or cancels.
PLAIN = ["quadratic", "cross_entropy", "log_likelihood", "poisson"]


def at_weighted_inputs(z, Y, cost, labels=None):
    """Look at an output layer whose weighted inputs are given: its matrix is the identity."""
    n = len(z)
    layer = Description((n, n), (OUTPUT[cost],), cost, bias=False, dtype=str(z.dtype))
    return look(Case(layer, np.eye(n, dtype=z.dtype).ravel(), z, Y.astype(z.dtype), labels))


@DTYPES
def test_quadratic_cost_is_half_the_squared_distance(dtype):
    """A difference, a half, two products and a sum of terms of one sign."""
    rng = np.random.default_rng(1)
    for n in (1, 2, 10, 17):
        z, Y = (rng.standard_normal((30, n)).T.astype(dtype) for _ in range(2))
        expected = 0.5 * ((z.astype(np.float64) - Y) ** 2).sum(axis=0)
        costs = at_weighted_inputs(z, Y, "quadratic").costs
        assert_close(costs, expected, roundings=n + 4, scale=expected, dtype=dtype)


@DTYPES
def test_cross_entropy_is_taken_from_z(dtype):
    """-(y ln a + (1 - y) ln(1 - a)) with 60 digits, also where a is 0 or 1 to all of its own."""
    z = np.array([*np.linspace(-40, 40, 81), -1e3, 1e3, 1e-8], dtype)
    with mpmath.workdps(60):
        for y in (0.0, 1.0, 0.25):
            # ln(1 - sigmoid(z)) = ln(sigmoid(-z)), so that no digit is lost; 800 need no 60 digits.
            ln_a, ln_b = (
                [-mpmath.log1p(mpmath.exp(-sign * mpmath.mpf(float(v)))) for v in z]
                for sign in (1, -1)
            )
            terms = zip(ln_a, ln_b, strict=True)
            expected = np.array([float(-y * p - (1 - y) * q) for p, q in terms])
            costs = at_weighted_inputs(z[None], np.full((1, z.size), y), "cross_entropy").costs
            # exp, log1p, and the sum of three terms of one sign
            assert_close(costs, expected, roundings=2 * ELEMENTARY + 6, scale=expected, dtype=dtype)


@DTYPES
def test_log_likelihood_is_taken_from_z(dtype):
    """-sum y ln a with 60 digits; what is lost is lost where z - max z is rounded."""
    rng = np.random.default_rng(2)
    for n in (2, 3, 10, 17):
        z = (8 * rng.standard_normal((20, n))).T.astype(dtype)
        Y = rng.dirichlet(np.ones(n), 20).T.astype(dtype)
        with mpmath.workdps(60):
            expected = np.array([_log_likelihood(*pair) for pair in zip(z.T, Y.T, strict=True)])
        costs = at_weighted_inputs(z, Y, "log_likelihood").costs
        # a at its largest: shift, exp, sum, division; ln a; two differences; products and sum.
        span = np.abs(z).max() + np.ptp(z) + 1
        off = 2 * ELEMENTARY + 2 * n + 6
        assert_close(costs, expected, roundings=off, scale=span * Y.sum(axis=0), dtype=dtype)


def _log_likelihood(z, y):
    total = mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(float(v))) for v in z))
    pairs = zip(z, y, strict=True)
    return float(mpmath.fsum(float(w) * (total - float(v)) for v, w in pairs))


@DTYPES
@pytest.mark.parametrize("z", [1e4, 2.0**100])
def test_saturated_outputs_have_a_finite_cost(z, dtype):
    """A wrong answer costs z, a right one nothing, where ln a itself would be infinite."""
    both, Y = np.array([[z, -z]], dtype), np.array([[0, 1]])
    assert at_weighted_inputs(both, Y, "cross_entropy").costs.tolist() == [z, z]
    assert at_weighted_inputs(both, 1 - Y, "cross_entropy").costs.tolist() == [0, 0]
    pair = np.array([[z / 2, z / 2, -z / 2, -z / 2], [-z / 2, -z / 2, z / 2, z / 2]], dtype)
    labels = np.array([0, 1, 0, 1])
    costs = at_weighted_inputs(pair, np.eye(2)[:, labels], "log_likelihood", labels).costs
    assert costs.tolist() == [0, z, z, 0]


@DTYPES
@pytest.mark.parametrize("cost", OUTPUT)
def test_nan_costs_nan(cost, dtype):
    """The cost of a sample shows that its numbers are lost; its neighbors' do not change."""
    case = make_case(Description((3, 4), (OUTPUT[cost],), cost, dtype=dtype), 5, seed=1)
    clean = look(case).costs
    case.X[1, 2] = np.nan
    others = np.arange(5) != 2
    costs = look(case).costs
    assert np.isnan(costs[2])
    assert same_bits(costs[others], clean[others])


@DTYPES
@pytest.mark.parametrize("cost", PLAIN)
def test_error_of_the_output_is_the_difference(cost, dtype):
    """It is rounded once."""
    case = make_case(Description((3, 4), (OUTPUT[cost],), cost, dtype=dtype), 7, seed=1)
    d = case.description
    layer = trace(d, Parameters.of(case.theta, d.layout), case.inputs, case.targets).layers[-1]
    assert same_bits(layer.delta, layer.a - case.Y)


def test_every_cost_has_its_formulas_in_the_kernels():
    """A code without a formula would cost what another one costs; these differ at every pair."""
    z, Y = np.array([[-0.9]]), np.array([[0.8]])
    costs, outputs = {find_cost(cost).name: cost for cost in OUTPUT}, {}
    assert set(costs) == set(COSTS)
    for name, cost in costs.items():
        case = at_weighted_inputs(z, Y, cost)
        a = reference.sigma(OUTPUT[cost], z)
        terms = reference.cost_terms(cost, a, Y)
        assert_close(case.costs, terms[0], roundings=40, scale=1)
        outputs[name] = case.costs[0]
    assert len({round(cost, 6) for cost in outputs.values()}) == len(COSTS)


@DTYPES
@pytest.mark.parametrize("cost", ["absolute", Huber(0.7), Quantile(0.8)])
def test_costs_of_distances_and_their_slopes(cost, dtype):
    """Exact where the formula is: at the target, on both sides, at the seam and far away."""
    far = 2.0**100
    z = np.array([[0.0, 1.0, -1.0, 0.5, -0.5, far, -far]], dtype)
    Y = np.zeros_like(z)
    layer = Description((1, 1), ("identity",), cost, bias=False, dtype=dtype)
    case = Case(layer, np.ones(1, dtype), z, Y, None)
    p = np.dtype(dtype).type(getattr(cost, "parameter", 0))
    terms, slopes = {
        "absolute": (np.abs(z), np.sign(z)),
        "huber": (
            np.where(np.abs(z) <= p, np.clip(z, -p, p) ** 2 / 2, p * (np.abs(z) - p / 2)),
            np.clip(z, -p, p),
        ),
        "quantile": (
            np.where(z < 0, -p * z, (1 - p) * z),
            np.where(z < 0, -p, np.where(z > 0, 1 - p, 0)),
        ),
    }[find_cost(cost).name]
    theta = Parameters.of(case.theta, layer.layout)
    delta = trace(layer, theta, case.inputs, case.targets).layers[-1].delta
    assert delta.dtype == dtype
    assert_close(look(case).costs, terms[0], roundings=3, scale=terms[0], dtype=dtype)
    assert same_bits(delta, slopes.astype(dtype))


@DTYPES
def test_a_distance_that_is_lost_has_no_slope(dtype):
    """NaN is neither above nor below a target."""
    for cost in ("absolute", Huber(0.7), Quantile(0.8)):
        layer = Description((1, 1), ("identity",), cost, bias=False, dtype=dtype)
        theta, z = np.array([np.nan], dtype), np.ones((1, 1), dtype)
        case = Case(layer, theta, z, z, None)
        assert np.isnan(look(case).gradient).all()


@DTYPES
def test_poisson_is_half_the_deviance(dtype):
    """a - y + y ln(y / a) with 60 digits, also where a is y but for its last digits, or gone."""
    y = np.array([0.0, 0.0, 1.0, 1.0, 3.0, 3.0, 3.0, 100.0, 0.25, 7.0, 7.0], dtype)
    z = np.log(np.maximum(y, 0.5)).astype(dtype)
    z[::3] += np.array([2.0, -3.0, 1e-3, 0.5], dtype)
    z[-2:] = -2000, 20
    with mpmath.workdps(60):
        rates = [mpmath.exp(mpmath.mpf(float(v))) for v in z]
        expected = np.array(
            [float(_deviance(*pair)) for pair in zip(rates, y.tolist(), strict=True)]
        )
    costs = at_weighted_inputs(z[None], y[None], "poisson").costs
    # w = ln y - z is off by the roundings of ln y and of itself; y |1 - e^-w| = |y - a| of that,
    # and the sum of w and e^-w - 1 by 2 ULP of each.
    z, y = z.astype(np.float64), y.astype(np.float64)
    w, a = np.abs(np.log(np.maximum(y, 1e-300)) - z), np.exp(z)
    scale = np.abs(y - a) * (np.abs(z) + w) + y * w + np.abs(a - y) + np.where(y == 0, a, 0)
    assert_close(costs, expected, roundings=ELEMENTARY, scale=scale, dtype=dtype)
    assert (costs >= 0).all()


def _deviance(a, y):
    return a - y + (y * mpmath.log(y / a) if y else 0)


def test_a_hit_is_a_column_that_names_the_class():
    """The largest output, ties to the lowest, against a label or the largest target."""
    z = np.array([[1.0, 0, 3, 2, 5], [0, 1, 3, 2, 5], [0, 0, 1, 2, 6]])
    labels = np.array([0, 2, 0, 1, 2])
    expected = [1, 0, 1, 0, 1]
    Y = np.eye(3)[:, labels]
    assert at_weighted_inputs(z, Y, "quadratic", labels).hits.tolist() == expected
    assert at_weighted_inputs(z, 0.3 * Y, "quadratic").hits.tolist() == expected


def test_a_single_output_names_one_above_one_half():
    """One half itself names 0, for outputs and for targets."""
    above, below = np.nextafter(0.5, 1), np.nextafter(0.5, 0)
    a = np.array([[0.5, 0.5, above, above, below]])
    Y = np.array([[0.0, 1.0, 0.5, 1.0, 0.0]])
    assert at_weighted_inputs(a, Y, "quadratic").hits.tolist() == [1, 0, 0, 1, 1]
