"""The root that Adam takes is the one of IEEE 754, which NumPy's is, however it is made."""

import math
from fractions import Fraction

import numpy as np
import pytest
from numba import njit

from bpmatrix.kernels.functions.roots import made_root, root
from bpmatrix.kernels.machine.underflow import flush_to_zero, restore_mode
from bpmatrix.kernels.views import line

# From here on the last digit of r^2 is at least the smallest normal number; the root of a processor
# needs no such digit.
LEAST = {np.float64: 1e-275, np.float32: np.finfo(np.float32).tiny}
BOTH = pytest.mark.parametrize("dtype", [np.float64, np.float32])


@njit(error_model="numpy")
def roots_of(x, out):
    """What Adam calls: the processor's root, or one of multiply-adds."""
    for i in range(x.size):
        out[i] = root(x[i], line(out, 0, out.size).start)


@njit(error_model="numpy")
def made_roots(x, out):
    for i in range(x.size):
        out[i] = made_root(x[i])


@njit(error_model="numpy")
def made_roots_in_training(x, out):
    mode = flush_to_zero()
    made_roots(x, out)
    restore_mode(mode)


def every_way(dtype):
    """All roots of a type, whichever of them `root` takes on this processor."""
    made = (made_roots, made_roots_in_training) if dtype == np.float64 else ()
    return roots_of, *made


@BOTH
def test_normal_numbers(dtype):
    """Over all exponents, the ends of the range, squares and their neighbors."""
    info, rng = np.finfo(dtype), np.random.default_rng(1)
    exponents = rng.uniform(np.log2(LEAST[dtype]), np.log2(info.max) - 1, 200_000)
    x = np.concatenate([
        np.exp2(exponents).astype(dtype), [LEAST[dtype], info.max, 1, 2, 4],
        np.nextafter(dtype(4), dtype(5), dtype=dtype)[None],
        np.nextafter(dtype(4), dtype(0), dtype=dtype)[None],
    ]).astype(dtype)  # fmt: skip
    for take_roots in every_way(dtype):
        got = np.empty_like(x)
        take_roots(x, got)
        np.testing.assert_array_equal(got, np.sqrt(x))


def hard_roots(most):
    """Yield each float64 in [1, 4) whose root lies next to the middle between two numbers.

    With x = X / 2^104 the middle is N / 2^53, N odd, and N^2 = 4 X - k with a small k. x has 53
    digits, so that N is a root of -k modulo 2^54 for x < 2, and modulo 2^55 above: Hensel's lifting
    gives its last digits one by one.
    """
    for parity in (0, 1):
        digits = 54 + parity
        for k in range(-most, most + 1):
            if -k % 8 != 1:  # no odd square
                continue
            roots = [1, 3, 5, 7]
            for d in range(4, digits + 1):
                lifted = {r + bit for r in roots for bit in (0, 1 << (d - 1))}
                roots = [r for r in lifted if (r * r + k) % (1 << d) == 0]
            for N in roots:
                x = (N * N + k) / 2**106 if N.bit_length() == 54 else 0
                if 1 + parity <= x < 2 + 2 * parity:
                    assert Fraction(x) == Fraction(N * N + k, 2**106)
                    yield x


def test_the_hardest_float64_roots():
    """Before it is rounded the result is sqrt(x) (1 + c), |c| < 2^-104.

    With 1 <= x < 4 and u = 2^-53: r = sqrt(x) (1 + p) and h = (1 + q) / (2 sqrt(x)), where half the
    rounding of x y moves the two in opposite directions, and each has one of its own (what is left
    of the steps before, 1e-23, does not count): |p| <= 1.5 u / r, |q| <= (0.5 / r + 0.5 r) u. From
    r = 4/3 on x - r^2 is rounded too, by at most 2^-104. So c = - p q - p^2 / 2, and that rounding
    over 2 x: |c| <= (0.75 + 1.875 / r^2) u^2, or from r = 4/3 on (0.75 + 3.875 / r^2) u^2: below
    3 u^2 < 2^-104. A root closer than that to a midpoint has |k| < 32; |k| goes up to 4096 here.
    """
    x = np.array(sorted(hard_roots(4096)))
    assert x.size > 1000
    for value in x[::100]:  # they are hard: all but in the middle
        exact = Fraction(math.isqrt(int(Fraction(value) * 2**240)), 2**120)
        units = abs(exact - Fraction(np.sqrt(value))) * 2**52
        assert abs(units - Fraction(1, 2)) <= 4096 / 2**55
    for factor in (1.0, 2.0**-912, 2.0**900):
        for take_roots in (made_roots, made_roots_in_training):
            got = np.empty_like(x)
            take_roots(x * factor, got)
            np.testing.assert_array_equal(got, np.sqrt(x * factor))


@BOTH
def test_zero_and_tiny_numbers(dtype):
    info = np.finfo(dtype)
    x = np.array([0, info.smallest_subnormal, info.tiny / 3, info.tiny / 2, info.tiny], dtype)
    for take_roots in every_way(dtype):
        got = np.empty_like(x)
        take_roots(x, got)
        assert got[0] == 0
        assert (got >= 0).all()
        assert (got[1:] < 2 * np.sqrt(x[1:])).all()


@BOTH
def test_infinity_and_nan_give_nan(dtype):
    """A mean of squares that overflows ends the training, on all processors."""
    x = np.array([np.inf, np.nan], dtype)
    for take_roots in every_way(dtype):
        got = np.zeros_like(x)
        take_roots(x, got)
        assert np.isnan(got).all()
