"""Kernels as parts of programs: numba types and lowers them, and LLVM optimizes whole programs.

numba prepares every function for a call from Python: it optimizes and assembles it on its own, and
again inside each of its callers, level by level. A kernel is only called by compiled code, so all
but the last of these passes would be wasted (docs/decisions/0017).
"""

from numba import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.registry import CPUDispatcher
from numba.core.typed_passes import NativeLowering


class Kernel(CPUDispatcher):
    """A function that compiled code can call and Python cannot."""

    def __call__(self, *_arguments):
        """Raise a TypeError that names the kernel."""
        message = f"{self.__name__} is a kernel: only compiled code can call it; call a `program`"
        raise TypeError(message)

    def get_call_template(self, args, kws):
        """Compile for types, not for the values of constant arguments."""
        return super().get_call_template(tuple(map(types.unliteral, args)), kws)


class Template(Kernel):
    """A kernel that is compiled anew for each value of a constant argument."""

    get_call_template = CPUDispatcher.get_call_template


class Part(JITCodeLibrary):
    """The LLVM code of a kernel and of all kernels it calls, not yet optimized."""

    def _optimize_final_module(self):
        pass  # the program is optimized as a whole

    def _finalize_final_module(self):
        self._finalized = True  # allows linking; no machine code is generated


@register_pass(mutates_CFG=True, analysis_only=False)
class PartLowering(NativeLowering):
    """Lower a kernel to LLVM code, without an entry point for Python."""

    _name = "part_lowering"

    def run_pass(self, state):
        """Lower the typed function into a `Part`, and register it with numba."""
        context = state.targetctx
        state.library = Part(context.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        # numba identifies a compiled function by a builtin that Python would call. This one is
        # never called, since `Kernel.__call__` raises.
        placeholder = [state.library].copy
        context.insert_user_function(placeholder, state.cr.fndesc, [state.library])
        state.cr = state.cr._replace(cfunc=placeholder)
        return True


class PartCompiler(CompilerBase):
    """numba's passes, with `PartLowering` in place of the last one."""

    def define_pipelines(self):
        """Return the only pipeline."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [
            (PartLowering if step is NativeLowering else step, text) for step, text in passes.passes
        ]
        passes.finalize()
        return [passes]
