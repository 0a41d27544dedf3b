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

from bpmatrix.kernels.instructions import call_fma, fma
from bpmatrix.kernels.jit import kernel


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
    # e^x rounds to 0 below `lowest` and to infinity above `highest`; 1 + e^-x is 1 above
    # `saturated`.
    lowest: np.floating
    highest: np.floating
    saturated: np.floating
    # tiny = 2^-margin and huge = 2^margin lead every n back into the range of normal numbers.
    margin: np.floating
    tiny: np.floating
    huge: np.floating
    # sqrt(2) - 1, the largest f.
    fold: np.floating
    # ln lifts a subnormal number by 2^rise before it reads the exponent.
    smallest_normal: np.floating
    rise: np.floating
    two_to_rise: np.floating
    # q(r) = (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2, the constant coefficient first.
    exp_polynomial: tuple[np.floating, ...]
    # R(s^2) = (ln((1 + s) / (1 - s)) - 2 s) / s^3 for |s| <= (sqrt(2) - 1) / (sqrt(2) + 1).
    log_polynomial: tuple[np.floating, ...]


# fmt: off
def _format(real, *, mantissa, bias, margin, exp, log, **own):
    numbers = own | {
        "zero": 0.0, "half": 0.5, "one": 1.0, "two": 2.0, "infinity": np.inf, "nan": np.nan,
        "rounder": 1.5 * 2.0**mantissa + bias, "log2_e": 1.0 / np.log(2.0), "ln2_high": np.log(2.0),
        "margin": margin, "tiny": 2.0**-margin, "huge": 2.0**margin, "fold": np.sqrt(2.0) - 1.0,
        "smallest_normal": 2.0 ** (1 - bias), "rise": mantissa, "two_to_rise": 2.0**mantissa,
    }
    polynomials = {"exp_polynomial": tuple(map(real, exp)), "log_polynomial": tuple(map(real, log))}
    return _Format(**{name: real(number) for name, number in numbers.items()}, **polynomials)


_FLOAT64 = _format(
    np.float64, mantissa=52, bias=1023, ln2_low=2.3190468138462996e-17,
    lowest=-746, highest=710, saturated=40, margin=64,
    exp=(0.5000000000000006, 0.16666666666666685, 0.04166666666657362, 0.0083333333333146,
         0.0013888888932379454, 0.00019841269903007842, 2.4801504445211407e-05,
         2.7557227977017525e-06, 2.762632680336759e-07, 2.5114465143972508e-08),
    log=(0.6666666666666734, 0.3999999999941432, 0.28571428742474697, 0.2222219856350862,
         0.18183564865299195, 0.1531403587370776, 0.14796105029116294),
)

_FLOAT32 = _format(
    np.float32, mantissa=23, bias=127, ln2_low=-1.9046542e-09,
    lowest=-104, highest=89, saturated=20, margin=32,
    exp=(0.5, 0.16666543, 0.04166628, 0.008366584, 0.001394645),
    log=(0.66666776, 0.39977536, 0.29871863),
)
# fmt: on


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
    """Return c_0 + c_1 x + c_2 x^2 + ..., even and odd powers by a Horner rule each.

    Two chains of fused multiply-adds run side by side: the time of a loop is their latency.
    """

    def codegen(context, builder, signature, arguments):
        x, coefficients = arguments
        square = builder.fmul(x, x)

        def horner(terms):
            *rest, total = terms
            for term in reversed(rest):
                total = call_fma(builder, x.type, total, square, term)
            return total

        terms = [builder.extract_value(coefficients, i) for i in range(len(signature.args[1]))]
        return call_fma(builder, x.type, horner(terms[1::2]), x, horner(terms[::2]))

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
        return context.make_tuple(builder, signature.return_type, (k, builder.bitcast(m, real)))

    return types.UniTuple(x, 2)(x), codegen


