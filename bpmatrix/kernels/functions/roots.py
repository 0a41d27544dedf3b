"""The square root that Adam takes of every parameter's second moment.

Adam needs a square root and a division, which processors compute in the same unit. If that unit is
slow for float64, the root is computed with multiply-adds, which leaves the unit to the divisions
(docs/decisions/0012). Either way it is correctly rounded as IEEE 754 requires, except for extremely
small numbers, so all processors give the same bits.
"""

import math

from bpmatrix.kernels.machine.instructions import bits_of, convert, float_of, fma, size_of
from bpmatrix.kernels.machine.jit import kernel
from bpmatrix.kernels.machine.vectors import AMD, WIDE

# Registers of 64 bytes make multiply-adds twice as fast; roots only on AMD's processors.
SLOW_ROOTS = WIDE and not AMD

MAGIC = 0x5FE6EB50C7B537A9  # C. Lomont, Fast inverse square root (2003)


@kernel
def root(x, like):
    """Return sqrt(x), correctly rounded, in the dtype of `like`; NaN for infinity.

    Computed with multiply-adds, it is correctly rounded for 0 and from 1e-275 on. Below that, the
    last digit of r^2 is smaller than the smallest normal number, and only 0 <= root < 2 sqrt(x) is
    guaranteed, which makes no difference when an epsilon of at least 1e-120 is added.
    """
    if SLOW_ROOTS and size_of(like) == 8:
        return convert(made_root(float(x)), like)
    return convert(math.sqrt(x) + (x - x), like)


@kernel
def made_root(x):
    """Two Halley steps towards 1 / sqrt(x), then `_round`; errors 3.5e-2, 1.1e-4, 3e-12, 1e-23."""
    # Halving and negating the bits of x, exponent included, gives 1 / sqrt(x) within 3.5 %.
    y = float_of(MAGIC - (bits_of(x) >> 1))
    for _ in range(2):
        e = fma(-(x * y), y, 1.0)
        y = fma(y * e, fma(0.375, e, 0.5), y)
    return _round(x, y)


@kernel
def _round(x, y):
    """Return sqrt(x), correctly rounded, from y = 1 / sqrt(x) with half of the digits.

    P. Markstein, Computation of elementary functions on the IBM RISC System/6000 processor (1990):
    one step for r = sqrt(x) and h = 1 / (2 sqrt(x)) together, then one from x - r^2, rounded once.
    """
    r, h = x * y, 0.5 * y
    e = fma(-h, r, 0.5)
    r, h = fma(r, e, r), fma(h, e, h)
    return fma(fma(-r, r, x), h, r)
