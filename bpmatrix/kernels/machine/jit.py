"""The decorators of compiled code: the only place that names numba's flags and its cache.

`kernel`, `template` and `inlined` mark functions that other compiled code calls, `program` an entry
point that Python calls; `foreign` compiles a function of the user's, and `callback` one for C. Only
entry points are kept on disk (`cache.py`): their machine code contains their kernels, which are
optimized together with them.
"""

from collections.abc import Callable
from typing import TypeVar

from numba import cfunc, njit
from numba.core import config
from numba.core.ccallback import CFunc
from numba.core.sigutils import normalize_signature

from bpmatrix.kernels.machine.cache import cache_for
from bpmatrix.kernels.machine.parts import Kernel, PartCompiler, Template

Function = TypeVar("Function", bound=Callable[..., object])

# nogil: threads run side by side. error_model: a division by zero gives inf, as in NumPy, and the
# missing check lets LLVM vectorize. No fast-math flag at all: each one lets the compiler choose
# the bits, and some of them break NaN tests and the rounding constant of exp.
FLAGS = {"nogil": True, "error_model": "numpy"}
# _nrt: our code makes no arrays, and Python keeps alive what it is given: it goes without numba's
# count of references, locked additions which small mini-batches notice (docs/decisions/0016).
OURS = {**FLAGS, "_nrt": False}

# A kernel has no way in for Python or C, and hands no flag on to the kernels that it calls.
PART = {**OURS, "nopython": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
CALLED, IN_LINE = {**PART, "forceinline": False}, {**PART, "forceinline": True}


def kernel(function: Function) -> Function:
    """Compile a function that is called by compiled code alone."""
    return _part(Kernel, function, CALLED)


def template(function: Function) -> Function:
    """Compile a kernel anew for each constant that it is called with, so that LLVM knows it."""
    return _part(Template, function, CALLED)


def inlined(function: Function) -> Function:
    """Compile a kernel that LLVM puts into its callers: one that hands the whole plan on."""
    return _part(Kernel, function, IN_LINE)


def _part(kind, function, options):
    """Return a kernel of a kind, or the function itself where NUMBA_DISABLE_JIT is set."""
    if config.DISABLE_JIT:
        return function
    return kind(function, targetoptions=options, pipeline_class=PartCompiler)


def foreign(function: Function) -> Function:
    """Compile a user's function, which may make arrays; what numba has compiled stays as it is."""
    return function if hasattr(function, "py_func") else njit(**FLAGS)(function)


def program(function: Function) -> Function:
    """Compile an entry point, and keep its machine code on disk for the next process."""
    if config.DISABLE_JIT:
        return function
    compiled = njit(**OURS)(function)
    compiled._cache = cache_for(function)  # noqa: SLF001 - numba's enable_caching takes its own
    return compiled


def callback(function, signature, *, keep):
    """Compile a function as C sees it, to be called through the `address` of what is returned.

    With `keep` its machine code stays on disk, under its qualified name: a closure needs one that
    says what its cells hold.
    """
    if not keep:
        return cfunc(signature, **FLAGS)(function)
    compiled = CFunc(function, normalize_signature(signature), locals={}, options=OURS)
    compiled._cache = cache_for(function)  # noqa: SLF001 - likewise
    compiled.compile()
    return compiled