@kernel
def _exp_parts(x, rounder):
    """Return 2^(n + j) and p with e^x = 2^n (1 + p), for a rounder that is j above c.rounder.

    The caller chooses j so that 2^(n + j) is normal. A NaN makes p NaN.
    """
    c = _constants(x)
    shifted = fma(x, c.log2_e, rounder)
    n = shifted - rounder
    r = fma(n, -c.ln2_low, fma(n, -c.ln2_high, x))
    return _two_to(shifted), fma(r * r, _polynomial(r, c.exp_polynomial), r)


@kernel
def exp(x):
    """e^x within 1.1 ULP. 2^n (1 + p) with n shifted by `margin`, and moved back at the end.

    So 2^n itself never overflows, and a subnormal result is rounded by the last product alone.
    """
    c = _constants(x)
    negative = x < c.zero
    x = c.lowest if x < c.lowest else x
    x = c.highest if x > c.highest else x
    scale, p = _exp_parts(x, c.rounder + c.margin if negative else c.rounder - c.margin)
    return fma(scale, p, scale) * (c.tiny if negative else c.huge)


@kernel
def expm1(x):
    """e^x - 1 within 2.3 ULP, as 2^n p + (2^n - 1); for n = 0 that is p."""
    c = _constants(x)
    clamped = -c.saturated if x < -c.saturated else x
    clamped = c.highest if clamped > c.highest else clamped
    # Half the result: 2^n overflows for the largest x, 2^(n - 1) does not.
    scale, p = _exp_parts(clamped, c.rounder - c.one)
    y = c.two * fma(scale, p, scale - c.half)
    # Half of a subnormal number may not exist; and -0.0 stays.
    return x if abs(x) < c.smallest_normal else y


@kernel
def sigmoid(x):
    """1 / (1 + e^-x) within 2 ULP, as tiny / (tiny + tiny e^-x).

    With tiny = 2^-margin the denominator cannot overflow where the quotient is not yet 0, so
    subnormal results are right and sigmoid(-inf) = 0. One sign of x needs no care of its own.
    """
    c = _constants(x)
    y = -x
    y = -c.saturated if y < -c.saturated else y
    y = -c.lowest if y > -c.lowest else y
    scale, p = _exp_parts(y, c.rounder - c.margin)
    # In this order the sum of scale and tiny, which differ by up to 2^53 and more, loses nothing.
    return c.tiny / (fma(scale, p, c.tiny) + scale)


@kernel
def tanh(x):
    """(1 - e^y) / (1 + e^y) with y = -2|x| and the sign of x, within 2.3 ULP; odd exactly.

    Both are formed as in `expm1`, so that numerator and quotient are accurate near x = 0.
    """
    c = _constants(x)
    y = -c.two * abs(x)
    y = -c.saturated if y < -c.saturated else y
    scale, p = _exp_parts(y, c.rounder)
    return np.copysign(fma(-scale, p, c.one - scale) / fma(scale, p, c.one + scale), x)


@kernel
def _log_sum(k, f, tail):
    """Return k ln(2) + ln(1 + f) + tail, where tail is small against the rest.

    ln(1 + f) = f - (f^2/2 - s (f^2/2 + s^2 R(s^2))), s = f / (2 + f): the large term f is exact
    (fdlibm, e_log.c).
    """
    c = _constants(f)
    s = f / (c.two + f)
    half_square = c.half * f * f
    series = _polynomial(s * s, c.log_polynomial)
    rest = fma(s, fma(s * s, series, half_square), fma(k, c.ln2_low, tail))
    return fma(k, c.ln2_high, f - (half_square - rest))


@kernel
def log(x):
    """ln(x) within 0.9 ULP; -inf at 0, NaN below."""
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
    """ln(1 + x) within 0.9 ULP: ln of the rounded sum plus lost / sum (fdlibm, s_log1p.c)."""
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
    """ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|) within 1.8 ULP."""
    c = _constants(x)
    e = exp(-abs(x))
    # 1 + e = 2^k (1 + f) with k = 0 or 1, and f is never rounded worse than e.
    large = e > c.fold
    f = c.half * (e - c.one) if large else e
    return (x if x > c.zero else c.zero) + _log_sum(c.one if large else c.zero, f, c.zero)
