"""The activation functions and their derivatives: formulas, limits, NaN, and work in place."""

import warnings

import mpmath
import numpy as np
import pytest
from guarded import look
from hypothesis import given, settings
from numeric import ELEMENTARY, assert_close, central_differences, same_bits
from strategies import Case, cases

from bpmatrix import Network, reference
from bpmatrix.architecture.activations import ACTIVATIONS
from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.engine.trace import trace

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
ELEMENTWISE = pytest.mark.parametrize("name", [n for n, a in ACTIVATIONS.items() if a.elementwise])
# How far sigma' is off, in roundings of these scales, with z and a = sigma(z) in float64.
OFF = {
    "sigmoid": lambda z, a, slope: ELEMENTARY * a * np.abs(1 - 2 * a) + 4 * slope,
    "tanh": lambda z, a, slope: 2 * ELEMENTARY * np.abs(a) + 4,
    "leaky_relu": lambda z, a, slope: 2,  # 0.01 is rounded
    "elu": lambda z, a, slope: ELEMENTARY * np.minimum(np.abs(a), 1) + 2,
    # The reference rounds z^2 / 2 in an exponent.
    "gelu": lambda z, a, slope: (12 + 3 * z**2) * (reference.Phi(z) + np.abs(z) * reference.phi(z)),
    "silu": lambda z, a, slope: 2 * ELEMENTARY * (1 + np.abs(z) / 4) * reference.sigmoid(z),
    "softplus": lambda z, a, slope: ELEMENTARY * (a * (1 - slope) + slope),
    "exp": lambda z, a, slope: ELEMENTARY * a,
}


def activated(name, z, dtype):
    """sigma of each number: a unit whose only weight is 1."""
    z = np.asarray(z, dtype)
    unit = Description((1, 1), (name,), "quadratic", bias=False, dtype=dtype)
    return look(Case(unit, np.ones(1, dtype), z[None], np.zeros_like(z[None]), None)).outputs[0]


def softmax_of(z):
    """Softmax of each column: a layer whose matrix is the identity."""
    n = len(z)
    layer = Description((n, n), ("softmax",), "log_likelihood", bias=False, dtype=str(z.dtype))
    Y = np.full(z.shape, 1 / n, z.dtype)
    return look(Case(layer, np.eye(n, dtype=z.dtype).ravel(), z, Y, None)).outputs


@DTYPES
@ELEMENTWISE
def test_activation_is_its_formula(name, dtype):
    """Within the error of the elementary functions of the book's formula in float64."""
    z = np.concatenate([np.linspace(-30, 30, 4001), np.linspace(-1e-3, 1e-3, 101)]).astype(dtype)
    expected = reference.SIGMA[name](z.astype(np.float64))
    off = 0 if name in {"relu", "identity"} else 3 * ELEMENTARY
    if name == "gelu" and dtype == "float64":  # the reference rounds z^2 / 2 in an exponent
        off = off + 3 * z**2
    scale = np.maximum(np.abs(expected), np.finfo(dtype).smallest_normal)
    assert_close(activated(name, z, dtype), expected, roundings=off, scale=scale)


@DTYPES
@ELEMENTWISE
def test_activation_of_the_largest_numbers(name, dtype):
    """No overflow on the way: the limits are exact, at infinity and long before."""
    limits = {"sigmoid": (0, 1), "tanh": (-1, 1), "exp": (0, np.inf)}
    for z in (1e4, float(np.finfo(dtype).max), np.inf):
        lows = {"identity": -z, "elu": -1, "leaky_relu": np.dtype(dtype).type(0.01) * -z}
        low, high = limits.get(name, (lows.get(name, 0), z))
        assert activated(name, [-z, z], dtype).tolist() == [low, high]


@DTYPES
@ELEMENTWISE
def test_nan_stays_nan(name, dtype):
    """A run that has lost its numbers must show it, also behind a ReLU."""
    a = activated(name, [1.0, np.nan, -1.0], dtype)
    assert np.isnan(a).tolist() == [False, True, False]


