"""Kernels as parts: numba types and lowers them, and a program optimizes them with itself.

numba makes every function ready for Python: it optimizes and assembles it on its own, and once more
inside each function that calls it, level by level. Only compiled code calls a kernel, so that all
of this but the last time is in vain (docs/decisions/0017).
"""

from numba import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.registry import CPUDispatcher
from numba.core.typed_passes import NativeLowering


class Kernel(CPUDispatcher):
    """A function that compiled code calls, and Python does not."""

    def __call__(self, *_arguments):
        """Raise a TypeError that names the kernel."""
        message = f"{self.__name__} is a kernel: compiled code calls it, Python calls a `program`"
        raise TypeError(message)

    def get_call_template(self, args, kws):
        """Let numba compile for types, not again for each constant that is an argument."""
        return super().get_call_template(tuple(map(types.unliteral, args)), kws)


class Template(Kernel):
    """A kernel that is compiled anew for each constant that is an argument."""

    get_call_template = CPUDispatcher.get_call_template


class Part(JITCodeLibrary):
    """The code of a kernel with that of all that it calls, for a program to optimize."""

    def _optimize_final_module(self):
        pass  # the program does

    def _finalize_final_module(self):
        self._finalized = True  # as far as linking goes; no machine code is made


@register_pass(mutates_CFG=True, analysis_only=False)
class PartLowering(NativeLowering):
    """Make LLVM code of a kernel, and nothing that Python could call."""

    _name = "part_lowering"

    def run_pass(self, state):
        """Lower what numba has typed into a `Part`, and let numba find it."""
        context = state.targetctx
        state.library = Part(context.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        # numba knows a compiled function by the object that Python would call, one of C's. This one
        # is never called: `Kernel` sees to that.
        nobody = [state.library].copy
        context.insert_user_function(nobody, state.cr.fndesc, [state.library])
        state.cr = state.cr._replace(cfunc=nobody)
        return True


class PartCompiler(CompilerBase):
    """numba's own passes, the last of which makes a part."""

    def define_pipelines(self):
        """Return the only pipeline: there is no other to fall back to."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [
            (PartLowering if step is NativeLowering else step, text) for step, text in passes.passes
        ]
        passes.finalize()
        return [passes]
