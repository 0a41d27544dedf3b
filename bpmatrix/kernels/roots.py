"""The square root that Adam takes of every parameter's second moment.

Processors compute roots and quotients in one and the same slow unit, and Adam needs both. In
float64 the root is made of multiply-adds, which leaves the unit to the quotients; in float32 the
unit is fast enough (docs/decisions/0012). Every fused multiply-add is called by name, and a root by
the processor is rounded correctly, so that all processors give the same bits.
"""

import math

from bpmatrix.kernels.instructions import bits_of, convert, float_of, fma, size_of
from bpmatrix.kernels.jit import kernel

# C. Lomont, Fast inverse square root (2003).
MAGIC = 0x5FE6EB50C7B537A9


@kernel
def root(x, like):
    """Return sqrt(x) to 1 ULP, for x that is 0 or a normal positive number, which `like` points to.

    Of a subnormal number, the square of next to nothing, only 0 <= root < 2 sqrt(x) is promised.
    """
    if size_of(like) == 4:
        return convert(math.sqrt(x), like)
    return convert(_root(float(x)), like)


@kernel
def _root(x):
    """Two steps of Halley for y = 1 / sqrt(x) and one of Newton: 3.5e-2, 1.1e-4, 3e-12, 1e-23."""
    # The bits of x halved and negated, exponent and all: 1 / sqrt(x) to 3.5 %.
    y = float_of(MAGIC - (bits_of(x) >> 1))
    for _ in range(2):
        e = fma(-(x * y), y, 1.0)
        y = fma(y * e, fma(0.375, e, 0.5), y)
    r = x * y
    return fma(fma(-r, r, x), 0.5 * y, r)