@DTYPES
@ELEMENTWISE
def test_derivative_is_its_formula(name, dtype):
    """delta is multiplied by sigma'(z), to the roundings of a (1 - a) and so on."""
    z = np.linspace(-12, 12, 997).astype(dtype)
    network = Description((1, 1, 1), (name, "identity"), "quadratic", bias=False, dtype=dtype)
    case = Case(network, np.ones(2, dtype), z[None], np.full_like(z[None], -2), None)
    hidden, output = trace(
        network, Parameters.of(case.theta, network.layout), case.inputs, case.targets
    ).layers
    assert same_bits(hidden.z[0], z)
    wide = z.astype(np.float64)
    a, slope = reference.SIGMA[name](wide), reference.SIGMA_PRIME[name](wide)
    off = OFF[name](wide, a, slope) if name in OFF else 0
    delta = output.delta[0].astype(np.float64)
    assert_close(hidden.delta[0], delta * slope, roundings=2, scale=np.abs(delta) * off)


@DTYPES
@pytest.mark.parametrize(
    ("name", "slope", "zeros"),
    [
        ("sigmoid", lambda z: 1 / (2 + mpmath.exp(z) + mpmath.exp(-z)), (37.5, 17.4)),
        ("tanh", lambda z: mpmath.sech(z) ** 2, (19.1, 9.1)),
        ("elu", lambda z: mpmath.exp(min(z, 0)), (-37.5, -17.4)),
    ],
)
def test_a_slope_computed_from_a_is_within_two_ulp_of_1(name, slope, zeros, dtype):
    """As docs/functions.md says; where a is 1 or -1 to its last bit, the slope is 0."""
    end = zeros[dtype == "float32"]
    z = np.concatenate([np.linspace(-2 * abs(end), 2 * abs(end), 401), np.linspace(-4, 4, 301)])
    z = np.append(z, [end, 1.01 * end, 5 * end]).astype(dtype)
    network = Description((1, 1, 1), (name, "identity"), "quadratic", bias=False, dtype=dtype)
    # The second weight is too small to change the error of the output, which is 1.
    theta = np.array([1, 2.0**-60], dtype)
    case = Case(network, theta, z[None], np.full_like(z[None], -1), None)
    hidden, output = trace(
        network, Parameters.of(theta, network.layout), case.inputs, case.targets
    ).layers
    assert (output.delta == 1).all()
    delta = hidden.delta[0]
    with mpmath.workdps(40):
        exact = np.array([float(slope(mpmath.mpf(v))) for v in z.tolist()])
    assert (np.abs(delta * 2.0**60 - exact) <= 2 * np.finfo(dtype).eps).all()
    assert (delta[-3:] == 0).all()


@ELEMENTWISE
def test_derivative_is_the_slope(name):
    """The book's formula, on which the test above stands, against central differences to 1e-6."""
    z = np.linspace(-6, 6, 122)  # 0, where some have a kink, is no point of these
    slopes = [
        central_differences(lambda x: activated(name, x, "float64")[0], z[i : i + 1])[0]
        for i in range(z.size)
    ]
    scale = np.maximum(1, np.abs(slopes))
    assert_close(reference.SIGMA_PRIME[name](z), slopes, roundings=1e-6 / 2**-53, scale=scale)


@DTYPES
def test_softmax_is_its_formula(dtype):
    """Within the roundings of the shift, of exp, of the sum and of the division."""
    rng = np.random.default_rng(1)
    for n in (1, 2, 3, 10, 17):
        z = (5 * rng.standard_normal((50, n))).T.astype(dtype)
        expected = reference.softmax(z.astype(np.float64))
        off = 2 * (ELEMENTARY + n + 1 + np.abs(z - z.max(axis=0)).max())
        a = softmax_of(z)
        assert_close(a, expected, roundings=off, scale=expected)
        ones = np.ones(50)
        assert_close(a.sum(axis=0, dtype=np.float64), ones, roundings=n + 1, scale=1, dtype=dtype)


