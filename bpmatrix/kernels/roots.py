"""The square root that Adam takes of every parameter's second moment.

Processors compute roots and quotients in one and the same slow unit, and Adam needs both. Here the
root is made of multiply-adds, which leaves the unit to the quotients (docs/decisions/0012). Each is
called by name, so that all processors give the same bits.
"""

from numba import types

from bpmatrix.kernels.instructions import bits_of, convert, float_of, fma, size_of
from bpmatrix.kernels.jit import kernel

# C. Lomont, Fast inverse square root (2003).
MAGIC_64, MAGIC_32 = 0x5FE6EB50C7B537A9, 0x5F375A86


@kernel
def root(x, like):
    """Return sqrt(x) to 1 ULP, for x that is 0 or a normal positive number, which `like` points to.

    Of a subnormal number, the square of next to nothing, only 0 <= root < 2 sqrt(x) is promised.
    """
    if size_of(like) == 4:
        return convert(_root_32(types.float32(x)), like)
    return convert(_root_64(float(x)), like)


@kernel
def _root_64(x):
    """Two steps of Halley for y = 1 / sqrt(x) and one of Newton: 3.5e-2, 1.1e-4, 3e-12, 1e-23."""
    # The bits of x halved and negated, exponent and all: 1 / sqrt(x) to 3.5 %.
    y = float_of(MAGIC_64 - (bits_of(x) >> 1))
    for _ in range(2):
        y = _step(x, y, 1.0, 0.5, 0.375)
    return _last_step(x, y, 0.5)


@kernel
def _root_32(x):
    """One step of Halley and one of Newton: 3.5e-2, 1.1e-4, 1e-8."""
    one, half = types.float32(1.0), types.float32(0.5)
    y = float_of(types.int32(MAGIC_32 - (bits_of(x) >> 1)))
    return _last_step(x, _step(x, y, one, half, types.float32(0.375)), half)


@kernel
def _step(x, y, one, half, three_eighths):
    """A step of Halley towards 1 / sqrt(x)."""
    e = fma(-(x * y), y, one)
    return fma(y * e, fma(three_eighths, e, half), y)


@kernel
def _last_step(x, y, half):
    """A step of Newton from x y towards sqrt(x)."""
    r = x * y
    return fma(fma(-r, r, x), half * y, r)
