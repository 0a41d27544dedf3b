"""The constants and coefficients of the elementary functions for float64 and float32.

`constants(x)` selects those for the dtype of x when a kernel is compiled. The polynomials of exp
and ln are minimax fits (Remez, 200 bits), the one of Phi interpolates at the Chebyshev points of
its interval; all coefficients are rounded. `tests/kernels/functions/` measures the errors.
"""

from fractions import Fraction
from math import factorial
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from bpmatrix.kernels.machine.instructions import call_fma


class Format(NamedTuple):
    """The constants for a floating-point type; every number has that type."""

    zero: np.floating
    half: np.floating
    one: np.floating
    two: np.floating
    four: np.floating
    infinity: np.floating
    nan: np.floating
    # A sum with this number is rounded to an integer n, and its lowest bits are n + the exponent
    # bias, so that a left shift gives the number 2^n.
    rounder: np.floating
    log2_e: np.floating
    # ln(2) in two parts. The first needs no trailing zeros: n is small, and fma rounds once.
    ln2_high: np.floating
    ln2_low: np.floating
    # e^x rounds to 0 below `lowest` and to infinity above `highest`, x e^x to 0 below `faintest`;
    # 1 + e^-x is 1 above `saturated`.
    faintest: np.floating
    lowest: np.floating
    highest: np.floating
    saturated: np.floating
    # tiny = 2^-margin and huge = 2^margin keep 2^n in the range of normal numbers for every n.
    margin: np.floating
    tiny: np.floating
    huge: np.floating
    # sqrt(2) - 1, the largest f.
    fold: np.floating
    # ln multiplies a subnormal number by 2^rise before it reads the exponent.
    smallest_normal: np.floating
    rise: np.floating
    two_to_rise: np.floating
    # q(r) = (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2, the constant coefficient first.
    exp_polynomial: tuple[np.floating, ...]
    # R(s^2) = (ln((1 + s) / (1 - s)) - 2 s) / s^3 for |s| <= (sqrt(2) - 1) / (sqrt(2) + 1).
    log_polynomial: tuple[np.floating, ...]
    # The slope of the leaky ReLU below 0, and phi(0).
    leak: np.floating
    phi_0: np.floating
    # Phi(-t) rounds to 0 from `furthest` on.
    furthest: np.floating
    # P(u) = (t + 4) e^(t^2 / 2) Phi(-t) with u = (t - 4) / (t + 4) for 0 <= t <= furthest.
    normal_polynomial: tuple[np.floating, ...]


# fmt: off
def _format(real, *, mantissa, bias, margin, exp, log, normal, **own):
    numbers = own | {
        "zero": 0.0, "half": 0.5, "one": 1.0, "two": 2.0, "four": 4.0,
        "infinity": np.inf, "nan": np.nan, "leak": 0.01, "phi_0": 1 / np.sqrt(2 * np.pi),
        "rounder": 1.5 * 2.0**mantissa + bias, "log2_e": 1.0 / np.log(2.0), "ln2_high": np.log(2.0),
        "margin": margin, "tiny": 2.0**-margin, "huge": 2.0**margin, "fold": np.sqrt(2.0) - 1.0,
        "smallest_normal": 2.0 ** (1 - bias), "rise": mantissa, "two_to_rise": 2.0**mantissa,
    }
    lists = {"exp_polynomial": exp, "log_polynomial": log, "normal_polynomial": normal}
    polynomials = {name: tuple(map(real, numbers)) for name, numbers in lists.items()}
    return Format(**{name: real(number) for name, number in numbers.items()}, **polynomials)


FLOAT64 = _format(
    np.float64, mantissa=52, bias=1023, ln2_low=2.3190468138462996e-17,
    faintest=-752, lowest=-746, highest=710, saturated=40, margin=64, furthest=39,
    exp=(0.5000000000000006, 0.16666666666666685, 0.04166666666657362, 0.0083333333333146,
         0.0013888888932379454, 0.00019841269903007842, 2.4801504445211407e-05,
         2.7557227977017525e-06, 2.762632680336759e-07, 2.5114465143972508e-08),
    log=(0.6666666666666734, 0.3999999999941432, 0.28571428742474697, 0.2222219856350862,
         0.18183564865299195, 0.1531403587370776, 0.14796105029116294),
    normal=(0.7552851304157515, -0.6078966419718917, 0.38713740074221886, -0.18652185795969417,
            0.06039657489069947, -0.007540188965593059, -0.0034796923622425332,
            0.0016308184418903596, 0.00013334425401904912, -0.0002310948183193762,
            -1.9078665316613576e-06, 3.5144181157760973e-05, 7.150055959216099e-07,
            -5.918892731763236e-06, -6.25132104047868e-07, 1.0198048518135172e-06,
            2.6368248576407624e-07, -1.5426320536771075e-07, -7.63808205349045e-08,
            1.457859334703646e-08, 1.392402399350171e-08, 7.26954547902669e-11,
            -9.653425420228504e-10),
)