@DTYPES
def test_tiny_softmax_outputs_are_accurate(dtype):
    """Against 60 digits, where max z and the others are far from 0 and from each other.

    Twice a power, n additions, a division, and half a subnormal number.
    """
    rng, limits = np.random.default_rng(2), np.finfo(dtype)
    far = -np.log(limits.smallest_normal)
    for n in (2, 5, 10):
        z = (rng.uniform(-far, far) + rng.uniform(0, far, (80, n))).T.astype(dtype)
        with mpmath.workdps(60):
            powers = [[mpmath.exp(mpmath.mpf(v)) for v in column] for column in z.T.tolist()]
            exact = [[p / mpmath.fsum(column) for p in column] for column in powers]
            a = softmax_of(z).T.tolist()
            for got, expected in zip(np.ravel(a), np.ravel(exact), strict=True):
                unit = mpmath.mpf(2) ** (mpmath.frexp(expected)[1] - 1 - limits.nmant)
                bound = (2 * 1.6 + (n + 1) / 2) * unit + limits.smallest_subnormal / 2
                assert abs(float(got) - expected) <= bound


@DTYPES
def test_softmax_of_large_and_missing_numbers(dtype):
    """The shift keeps it finite; NaN makes the whole column NaN and leaves the others alone."""
    z = np.array([[1e4, -1e4, 1e30, 0, 0], [-1e4, -1e4, 1e30, np.nan, 0]], dtype=dtype)
    a = softmax_of(z[:, :3])
    assert a.tolist() == [[1, 0.5, 0.5], [0, 0.5, 0.5]]
    layer = Description((1, 2), ("softmax",), "log_likelihood", dtype=dtype)
    for bad in (0, 1):  # NaN times a zero of the identity would reach all: as biases it cannot
        b = np.zeros(2)
        b[bad] = np.nan
        theta, Y = np.array([0, 0, *b], dtype), np.full((2, 1), 0.5, dtype)
        assert np.isnan(look(Case(layer, theta, np.zeros((1, 1), dtype), Y, None)).outputs).all()


@pytest.mark.parametrize("scale", [1e4, 1e30])
@DTYPES
def test_finite_input_raises_no_warning(scale, dtype):
    """Outputs, cost and gradient of saturated units are finite, and there is no warning."""
    X = scale * np.array([[1.0, -1.0, 1.0, -1.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for cost, output in (("cross_entropy", "sigmoid"), ("log_likelihood", "softmax")):
            for hidden in ("sigmoid", "tanh"):
                net = Network([1, 3, 2], activation=[hidden, output], cost=cost, dtype=dtype)
                net.parameters[:] = np.where(np.arange(net.parameters.size) % 2, 1e3, -1e3)
                labels = [0, 0, 1, 1]
                assert np.isfinite(net.feedforward(X)).all()
                assert np.isfinite(net.cost(X, labels))
                assert np.isfinite(net.gradient(X, labels).flat).all()


@given(cases())
@settings(max_examples=60)
def test_z_and_a_may_share_their_memory(case):
    """In place or with a matrix of its own for every z: the same bits forward and backward."""
    d = case.description
    in_place = look(case)
    apart = trace(d, Parameters.of(case.theta, d.layout), case.inputs, case.targets)
    assert same_bits(apart.layers[-1].a, in_place.outputs)
    mean = (in_place.gradient / case.X.shape[1]).astype(d.dtype)
    gradient = Parameters.of(mean, d.layout)
    for layer, nabla_W in zip(apart.layers, gradient.weights, strict=True):
        assert same_bits(layer.nabla_W, nabla_W)
    for layer, nabla_b in zip(apart.layers, gradient.biases, strict=False):
        assert same_bits(layer.nabla_b, nabla_b)
