"""The square root that Adam takes of every parameter's second moment.

Processors compute roots and quotients in one and the same slow unit, and Adam needs both. In
float64 the root is made of multiply-adds, which leaves the unit to the quotients; in float32 the
unit is fast enough (docs/decisions/0012). Every fused multiply-add is called by name, and a root by
the processor is rounded correctly, so that all processors give the same bits.
"""

import math

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from bpmatrix.kernels.instructions import fma
from bpmatrix.kernels.jit import kernel

# C. Lomont, Fast inverse square root (2003).
MAGIC = 0x5FE6EB50C7B537A9


@intrinsic
def _guess(typingctx, x):
    """Return 1 / sqrt(x) to 3.5 %: the bits of x halved and negated, exponent and all."""

    def codegen(context, builder, signature, arguments):
        bits = ir.IntType(64)
        half = builder.lshr(builder.bitcast(arguments[0], bits), ir.Constant(bits, 1))
        return builder.bitcast(builder.sub(ir.Constant(bits, MAGIC), half), ir.DoubleType())

    return types.float64(types.float64), codegen


@kernel
def _root(x):
    """Two steps of Halley for y = 1 / sqrt(x) and one of Newton: 3.5e-2, 1.1e-4, 3e-12, 1e-23."""
    y = _guess(x)
    for _ in range(2):
        e = fma(-(x * y), y, 1.0)
        y = fma(y * e, fma(0.375, e, 0.5), y)
    r = x * y
    return fma(fma(-r, r, x), 0.5 * y, r)


def root(x):
    """Return sqrt(x) to 1 ULP, for x that is 0 or a normal positive number.

    Of a subnormal number, the square of next to nothing, only 0 <= root < 2 sqrt(x) is promised.
    """
    raise NotImplementedError


@overload(root)
def _(x):
    if x == types.float64:
        return lambda x: _root(x)  # noqa: PLW0108 - numba needs a function of its own
    if x == types.float32:
        return lambda x: math.sqrt(x)  # noqa: PLW0108
    return None
