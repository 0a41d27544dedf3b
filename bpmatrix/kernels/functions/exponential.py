"""exp, expm1, log1p, tanh, sigmoid, softplus: scalars in, scalars out, for any compiled loop.

There is no branch, table or library call, so LLVM turns a loop over these functions into vector
code. Every fused multiply-add is explicit and no fast-math flag is set, so vector code, scalar code
and other processors give the same bits. float32 is computed in float32.

The module is based on two identities::

    e^x   = 2^n (1 + p),          p = e^r - 1,   |r| <= ln(2) / 2,       r = x - n ln(2)
    ln(x) = k ln(2) + ln(1 + f),                 sqrt(1/2) <= 1 + f < sqrt(2)

Sources: W. J. Cody and W. Waite, Software Manual for the Elementary Functions (1980), for both
reductions; J.-M. Muller et al., Handbook of Floating-Point Arithmetic, 2nd ed. (2018), ch. 10,
for the reduction with a fused multiply-add; fdlibm (Sun Microsystems, 1993) for the forms of ln.
The coefficients are in `formats.py`.

Errors are in ULP, the spacing of the result's type at the exact result; below the normal range it
is the spacing of the subnormals. `tests/kernels/functions/test_exponential.py` measures them with
mpmath.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from bpmatrix.kernels.machine.formats import constants, polynomial
from bpmatrix.kernels.machine.instructions import fma
from bpmatrix.kernels.machine.jit import kernel


def _layout(real):
    """Return the integer type of the same width, the bits of the mantissa, and the bias."""
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
def binary_parts(typingctx, x):
    """Return k and m with x = 2^k m and sqrt(1/2) <= m < sqrt(2), for a normal x > 0."""

    def codegen(context, builder, signature, arguments):
        integer, mantissa, bias = _layout(signature.args[0])
        real = arguments[0].type
        fraction = int((np.sqrt(2.0) - 1.0) * 2.0**mantissa)
        bits = builder.bitcast(arguments[0], integer)
        # After the fraction of sqrt(1/2) is subtracted, the exponent field is k + bias - 1.
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
    """Return 2^(n + j) and p with e^x = 2^n (1 + p), where `rounder` is c.rounder + j.

    The caller chooses j so that 2^(n + j) is normal. If x is NaN, so is p.
    """
    c = constants(x)
    shifted = fma(x, c.log2_e, rounder)
    n = shifted - rounder
    r = fma(n, -c.ln2_low, fma(n, -c.ln2_high, x))
    return _two_to(shifted), fma(r * r, polynomial(r, c.exp_polynomial), r)


@kernel
def exp(x):
    """e^x within 1.1 ULP, as 2^n (1 + p) with n shifted by `margin` and shifted back at the end.

    So 2^n itself never overflows, and a subnormal result is rounded only by the last product.
    """
    c = constants(x)
    negative = x < c.zero
    x = c.lowest if x < c.lowest else x
    x = c.highest if x > c.highest else x
    scale, p = _exp_parts(x, c.rounder + c.margin if negative else c.rounder - c.margin)
    return fma(scale, p, scale) * (c.tiny if negative else c.huge)


@kernel
def huge_exp(x):
    """e^x times 2^margin (`huge`) for x <= 0: with all its digits even if e^x is subnormal.

    The caller multiplies by 2^-margin (`tiny`) last, so that a subnormal result is rounded once. x
    is clipped at `faintest`, where even x e^x is 0.
    """
    c = constants(x)
    x = c.faintest if x < c.faintest else x
    scale, p = _exp_parts(x, c.rounder + c.margin)
    return fma(scale, p, scale)


@kernel
def exp_of_difference(x, y):
    """e^(x - y) for x <= y, within 1.6 ULP: corrected for the rounding error of the difference.

    Without the correction the error would be 500 ULP at x - y = -700. The rounding error of a
    difference: D. E. Knuth, The Art of Computer Programming 2, 4.2.2, theorem B.
    """
    c = constants(x)
    d = x - y
    back = d - x
    lost = (x - (d - back)) - (y + back)
    e = exp(d)
    return fma(e, lost if d > c.lowest else c.zero, e)  # for an infinite d, `lost` is NaN


@kernel
def expm1(x):
    """e^x - 1 within 2.3 ULP, as 2^n p + (2^n - 1); for n = 0 that is p."""
    c = constants(x)
    clamped = -c.saturated if x < -c.saturated else x
    clamped = c.highest if clamped > c.highest else clamped
    # Half the result: 2^n overflows for the largest x, 2^(n - 1) does not.
    scale, p = _exp_parts(clamped, c.rounder - c.one)
    y = c.two * fma(scale, p, scale - c.half)
    # Half of a subnormal number may not be representable; and -0.0 is kept.
    return x if abs(x) < c.smallest_normal else y


@kernel
def sigmoid(x):
    """1 / (1 + e^-x) within 2 ULP, as tiny / (tiny + tiny e^-x).

    With tiny = 2^-margin the denominator does not overflow before the quotient is 0, so subnormal
    results are right and sigmoid(-inf) = 0. Both signs of x are computed alike.
    """
    c = constants(x)
    y = -x
    y = -c.saturated if y < -c.saturated else y
    y = -c.lowest if y > -c.lowest else y
    scale, p = _exp_parts(y, c.rounder - c.margin)
    # scale and tiny may differ by a factor of 2^53 and more; in this order no digit is lost.
    return c.tiny / (fma(scale, p, c.tiny) + scale)


@kernel
def tanh(x):
    """(1 - e^y) / (1 + e^y) with y = -2|x| and the sign of x, within 2.3 ULP; exactly odd.

    Numerator and denominator are computed as in `expm1`, so they are accurate near x = 0.
    """
    c = constants(x)
    y = -c.two * abs(x)
    y = -c.saturated if y < -c.saturated else y
    scale, p = _exp_parts(y, c.rounder)
    return np.copysign(fma(-scale, p, c.one - scale) / fma(scale, p, c.one + scale), x)


@kernel
def _log_sum(k, f, tail):
    """Return k ln(2) + ln(1 + f) + tail, where tail is much smaller than the rest.

    ln(1 + f) = f - (f^2/2 - s (f^2/2 + s^2 R(s^2))), s = f / (2 + f): the large term f is exact
    (fdlibm, e_log.c).
    """
    c = constants(f)
    s = f / (c.two + f)
    half_square = c.half * f * f
    series = polynomial(s * s, c.log_polynomial)
    rest = fma(s, fma(s * s, series, half_square), fma(k, c.ln2_low, tail))
    return fma(k, c.ln2_high, f - (half_square - rest))


@kernel
def log1p(x):
    """ln(1 + x) within 0.9 ULP: ln of the rounded sum plus lost / sum (fdlibm, s_log1p.c)."""
    c = constants(x)
    u = c.one + x
    k, m = binary_parts(u)
    # The rounding error of 1 + x; the larger summand must come first.
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
    c = constants(x)
    e = exp(-abs(x))
    # 1 + e = 2^k (1 + f) with k = 0 or 1; f has at most the relative error of e.
    large = e > c.fold
    f = c.half * (e - c.one) if large else e
    return (x if x > c.zero else c.zero) + _log_sum(c.one if large else c.zero, f, c.zero)
