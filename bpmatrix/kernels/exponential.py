"""exp, expm1, log, log1p, tanh, sigmoid, softplus: scalars in, scalars out, for any compiled loop.

There is no branch, table or library call, so LLVM turns a loop over these functions into vector
code. Every fused multiply-add is called by name and no fast-math flag is set, so a vector, a
scalar and another processor give the same bits. float32 is computed in float32.

Two identities carry the module::

    e^x   = 2^n (1 + p),          p = e^r - 1,   |r| <= ln(2) / 2,       r = x - n ln(2)
    ln(x) = k ln(2) + ln(1 + f),                 sqrt(1/2) <= 1 + f < sqrt(2)

Sources: W. J. Cody and W. Waite, Software Manual for the Elementary Functions (1980), for both
reductions; J.-M. Muller et al., Handbook of Floating-Point Arithmetic, 2nd ed. (2018), ch. 10,
for the reduction with a fused multiply-add; fdlibm (Sun Microsystems, 1993) for the forms of ln.
The coefficients are minimax fits of our own (Remez, 200 bits), rounded.

Errors are in ULP, the spacing of the result's type at the exact result; below the normal range it
is the spacing of the subnormals. `tests/kernels/test_exponential.py` measures them with mpmath.
"""

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from .instructions import call_fma, fma
from .jit import kernel


class _Format(NamedTuple):
    """What the functions must know of a floating-point type; every number is of that type."""

    zero: np.floating
    half: np.floating
    one: np.floating
    two: np.floating
    infinity: np.floating
    nan: np.floating
    # A sum with this number is rounded to an integer n, and its lowest bits are n + the exponent
    # bias, so that a shift to the left makes them the number 2^n.
    rounder: np.floating
    log2_e: np.floating
    # ln(2) in two parts. The first needs no zeros at its end: n is small, and fma rounds once.
    ln2_high: np.floating
    ln2_low: np.floating
    # e^x is 0 below the first, infinite above the second; 1 + e^x is 1 below the third.
    lowest: np.floating
    highest: np.floating
    negligible: np.floating
    # ln moves a subnormal number up by 2^rise before it reads the exponent.
    smallest_normal: np.floating
    rise: np.floating
    two_to_rise: np.floating
    # q(r) = (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2, the constant coefficient first.
    exp_polynomial: tuple[np.floating, ...]
    # R(s^2) = (ln((1 + s) / (1 - s)) - 2 s) / s^3 for |s| <= (sqrt(2) - 1) / (sqrt(2) + 1).
    log_polynomial: tuple[np.floating, ...]


def _format(real, *, mantissa, bias, ln2_low, lowest, highest, negligible, exp, log):
    ln2_high = real(np.log(2.0))
    return _Format(
        *map(real, (0.0, 0.5, 1.0, 2.0, np.inf, np.nan)),
        rounder=real(1.5 * 2.0**mantissa + bias),
        log2_e=real(1.0 / np.log(2.0)),
        ln2_high=ln2_high,
        ln2_low=real(ln2_low),
        lowest=real(lowest),
        highest=real(highest),
        negligible=real(negligible),
        smallest_normal=np.finfo(real).smallest_normal,
        rise=real(mantissa),
        two_to_rise=real(2.0**mantissa),
        exp_polynomial=tuple(map(real, exp)),
        log_polynomial=tuple(map(real, log)),
    )


_FLOAT64 = _format(
    np.float64,
    mantissa=52,
    bias=1023,
    ln2_low=2.3190468138462996e-17,
    lowest=-746.0,
    highest=710.0,
    negligible=-40.0,
    exp=(
        0.5000000000000006,
        0.16666666666666685,
        0.04166666666657362,
        0.0083333333333146,
        0.0013888888932379454,
        0.00019841269903007842,
        2.4801504445211407e-05,
        2.7557227977017525e-06,
        2.762632680336759e-07,
        2.5114465143972508e-08,
    ),
    log=(
        0.6666666666666734,
        0.3999999999941432,
        0.28571428742474697,
        0.2222219856350862,
        0.18183564865299195,
        0.1531403587370776,
        0.14796105029116294,
    ),
)

_FLOAT32 = _format(
    np.float32,
    mantissa=23,
    bias=127,
    ln2_low=-1.9046542e-09,
    lowest=-104.0,
    highest=89.0,
    negligible=-20.0,
    exp=(0.5, 0.16666543, 0.04166628, 0.008366584, 0.001394645),
    log=(0.66666776, 0.39977536, 0.29871863),
)


def _constants(x):
    """Return the constants of the type of x; chosen at compile time."""
    raise NotImplementedError


@overload(_constants)
def _(x):
    if x == types.float64:
        return lambda x: _FLOAT64
    if x == types.float32:
        return lambda x: _FLOAT32
    return None


@intrinsic
def _polynomial(typingctx, x, coefficients):
    """Return c_0 + c_1 x + c_2 x^2 + ... by Horner's rule, one fused multiply-add a term."""

    def codegen(context, builder, signature, arguments):
        x, coefficients = arguments
        count = len(signature.args[1])
        *rest, total = (builder.extract_value(coefficients, i) for i in range(count))
        for coefficient in reversed(rest):
            total = call_fma(builder, x.type, total, x, coefficient)
        return total

    return x(x, coefficients), codegen