FLOAT32 = _format(
    np.float32, mantissa=23, bias=127, ln2_low=-1.9046542e-09,
    faintest=-109, lowest=-104, highest=89, saturated=20, margin=32, furthest=15,
    exp=(0.5, 0.16666543, 0.04166628, 0.008366584, 0.001394645),
    log=(0.66666776, 0.39977536, 0.29871863),
    normal=(0.75528514, -0.6078967, 0.38713735, -0.18652128, 0.06039753, -0.007545268,
            -0.0034893174, 0.0016452193, 0.0001710546, -0.00023179868, -5.155659e-05),
)
# fmt: on


def _in_two(number):
    """Return a fraction as a rounded number and the rest."""
    high = float(number)
    return high, float(number - Fraction(high))


# For float64: the coefficients of (e^x - 1 - x) / x^2 for |x| <= 1, and those of ln((1 + s) / (1 -
# s)) / s in powers of s^2, with s as above. LN_TAIL are the higher ones, for which 53 bits are
# enough; LN_HEADS the lower ones, as two numbers each, the highest power first.
EXP_SERIES = tuple(1 / factorial(k + 2) for k in range(17))
LN_TAIL = tuple(2 / (2 * j + 1) for j in range(10, 20))
LN_HEADS = tuple(_in_two(Fraction(2, 2 * j + 1)) for j in reversed(range(10)))


def constants(x):
    """Return the constants for the dtype of x, selected at compile time."""
    raise NotImplementedError


@overload(constants)
def _(x):
    if x == types.float64:
        return lambda x: FLOAT64
    if x == types.float32:
        return lambda x: FLOAT32
    return None


@intrinsic
def polynomial(typingctx, x, coefficients):
    """Return c_0 + c_1 x + c_2 x^2 + ..., with a Horner rule for even and one for odd powers.

    The two chains of fused multiply-adds overlap: latency bounds the speed.
    """

    def codegen(context, builder, signature, arguments):
        x, coefficients = arguments
        square = builder.fmul(x, x)

        def horner(terms):
            *rest, total = terms
            for term in reversed(rest):
                total = call_fma(builder, total, square, term)
            return total

        terms = [builder.extract_value(coefficients, i) for i in range(len(signature.args[1]))]
        return call_fma(builder, horner(terms[1::2]), x, horner(terms[::2]))

    return x(x, coefficients), codegen


@intrinsic
def long_horner(typingctx, x, x_low, p, heads):
    """Return (... (p x + c_n) x + ...) x + c_1 as an unevaluated sum of two numbers.

    x and the coefficients `heads`, c_n ... c_1, are sums of two numbers, too. Each coefficient is
    larger than the product it is added to, so that the rounding error of the addition is exact (T.
    J. Dekker, Numerische Mathematik 18, 1971, 224-242).
    """

    def codegen(context, builder, signature, arguments):
        x, x_low, p, heads = arguments
        p_low = ir.Constant(p.type, 0.0)
        for i in range(len(signature.args[3])):
            c, c_low = (builder.extract_value(heads, (i, part)) for part in range(2))
            t = builder.fmul(x, p)
            t_low = call_fma(builder, x, p, builder.fneg(t))
            t_low = builder.fadd(t_low, call_fma(builder, x, p_low, builder.fmul(x_low, p)))
            p = builder.fadd(c, t)
            lost = builder.fsub(t, builder.fsub(p, c))
            p_low = builder.fadd(lost, builder.fadd(c_low, t_low))
        return context.make_tuple(builder, signature.return_type, (p, p_low))

    return types.UniTuple(x, 2)(x, x_low, p, heads), codegen
