"""The normal distribution and the relatives of ReLU against mpmath: errors, tails, vector code."""

import math
import re

import mpmath
import numpy as np
import pytest
from numba import njit
from numeric import same_bits

from bpmatrix.kernels.functions import activations
from bpmatrix.kernels.functions.exponential import softplus
from bpmatrix.kernels.functions.normal import normal
from bpmatrix.kernels.machine import formats
from bpmatrix.kernels.machine.formats import constants
from bpmatrix.kernels.machine.jit import OURS, kernel

inf, nan = math.inf, math.nan
DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])


@kernel
def phi(z):
    """The density alone."""
    return normal(z)[0] * constants(z).tiny


@kernel
def tail(z):
    """Phi(-|z|) alone."""
    return normal(z)[1] * constants(z).tiny


def exact_phi(z):
    return mpmath.exp(-z * z / 2) / mpmath.sqrt(2 * mpmath.pi)


def exact_Phi(z):
    return mpmath.erfc(-z / mpmath.sqrt(2)) / 2


def exact_sigmoid(z):
    return 1 / (1 + mpmath.exp(-z))


# name: the function, the exact one, the bound in ULP, of what, and the values at -inf, 0 and inf.
# A slope is a sum; its terms may cancel, so that its error is counted in ULP of the larger one.
FUNCTIONS = {
    "phi": (phi, exact_phi, 3, None, (0, 1 / math.sqrt(2 * math.pi), 0)),
    "tail": (tail, lambda z: exact_Phi(-abs(z)), 5, None, (0, 0.5, 0)),
    "gelu": (activations.gelu, lambda z: z * exact_Phi(z), 6, None, (0, 0, inf)),
    "gelu_slope": (
        activations.gelu_slope,
        lambda z: exact_Phi(z) + z * exact_phi(z),
        6,
        lambda z: max(exact_Phi(z), abs(z) * exact_phi(z)),
        (0, 0.5, 1),
    ),
    "silu": (activations.silu, lambda z: z * exact_sigmoid(z), 3, None, (0, 0, inf)),
    "silu_slope": (
        activations.silu_slope,
        lambda z: exact_sigmoid(z) * (1 + z * exact_sigmoid(-z)),
        5,
        lambda z: max(exact_sigmoid(z), abs(z) * exact_sigmoid(z) * exact_sigmoid(-z)),
        (0, 0.5, 1),
    ),
    "elu": (
        activations.elu,
        lambda z: z if z > 0 else mpmath.expm1(z),
        2.3,
        None,
        (-1, 0, inf),
    ),
}


def loop_over(function):
    @njit(**OURS)
    def loop(x, out):
        """The loop that a block is."""
        for i in range(out.size):
            out[i] = function(x[i])

    return loop


LOOPS = {name: loop_over(parts[0]) for name, parts in FUNCTIONS.items()}
LOOPS |= {
    name: loop_over(function)
    for name, function in [
        ("leaky_relu", activations.leaky_relu),
        ("leaky_relu_slope", activations.leaky_relu_slope),
        ("elu_slope", activations.elu_slope),
        ("softplus", softplus),
        ("softplus_slope", activations.softplus_slope),
    ]
}
every_function = pytest.mark.parametrize("name", FUNCTIONS)
every_loop = pytest.mark.parametrize("name", LOOPS)


def computed(name, x):
    out = np.empty_like(x)
    LOOPS[name](x, out)
    return out


def error_in_ulp(y: float, exact, scale, dtype) -> float:
    """The distance of y from the exact result, in spacings of the type at a scale."""
    limits = np.finfo(dtype)
    exponent = max(mpmath.frexp(abs(scale))[1] - 1, limits.minexp) if scale else limits.minexp
    return float(abs(y - exact) / mpmath.mpf(2) ** (exponent - limits.nmant))


def worst_error(name, x, dtype) -> float:
    _, exact, _, scale, _ = FUNCTIONS[name]
    y = computed(name, x)
    with mpmath.workdps(60):
        numbers = [mpmath.mpf(v) for v in x.tolist()]
        return max(
            error_in_ulp(got, exact(v), (scale or exact)(v), dtype)
            for v, got in zip(numbers, y.tolist(), strict=True)
        )


@every_function
@DTYPES
def test_error_is_within_the_bound(name, dtype):
    """With 60 digits, from the left tail to the right one."""
    rng = np.random.default_rng(len(name))
    end = 39.0 if dtype == "float64" else 15.0
    parts = rng.uniform(-end, end, 1500), rng.uniform(-2, 2, 500), 10.0 ** rng.uniform(-30, 0, 100)
    worst = worst_error(name, np.concatenate([*parts, -parts[2]]).astype(dtype), dtype)
    assert worst <= FUNCTIONS[name][2]
    # The search comes near the bound: a bound that is far away shows nothing.
    assert worst > 0.3 * FUNCTIONS[name][2]


@every_function
@DTYPES
def test_results_are_accurate_down_to_the_smallest_number(name, dtype):
    """Where e^z or Phi(z) is subnormal, and its product with z is not yet, or is 0 already."""
    rng = np.random.default_rng(len(name))
    limits = np.finfo(dtype)
    low, normal_low = math.log(limits.smallest_subnormal), math.log(limits.smallest_normal)
    left = rng.uniform(low - 9, normal_low + 9, 600)  # |z| e^z reaches 0 at e^(low - ln|low| - 1)
    near = -np.sqrt(2 * -left)  # where e^(-z^2 / 2) is what e^z is there
    zeros = np.array([0.5, 1, 3, -1, -3]) * limits.smallest_subnormal
    x = np.concatenate([left, near, zeros]).astype(dtype)
    worst = worst_error(name, x, dtype)
    assert worst <= FUNCTIONS[name][2]