def _layout(real):
    """Return the integer type as wide as a type, and the bits of its mantissa and of its bias."""
    return (ir.IntType(64), 52, 1023) if real == types.float64 else (ir.IntType(32), 23, 127)


@intrinsic
def _two_to(typingctx, shifted):
    """Return 2^n for shifted = rounder + n, where 2^n is a normal number."""

    def codegen(context, builder, signature, arguments):
        integer, mantissa, _ = _layout(signature.return_type)
        bits = builder.bitcast(arguments[0], integer)
        return builder.bitcast(builder.shl(bits, integer(mantissa)), arguments[0].type)

    return shifted(shifted), codegen


@intrinsic
def _binary_parts(typingctx, x):
    """Return k and m with x = 2^k m and sqrt(1/2) <= m < sqrt(2), for a normal x > 0."""

    def codegen(context, builder, signature, arguments):
        integer, mantissa, bias = _layout(signature.args[0])
        real = arguments[0].type
        fraction = int((np.sqrt(2.0) - 1.0) * 2.0**mantissa)
        bits = builder.bitcast(arguments[0], integer)
        # Without the fraction of sqrt(1/2) the exponent field counts from there: k + bias - 1.
        moved = builder.sub(bits, integer(fraction))
        field = builder.lshr(moved, integer(mantissa))
        m = builder.sub(bits, builder.shl(field, integer(mantissa)))
        m = builder.add(m, integer((bias - 1) << mantissa))
        # An integer below 2^mantissa, put into the mantissa of 2^mantissa, becomes a float.
        base = integer((bias + mantissa) << mantissa)
        k = builder.bitcast(builder.or_(field, base), real)
        k = builder.fsub(k, ir.Constant(real, 2.0**mantissa + bias - 1))
        return context.make_tuple(
            builder, signature.return_type, (k, builder.bitcast(m, real))
        )

    return types.UniTuple(x, 2)(x), codegen


@kernel
def _exp_parts(x):
    """Return rounder + n and p, where e^x = 2^n (1 + p) and x = 0 gives n = p = 0."""
    c = _constants(x)
    shifted = fma(x, c.log2_e, c.rounder)
    n = shifted - c.rounder
    r = fma(n, -c.ln2_low, fma(n, -c.ln2_high, x))
    return shifted, fma(r * r, _polynomial(r, c.exp_polynomial), r)


@kernel
def exp(x):
    c = _constants(x)
    x = c.lowest if x < c.lowest else x
    x = c.highest if x > c.highest else x
    shifted, p = _exp_parts(x)
    # 2^n itself may be subnormal or overflow, its halves never: 2^n = 2^h 2^(n - h).
    shifted_half = fma(x, c.half * c.log2_e, c.rounder)
    scale = _two_to(shifted_half)
    return fma(scale, p, scale) * _two_to(shifted - (shifted_half - c.rounder))


@kernel
def expm1(x):
    c = _constants(x)
    clamped = c.negligible if x < c.negligible else x
    clamped = c.highest if clamped > c.highest else clamped
    shifted, p = _exp_parts(clamped)
    # Half the result: 2^n overflows for the largest x, 2^(n - 1) does not.
    scale = _two_to(shifted - c.one)
    y = c.two * fma(scale, p, scale - c.half)
    return x if x == c.zero else y  # keeps -0.0


@kernel
def sigmoid(x):
    c = _constants(x)
    e = exp(-abs(x))
    return (e if x < c.zero else c.one) / (c.one + e)


@kernel
def tanh(x):
    c = _constants(x)
    y = -c.two * abs(x)
    y = c.negligible if y < c.negligible else y
    shifted, p = _exp_parts(y)
    scale = _two_to(shifted)
    magnitude = -fma(scale, p, scale - c.one) / fma(scale, p, scale + c.one)
    return np.copysign(magnitude, x)


@kernel
def _log_sum(k, f, tail):
    """Return k ln(2) + ln(1 + f) + tail, where tail is small against the rest."""
    c = _constants(f)
    s = f / (c.two + f)
    half_square = c.half * f * f
    series = _polynomial(s * s, c.log_polynomial)
    rest = fma(s, fma(s * s, series, half_square), fma(k, c.ln2_low, tail))
    return fma(k, c.ln2_high, f - (half_square - rest))


@kernel
def log(x):
    c = _constants(x)
    subnormal = x < c.smallest_normal
    k, m = _binary_parts(x * c.two_to_rise if subnormal else x)
    k = k - c.rise if subnormal else k
    y = _log_sum(k, m - c.one, c.zero)
    y = y if x < c.infinity else x
    y = -c.infinity if x == c.zero else y
    return c.nan if x < c.zero else y


@kernel
def log1p(x):
    c = _constants(x)
    u = c.one + x
    k, m = _binary_parts(u)
    # What the rounding of 1 + x lost; the larger of the two summands must lead.
    lost = c.one - (u - x) if x > c.one else x - (u - c.one)
    near_zero = k == c.zero
    f = x if near_zero else m - c.one
    y = _log_sum(k, f, c.zero if near_zero else lost / u)
    y = y if x < c.infinity else x
    y = -c.infinity if x == -c.one else y
    y = c.nan if x < -c.one else y
    return x if x == c.zero else y  # keeps -0.0


@kernel
def softplus(x):
    c = _constants(x)
    return (x if x > c.zero else c.zero) + log1p(exp(-abs(x)))
