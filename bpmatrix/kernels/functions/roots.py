"""The square root that Adam takes of every parameter's second moment.

Adam needs a root and a quotient, and a processor computes both in one unit. Where that one is slow
the root is made of multiply-adds, which leaves the unit to the quotients (docs/decisions/0012).
Either way it is the root that IEEE 754 asks for, so that all processors give the same bits, but for
squares of next to nothing.
"""

import math

from numba import types

from bpmatrix.kernels.machine.instructions import bits_of, convert, float_of, fma, size_of
from bpmatrix.kernels.machine.jit import kernel
from bpmatrix.kernels.machine.vectors import AMD, WIDE

# Registers of 64 bytes make multiply-adds twice as fast, but roots on AMD's processors alone.
SLOW_ROOTS = WIDE and not AMD

# C. Lomont, Fast inverse square root (2003).
MAGIC_64, MAGIC_32 = 0x5FE6EB50C7B537A9, 0x5F375A86


@kernel
def root(x, like):
    """Return sqrt(x), correctly rounded, of the type that `like` points to; NaN of infinity.

    x is 0 or from 1e-290 (float64) or 1e-30 (float32) on. Of smaller numbers, the squares of next
    to nothing, only 0 <= root < 2 sqrt(x) is promised.
    """
    if not SLOW_ROOTS:
        return convert(math.sqrt(x) + (x - x), like)
    if size_of(like) == 4:
        return convert(_root_32(types.float32(x)), like)
    return convert(_root_64(float(x)), like)


@kernel
def _root_64(x):
    """Two steps of Halley towards 1 / sqrt(x), and the end: 3.5e-2, 1.1e-4, 3e-12, 1e-23."""
    # The bits of x halved and negated, exponent and all: 1 / sqrt(x) to 3.5 %.
    y = float_of(MAGIC_64 - (bits_of(x) >> 1))
    for _ in range(2):
        y = _step(x, y, 1.0, 0.5, 0.375)
    return _round(x, y, 0.5)


@kernel
def _root_32(x):
    """One step of Halley, and the end: 3.5e-2, 1.1e-4, 2e-8."""
    one, half = types.float32(1.0), types.float32(0.5)
    y = float_of(types.int32(MAGIC_32 - (bits_of(x) >> 1)))
    return _round(x, _step(x, y, one, half, types.float32(0.375)), half)


@kernel
def _step(x, y, one, half, three_eighths):
    """A step of Halley towards 1 / sqrt(x)."""
    e = fma(-(x * y), y, one)
    return fma(y * e, fma(three_eighths, e, half), y)


@kernel
def _round(x, y, half):
    """Return sqrt(x), correctly rounded, from y = 1 / sqrt(x) to half of the digits.

    P. Markstein, Computation of elementary functions on the IBM RISC System/6000 processor (1990):
    a step for r = sqrt(x) and h = 1 / (2 sqrt(x)) together, then one from x - r^2, rounded once.
    """
    r, h = x * y, half * y
    e = fma(-h, r, half)
    r, h = fma(r, e, r), fma(h, e, h)
    return fma(fma(-r, r, x), h, r)
