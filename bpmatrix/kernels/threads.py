"""How threads share the work: a barrier that can be called off, and the part of each thread."""

import platform
import sys

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from bpmatrix.kernels.codes import ARRIVALS, CALLED_OFF, CROWDED
from bpmatrix.kernels.machine.instructions import at, call_by_name
from bpmatrix.kernels.machine.jit import kernel
from bpmatrix.kernels.plan import CACHE_LINE, GRAIN

# A waiting thread first spins, since the others usually arrive within microseconds. Then it yields
# its processor, so that a thread it waits for can run if there are more threads than processors.
# Some schedulers switch only at the end of a time slice; so at last it sleeps, and wakes up on an
# idle processor if there is one. With more threads than processors (`crowded`) it does not spin,
# and sleeps soon.
SPINS = 300
YIELDS, YIELDS_WHEN_CROWDED = 400, 20
MICROSECONDS_ASLEEP = 20


@intrinsic
def atomic_add(typingctx, pointer, value):
    """Add to the integer at the pointer, atomically, and return its value before."""

    def codegen(context, builder, signature, arguments):
        return builder.atomic_rmw("add", arguments[0], arguments[1], "seq_cst")

    return types.int64(pointer, types.int64), codegen


@intrinsic
def atomic_load(typingctx, pointer):
    """Read the integer at the pointer, atomically and sequentially consistent."""

    def codegen(context, builder, signature, arguments):
        return builder.load_atomic(arguments[0], "seq_cst", 8, typ=ir.IntType(64))

    return types.int64(pointer), codegen


@intrinsic
def pause(typingctx):
    """Tell the processor that this is a waiting loop, if it has an instruction for that."""

    def codegen(context, builder, signature, arguments):
        machine = platform.machine().lower()
        if machine in {"x86_64", "amd64", "i386", "i686"}:
            call_by_name(builder, "llvm.x86.sse2.pause", ir.VoidType())
        elif machine in {"aarch64", "arm64"}:
            call_by_name(builder, "llvm.aarch64.hint", ir.VoidType(), ir.IntType(32)(1))
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def yield_processor(typingctx):
    """Let another thread run on this processor."""

    def codegen(context, builder, signature, arguments):
        name = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
        call_by_name(builder, name, ir.IntType(32))
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def sleep(typingctx):
    """Sleep for about MICROSECONDS_ASLEEP; for a millisecond on Windows."""

    def codegen(context, builder, signature, arguments):
        windows = sys.platform == "win32"
        name, time = ("Sleep", 1) if windows else ("usleep", MICROSECONDS_ASLEEP)
        call_by_name(builder, name, ir.IntType(32), ir.IntType(32)(time))
        return context.get_dummy_value()

    return types.void(), codegen


@kernel
def barrier(control, threads):
    """Wait until all threads have arrived; return False if the run is called off."""
    if threads == 1:
        return True
    arrivals, called_off = at(control, ARRIVALS, 1), at(control, CALLED_OFF, 1)
    before = atomic_add(arrivals, 1)
    # No thread arrives again before all have, so this is the count when the round is complete.
    complete = before - before % threads + threads
    crowded = at(control, CROWDED, 1)[0] != 0
    spins = SPINS if crowded else 0
    patience = SPINS + (YIELDS_WHEN_CROWDED if crowded else YIELDS)
    while atomic_load(arrivals) < complete:
        if atomic_load(called_off) != 0:
            return False
        spins += 1
        if spins < SPINS:
            pause()
        elif spins < patience:
            yield_processor()
        else:
            sleep()
    return True


@kernel
def share(n, t, threads, grain):
    """Return first and last of the n lines that thread t owns, first <= i < last.

    `first` is a multiple of `grain`.
    """
    tiles = (n + grain - 1) // grain
    first, last = tiles * t // threads * grain, tiles * (t + 1) // threads * grain
    return min(first, n), min(last, n)


@kernel
def own_part(rows, columns, t, threads):
    """Return the block of a layer's weights that thread t owns: rows or, if these are few, columns.

    It is i0, i1, k0, k1: rows i0 <= i < i1 and columns k0 <= k < k1.
    """
    if rows >= GRAIN * threads:
        first, last = share(rows, t, threads, GRAIN)
        return first, last, 0, columns
    first, last = share(columns, t, threads, CACHE_LINE)
    return 0, rows, first, last
