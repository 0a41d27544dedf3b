"""What a thread's arithmetic makes of numbers below the normal range.

IEEE 754 keeps them as subnormal numbers with fewer and fewer digits, on which many processors take
a hundred times as long. x86 (MXCSR) and ARM (FPCR) have a mode in which they are 0 instead, results
and operands alike, at no cost. It is a thread's own, and holds until that thread changes it: who
sets it sets it back, so that neither Python nor NumPy ever sees it (docs/decisions/0024).
"""

import platform

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

I32, I64, BYTES, NOTHING = ir.IntType(32), ir.IntType(64), cgutils.voidptr_t, ir.VoidType()

MACHINE = platform.machine().lower()
X86, ARM = MACHINE in {"x86_64", "amd64"}, MACHINE in {"aarch64", "arm64"}
# "Flush to zero" is for results, "denormals are zeros" for operands; ARM's one bit is for both.
FLUSH_TO_ZERO = 0x8000 | 0x0040 if X86 else 1 << 24


@intrinsic
def flush_to_zero(typingctx):
    """Let numbers below the normal range be 0 in this thread; return the mode before."""

    def codegen(context, builder, signature, arguments):
        before = _mode(builder)
        _set_mode(builder, builder.or_(before, ir.Constant(I64, FLUSH_TO_ZERO)))
        return before

    return types.int64(), codegen


@intrinsic
def set_back(typingctx, mode):
    """Give this thread the mode back that it had before `flush_to_zero`."""

    def codegen(context, builder, signature, arguments):
        _set_mode(builder, arguments[0])
        return context.get_dummy_value()

    return types.void(types.int64), codegen


@intrinsic
def stay_apart(typingctx):
    """Keep the kernel that says this out of its callers, so that LLVM moves no arithmetic out.

    LLVM believes that the mode never changes: across a call that it cannot look through it moves
    nothing.
    """

    def codegen(context, builder, signature, arguments):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), codegen


def _mode(builder):
    """Emit the reading of the control register; 0 where the processor has no such mode."""
    if X86:
        place = cgutils.alloca_once(builder, I32)
        _call(builder, "llvm.x86.sse.stmxcsr", NOTHING, builder.bitcast(place, BYTES))
        return builder.zext(builder.load(place, typ=I32), I64)
    return _call(builder, "llvm.aarch64.get.fpcr", I64) if ARM else ir.Constant(I64, 0)


def _set_mode(builder, mode):
    """Emit the writing of the control register."""
    if X86:
        place = cgutils.alloca_once(builder, I32)
        builder.store(builder.trunc(mode, I32), place)
        _call(builder, "llvm.x86.sse.ldmxcsr", NOTHING, builder.bitcast(place, BYTES))
    elif ARM:
        _call(builder, "llvm.aarch64.set.fpcr", NOTHING, mode)


def _call(builder, name, returned, *arguments):
    kind = ir.FunctionType(returned, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)
