"""Flushing subnormal numbers to 0 in the arithmetic of a thread.

IEEE 754 keeps numbers below the normal range as subnormal numbers with fewer and fewer digits.
Arithmetic on them takes a hundred times as long on many processors. x86 (MXCSR) and ARM (FPCR) have
a mode that flushes them to 0, results and operands alike, at no cost. The mode belongs to the
thread and lasts until it is changed, so each program that sets it restores it before Python or
NumPy can notice (docs/decisions/0024).
"""

import platform

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from bpmatrix.kernels.machine.instructions import call_by_name

I32, I64, BYTES, NOTHING = ir.IntType(32), ir.IntType(64), cgutils.voidptr_t, ir.VoidType()

MACHINE = platform.machine().lower()
X86, ARM = MACHINE in {"x86_64", "amd64"}, MACHINE in {"aarch64", "arm64"}
# "Flush to zero" applies to results, "denormals are zeros" to operands; ARM has one bit for both.
FLUSH_TO_ZERO = 0x8000 | 0x0040 if X86 else 1 << 24


@intrinsic
def flush_to_zero(typingctx):
    """Flush subnormal numbers to 0 in this thread from now on; return the mode before."""

    def codegen(context, builder, signature, arguments):
        before = _mode(builder)
        _set_mode(builder, builder.or_(before, ir.Constant(I64, FLUSH_TO_ZERO)))
        return before

    return types.int64(), codegen


@intrinsic
def restore_mode(typingctx, mode):
    """Restore the mode that `flush_to_zero` returned."""

    def codegen(context, builder, signature, arguments):
        _set_mode(builder, arguments[0])
        return context.get_dummy_value()

    return types.void(types.int64), codegen


@intrinsic
def not_inlined(typingctx):
    """Keep LLVM from inlining the kernel that calls this, so that its arithmetic stays inside.

    LLVM assumes that the mode never changes, and would move arithmetic across `flush_to_zero`; it
    moves nothing across a call that is not inlined.
    """

    def codegen(context, builder, signature, arguments):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), codegen


def _mode(builder):
    """Emit a read of the control register; 0 if the processor has no such mode."""
    if X86:
        place = cgutils.alloca_once(builder, I32)
        call_by_name(builder, "llvm.x86.sse.stmxcsr", NOTHING, builder.bitcast(place, BYTES))
        return builder.zext(builder.load(place, typ=I32), I64)
    return call_by_name(builder, "llvm.aarch64.get.fpcr", I64) if ARM else ir.Constant(I64, 0)


def _set_mode(builder, mode):
    """Emit a write to the control register."""
    if X86:
        place = cgutils.alloca_once(builder, I32)
        builder.store(builder.trunc(mode, I32), place)
        call_by_name(builder, "llvm.x86.sse.ldmxcsr", NOTHING, builder.bitcast(place, BYTES))
    elif ARM:
        call_by_name(builder, "llvm.aarch64.set.fpcr", NOTHING, mode)
