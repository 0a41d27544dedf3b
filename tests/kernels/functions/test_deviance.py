"""Half the deviance of a count against mpmath: a few ULP at every distance from the minimum."""

import math
import re

import mpmath
import numpy as np
from numba import njit
from numeric import same_bits

from bpmatrix.kernels.functions.deviance import half_deviance, log_in_two
from bpmatrix.kernels.functions.exponential import exp
from bpmatrix.kernels.machine.jit import OURS

inf, nan = math.inf, math.nan


@njit(**OURS)
def logs(x, high, low):
    """ln(x) in two numbers."""
    for i in range(x.size):
        high[i], low[i] = log_in_two(x[i])


@njit(**OURS)
def deviances(z, a, y, out):
    """The loop of the cost."""
    for i in range(out.size):
        out[i] = half_deviance(z[i], a[i], y[i])


@njit(**OURS)
def exps(z, out):
    """The outputs that the engine has."""
    for i in range(out.size):
        out[i] = exp(z[i])


def computed(z, y):
    a, out = np.empty_like(z), np.empty_like(z)
    exps(z, a)
    deviances(z, a, y, out)
    return out


def exact_deviance(z, y):
    a = mpmath.exp(mpmath.mpf(z))
    return a - y + (y * (mpmath.log(y) - z) if y else 0)


def test_the_logarithm_has_twice_the_digits():
    """Of all magnitudes, close to 1, and subnormal; the first number alone is within 4 units."""
    rng = np.random.default_rng(1)
    close = 1 + np.array([[1.0], [-1.0]]) * 10.0 ** rng.uniform(-16, -1, 300)
    x = np.concatenate([
        10.0 ** rng.uniform(-323, 308, 600), rng.uniform(0.5, 2, 600), close.ravel(),
        np.arange(1, 300), [0.5, 1, 2, math.sqrt(0.5), math.sqrt(2), 5e-324, 1.7e308],
    ])  # fmt: skip
    high, low = np.empty_like(x), np.empty_like(x)
    logs(x, high, low)

    with mpmath.workdps(60):
        exact = [mpmath.log(mpmath.mpf(v)) for v in x.tolist()]
        off = [abs(h + mpmath.mpf(l) - e) for h, l, e in zip(high, low, exact, strict=True)]
        assert all(o <= mpmath.mpf(2) ** -103 * abs(e) for o, e in zip(off, exact, strict=True))
    assert (np.abs(low) <= 4 * np.spacing(np.abs(high))).all()
    ones = x == 1
    assert (high[ones] == 0).all()
    assert (low[ones] == 0).all()


def test_the_error_is_a_few_ulp_at_every_distance_from_the_minimum():
    """Counts and other targets; rates from 1e-300 of them to 1e300, and all but equal to them.

    ln(y) - z is off by 2^-103 of z, and the cost by twice that: no ULP until they are that close.
    """
    rng = np.random.default_rng(2)
    y = 10.0 ** rng.uniform(-6, 9, 6000)
    y[::2] = np.ceil(y[::2])
    w = np.where(rng.random(y.size) < 0.5, -1, 1) * 10.0 ** rng.uniform(-16, 2.8, y.size)
    w[:2000] = rng.uniform(-1.5, 1.5, 2000)  # on both sides of the seam between the two formulas
    z = np.log(y) - w
    out = computed(z, y)

    with mpmath.workdps(60):
        errors = []
        for got, left, right in zip(out.tolist(), z.tolist(), y.tolist(), strict=True):
            exact = exact_deviance(left, right)
            unit = mpmath.mpf(2) ** (mpmath.frexp(exact)[1] - 53)
            close = mpmath.mpf(2) ** -102 * abs(left / (mpmath.log(right) - left)) * exact
            errors.append(float((abs(got - exact) - close) / unit))
    assert 2 < max(errors) <= 5
    assert (out >= 0).all()


def test_special_counts_and_rates():
    """No count at all, rates of 0 and infinity, tiny and huge counts, NaN."""
    z = np.array([-1.0, -inf, 800.0, -inf, 0.0, nan, nan, -744.0, 709.0])
    y = np.array([0.0, 0.0, 0.0, 2.0, 1.0, 0.0, 1.0, 5e-324, 8e307])
    expected = [math.exp(-1), 0, inf, inf, 0, nan, nan]
    with mpmath.workdps(60):
        expected += [float(exact_deviance(z[i], y[i])) for i in (7, 8)]
    np.testing.assert_allclose(computed(z, y), expected, rtol=2e-15, atol=5e-324)


def test_vectors_give_the_bits_of_scalars():
    rng = np.random.default_rng(3)
    z, y = rng.normal(0, 2, 41), np.floor(rng.exponential(3, 41))
    z[::7], y[::5] = [0, inf, -inf, nan, 700, -700], 1
    alone = np.concatenate([computed(z[i : i + 1], y[i : i + 1]) for i in range(z.size)])
    for offset in range(8):
        assert same_bits(computed(z[offset:], y[offset:]), alone[offset:])


def test_the_loop_is_vectorized_and_calls_nothing():
    computed(np.ones(4), np.ones(4))
    (text,) = deviances.inspect_llvm().values()
    assert re.search(r"call <\d+ x double> @llvm\.fma\.v\d+f64\(", text)
    called = set(re.findall(r"\bcall\b[^@\n]*@([\w.]+)", text))
    assert not [name for name in called if "8bpmatrix" in name], "not inlined"
    assert not [name for name in called if re.match(r"(llvm\.|numba_)?(exp|log)", name)]
