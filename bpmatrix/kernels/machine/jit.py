"""The decorators of compiled code; numba's flags and cache are set only here.

`kernel`, `template` and `inlined` are for functions that other compiled code calls, `program` for
entry points that Python calls. `compile_foreign` compiles a user's function, `c_function` one that
is called through its address. Only entry points and C functions are cached on disk (`cache.py`):
their machine code contains their kernels, which are optimized together with them.
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

# nogil: threads run in parallel. error_model: a division by zero gives inf, as in NumPy, and LLVM
# can vectorize without the check. No fast-math flag: they let the compiler choose the bits, and
# some break NaN tests and the rounding constant of exp.
FLAGS = {"nogil": True, "error_model": "numpy"}
# _nrt: kernels allocate no arrays, and Python keeps their arguments alive. So they need no
# reference counting, whose atomic additions slow down small mini-batches (docs/decisions/0016).
OURS = {**FLAGS, "_nrt": False}

# A kernel has no wrapper for Python or C, and does not pass its flags on to the kernels it calls.
PART = {**OURS, "nopython": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
CALLED, IN_LINE = {**PART, "forceinline": False}, {**PART, "forceinline": True}


def kernel(function: Function) -> Function:
    """Compile a function that only compiled code calls."""
    return _part(Kernel, function, CALLED)


def template(function: Function) -> Function:
    """Compile a kernel anew for each constant that it is called with."""
    return _part(Template, function, CALLED)


def inlined(function: Function) -> Function:
    """Compile a kernel that LLVM inlines into its callers: one that passes the whole plan on."""
    return _part(Kernel, function, IN_LINE)


def _part(kind, function, options):
    """Return the compiled kernel, or the function itself if NUMBA_DISABLE_JIT is set."""
    if config.DISABLE_JIT:
        return function
    return kind(function, targetoptions=options, pipeline_class=PartCompiler)


def compile_foreign(function: Function) -> Function:
    """Compile a user's function, which may allocate arrays, unless numba has already done so."""
    return function if hasattr(function, "py_func") else njit(**FLAGS)(function)


def program(function: Function) -> Function:
    """Compile an entry point, and cache its machine code on disk."""
    if config.DISABLE_JIT:
        return function
    compiled = njit(**OURS)(function)
    compiled._cache = cache_for(function)  # noqa: SLF001 - enable_caching would set numba's own cache
    return compiled


def c_function(function, signature, *, cached):
    """Compile a C function; the result has an `address`.

    `cached` code is found on disk by the function's qualified name, so a closure needs one that
    says what its cells hold.
    """
    if not cached:
        return cfunc(signature, **FLAGS)(function)
    compiled = CFunc(function, normalize_signature(signature), locals={}, options=OURS)
    compiled._cache = cache_for(function)  # noqa: SLF001 - as above
    compiled.compile()
    return compiled
