"""The decorators of compiled code: the only place that names numba's flags and its cache.

`kernel`, `template` and `inlined` mark functions that other compiled code calls, `program` an entry
point that Python calls; `foreign` compiles a function of the user's, and `callback` one for C. Only
entry points are cached on disk: their machine code contains their kernels, which are optimized
together with them.
"""

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import CellType, FunctionType
from typing import TypeVar

from numba import cfunc, njit
from numba.core import config

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

# Environment variables that decide how code is generated.
SWITCHES = ("BPMATRIX_CHECKED", "LLVMLITE_ENABLE_IR_LAYER_TYPED_POINTERS")


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
    return njit(cache=True, **OURS)(_stamped(function))


def callback(function, signature, *, keep):
    """Compile a function as C sees it, to be called through the `address` of what is returned.

    With `keep` its machine code stays on disk, which a function with a closure cannot have.
    """
    if keep:
        return cfunc(signature, cache=True, **OURS)(_stamped(function))
    return cfunc(signature, **FLAGS)(function)


def _stamped(function: FunctionType) -> FunctionType:
    """Return the function with one closure cell more, which holds the digest of all kernels.

    numba hashes a function's own file and its closure, but not the files of what it calls; without
    the cell, an upgrade that changes a tile would run the old machine code.
    """
    code = function.__code__
    code = code.replace(co_freevars=(*code.co_freevars, "_sources"))
    closure = (*(function.__closure__ or ()), CellType(_digest_of_sources()))
    stamped = FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, closure
    )
    stamped.__doc__, stamped.__module__ = function.__doc__, function.__module__
    stamped.__qualname__ = function.__qualname__
    stamped.__annotations__ = function.__annotations__
    return stamped


@cache
def _digest_of_sources() -> str:
    """SHA-256 of every source file of `kernels/`, and of what else decides the machine code."""
    switches = {name: os.environ.get(name) for name in SWITCHES}
    digest = hashlib.sha256(repr(switches).encode())
    kernels = Path(__file__).parents[1]
    for path in sorted(kernels.rglob("*.py")):
        name = path.relative_to(kernels).as_posix()
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