@pytest.mark.parametrize("name", ["gelu", "silu", "elu", "leaky_relu"])
@DTYPES
def test_a_zero_keeps_its_sign(name, dtype):
    """Functions that tend to 0 on the left from below stay negative until they underflow."""
    y = computed(name, np.array([0.0, -0.0], dtype))
    assert (y == 0).all()
    assert np.signbit(y).tolist() == [False, True]
    if name in {"gelu", "silu"}:
        assert np.signbit(computed(name, np.array([-1e4, -inf], dtype))).all()


@every_function
@DTYPES
def test_limits_are_exact(name, dtype):
    """At infinity and long before; NaN stays NaN."""
    low, middle, high = FUNCTIONS[name][4]
    largest = float(np.finfo(dtype).max)
    x = np.array([-inf, -largest, -1e4, 0.0, nan, 1e4, largest, inf], dtype)
    highs = [v if high == inf else high for v in (1e4, largest, inf)]
    expected = np.array([low, low, low, middle, nan, *highs], dtype)
    np.testing.assert_array_equal(computed(name, x), expected)


@DTYPES
def test_slopes_from_a(dtype):
    """Of leaky ReLU, ELU and softplus: at both ends, at 0, and of NaN."""
    a = np.array([-0.5, 0.0, 2.0, nan], dtype)
    leak = np.dtype(dtype).type(0.01)
    assert computed("leaky_relu_slope", a)[:3].tolist() == [leak, leak, 1]
    assert computed("leaky_relu", a)[:3].tolist() == [leak * a[0], 0, 2]
    assert computed("elu_slope", a)[:3].tolist() == [0.5, 1, 1]
    assert np.isnan(computed("elu_slope", a)[3]) or np.isnan(computed("elu", a)[3])
    far = computed("softplus_slope", np.array([0, 1e4, inf, nan], dtype))
    np.testing.assert_array_equal(far, np.array([0, 1, 1, nan], dtype))


@every_loop
@DTYPES
def test_vectors_give_the_bits_of_scalars(name, dtype):
    """A loop of length 1 runs the scalar code behind the vector loop."""
    x = np.random.default_rng(3).normal(0.0, 8.0, 75).astype(dtype)
    x[::7] = [0.0, -0.0, inf, -inf, -100.0, 89.0, -1.0, 39, -39, 5, 0]
    alone = np.concatenate([computed(name, x[i : i + 1]) for i in range(x.size)])
    for offset in range(8):
        assert same_bits(computed(name, x[offset:]), alone[offset:])


@every_loop
@DTYPES
def test_the_loop_is_vectorized_and_calls_nothing(name, dtype):
    computed(name, np.ones(4, dtype))
    (text,) = (
        text
        for signature, text in LOOPS[name].inspect_llvm().items()
        if str(signature[0].dtype) == dtype
    )
    assert re.search(rf"load <\d+ x {'double' if dtype == 'float64' else 'float'}>", text)
    called = set(re.findall(r"\bcall\b[^@\n]*@([\w.]+)", text))
    libm = re.compile(r"(llvm\.|numba_)?(exp2?|expm1|log|log1p|erfc?|pow|fma)f?(\.|$)")
    assert not {name for name in called if libm.match(name) and "llvm.fma" not in name}
    assert not {name for name in called if "8bpmatrix" in name}, "not inlined"
    if dtype == "float32":
        assert "double" not in re.sub(r"define.*", "", text), "float32 is computed in float64"


@pytest.mark.parametrize(("numbers", "end", "unit"), [("FLOAT64", 39, 53), ("FLOAT32", 15, 24)])
def test_the_polynomial_of_Phi_is_interpolated(numbers, end, unit):
    """In Chebyshev's points of [-1, (end - 4) / (end + 4)], with 60 digits, then rounded."""
    given = getattr(formats, numbers).normal_polynomial
    n = len(given)
    with mpmath.workdps(60):

        def P(u):
            t = 4 * (1 + u) / (1 - u)
            return (t + 4) * mpmath.exp(t * t / 2) * exact_Phi(-t)

        low, high = mpmath.mpf(-1), mpmath.mpf(end - 4) / (end + 4)
        nodes = [
            (low + high) / 2 + (high - low) / 2 * mpmath.cos(mpmath.pi * (2 * i + 1) / (2 * n))
            for i in range(n)
        ]
        powers = mpmath.matrix([[node**j for j in range(n)] for node in nodes])
        found = mpmath.lu_solve(powers, mpmath.matrix([P(node) for node in nodes]))
        assert [type(given[0])(float(c)) for c in found] == list(given)

        def horner(coefficients, u):
            total = mpmath.mpf(0)
            for c in coefficients:
                total = total * u + c
            return total

        between = [low + (high - low) * i / 500 for i in range(501)]
        exact = list(found)[::-1]
        assert max(abs(horner(exact, u) / P(u) - 1) for u in between) < 0.4 * 2.0**-unit
