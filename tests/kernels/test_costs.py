"""The costs of single samples, the error of the output layer (BP1), and what counts as a hit."""

import math

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
@pytest.mark.parametrize("spread", [1, 20, 80, 700])
def test_log_likelihood_keeps_its_digits(spread, dtype):
    """-sum y ln a, of any mixture of targets, and of right and wrong answers.

    mpmath needs as many digits as lie between 1 and e^-spread.
    """
    rng = np.random.default_rng(spread)
    for n in (2, 3, 10, 17):
        z = (rng.uniform(-spread, spread) + spread * rng.random((12, n))).T.astype(dtype)
        mixture = rng.dirichlet(np.ones(n), 12).T.astype(dtype)
        for Y in (mixture, np.eye(n)[:, z.argmax(axis=0)], np.eye(n)[:, z.argmin(axis=0)]):
            with mpmath.workdps(30 + spread // 2):
                pairs = zip(z.T.tolist(), Y.T.tolist(), strict=True)
                expected = np.array([_log_likelihood(*pair) for pair in pairs])
            costs = at_weighted_inputs(z, Y, "log_likelihood").costs
            # a: two powers, a sum and a division; a / max a; ln; products and sums of one sign.
            off, limits = 2 * ELEMENTARY + 3 * n + 8, np.finfo(dtype)
            scale = np.maximum(expected, n * float(limits.smallest_normal))
            assert_close(costs, expected, roundings=off, scale=scale, dtype=dtype)


def _log_likelihood(z, y):
    total = mpmath.log(mpmath.fsum(map(mpmath.exp, map(mpmath.mpf, z))))
    return float(mpmath.fsum(w * (total - v) for v, w in zip(z, y, strict=True)))


@DTYPES
def test_the_cost_of_a_confident_answer_keeps_its_digits(dtype):
    """Where softmax is 1 to the last bit, the cost is the sum of the other powers, not 0."""
    z = np.array([[50.0, 7.0, 900.0], [30.0, -33.0, 880.0], [29.0, -40.0, 861.0]], dtype)
    labels = np.zeros(3, np.int64)
    costs = at_weighted_inputs(z, np.eye(3)[:, labels], "log_likelihood", labels).costs
    expected = [
        math.exp(-20) + math.exp(-21), math.exp(-40) + math.exp(-47), math.exp(-20) + math.exp(-39)
    ]  # fmt: skip
    # ln(1 + x) = x but for x^2 / 2, which is 1e-9 of x at most.
    np.testing.assert_allclose(costs, expected, rtol=2e-9 + 8 * np.finfo(dtype).eps)


@DTYPES
@pytest.mark.parametrize("cost", ["cross_entropy", "log_likelihood"])
def test_an_infinite_z_with_a_factor_of_0_costs_nothing(cost, dtype):
    """A weighted input may overflow; if its output is right, it adds 0 to the cost."""
    far = np.finfo(dtype).max
    layer = Description((2, 2), (OUTPUT[cost],), cost, bias=False, dtype=dtype)
    theta, X = np.array([1, 0, 0, -far], dtype), np.array([[3.0], [4.0]], dtype)  # z = (3, -inf)
    right = look(Case(layer, theta, X, np.array([[1.0], [0.0]], dtype), None)).costs
    wrong = look(Case(layer, theta, X, np.array([[0.0], [1.0]], dtype), None)).costs
    expected = math.log1p(math.exp(-3)) if cost == "cross_entropy" else 0
    np.testing.assert_allclose(right, [expected], rtol=8 * np.finfo(dtype).eps)
    assert wrong.tolist() == [np.inf]


@DTYPES
def test_a_cost_over_many_outputs_is_summed_in_float64(dtype):
    """Sixty thousand equal terms: a float32 that is large takes less and less of each."""
    n = 60_000
    z, Y = np.full((n, 1), 0.3, dtype), np.zeros((n, 1), dtype)
    layer = Description((1, n), ("identity",), "absolute", bias=False, dtype=dtype)
    case = Case(layer, z[:, 0], np.ones((1, 1), dtype), Y, None)
    expected = n * float(z[0, 0])
    assert_close(look(case).costs, [expected], roundings=n, scale=expected, dtype="float64")


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
def test_the_cost_of_nan_is_nan(cost, dtype):
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
    """A code without a formula would give the cost of another one; here all costs differ."""
    z, Y = np.array([[-0.9]]), np.array([[0.8]])
    costs, outputs = {find_cost(cost).name: cost for cost in OUTPUT}, {}
    assert set(costs) == set(COSTS)
    for name, cost in costs.items():
        case = at_weighted_inputs(z, Y, cost)
        a = reference.sigma(OUTPUT[cost], z)
        terms = reference.cost_terms(cost, z, a, Y)
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
def test_the_slope_of_nan_is_nan(dtype):
    """NaN is neither above nor below a target."""
    for cost in ("absolute", Huber(0.7), Quantile(0.8)):
        layer = Description((1, 1), ("identity",), cost, bias=False, dtype=dtype)
        theta, z = np.array([np.nan], dtype), np.ones((1, 1), dtype)
        case = Case(layer, theta, z, z, None)
        assert np.isnan(look(case).gradient).all()


@DTYPES
def test_poisson_is_half_the_deviance(dtype):
    """a - y + y ln(y / a) with 60 digits, from all but equal to far apart, and without a count."""
    rng = np.random.default_rng(7)
    y = np.concatenate([np.arange(1, 60), rng.integers(60, 5000, 60), rng.uniform(0.01, 1, 30)])
    near = np.where(rng.random((14, y.size)) < 0.5, -1, 1) * 10.0 ** -np.arange(14)[:, None]
    far = np.array([[-60.0], [5.0], [40.0]]) + 0 * y
    z = (np.log(y) + np.concatenate([near, far])).ravel().astype(dtype)
    y = np.tile(y, 17).astype(dtype)
    z, y = np.append(z, [2.0, -3.0]).astype(dtype), np.append(y, [0.0, 0.0]).astype(dtype)
    with mpmath.workdps(60):
        rates = [mpmath.exp(mpmath.mpf(v)) for v in z.tolist()]
        expected = np.array(
            [float(_deviance(*pair)) for pair in zip(rates, y.tolist(), strict=True)]
        )
    costs = at_weighted_inputs(z[None], y[None], "poisson").costs
    error = np.abs(costs - expected) / np.spacing(expected.astype(dtype)).astype(np.float64)
    assert error.max() <= 5
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
