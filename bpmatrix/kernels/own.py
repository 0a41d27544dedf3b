"""A user's own activation function or cost: a pair of scalar functions, compiled as a C callback.

One callback works on a block of numbers, so that a call costs nothing beside the work, and LLVM
turns the loop into vector code where it can. It is called through its address, which stands in the
plan in place of a code: the programs know nothing of it, and are compiled once for all.

A callback is compiled once a process and lives as long as that. It takes no lock of Python's. Where
a function raises an error, the block becomes NaN, and the run ends as one that diverged.
"""

from functools import cache

import numpy as np
from numba import types

from bpmatrix.kernels.codes import SLOPE
from bpmatrix.kernels.jit import callback, kernel
from bpmatrix.kernels.vectors import long_vectors

REALS = {"float64": types.float64, "float32": types.float32}


@cache
def activation_block(sigma, sigma_prime, dtype):
    """The callback out <- sigma(z) or, for slopes, out <- out * sigma'(z); out may be z."""
    sigma, sigma_prime = kernel_of(sigma), kernel_of(sigma_prime)
    real = REALS[dtype]

    def block(what, z, _, out, n):
        long_vectors()
        try:
            if what == SLOPE:
                for k in range(n):
                    out[k] *= real(sigma_prime(z[k]))
            else:
                for k in range(n):
                    out[k] = real(sigma(out[k]))
        except Exception:  # noqa: BLE001 - numba knows no other
            for k in range(n):
                out[k] = np.nan

    return _compiled(block, real)


@cache
def cost_block(cost, derivative, dtype):
    """The callback out <- C(a, y) or, for slopes, out <- dC/da of each output."""
    cost, derivative = kernel_of(cost), kernel_of(derivative)
    real = REALS[dtype]

    def block(what, a, y, out, n):
        long_vectors()
        try:
            if what == SLOPE:
                for k in range(n):
                    out[k] = real(derivative(a[k], y[k]))
            else:
                for k in range(n):
                    out[k] = real(cost(a[k], y[k]))
        except Exception:  # noqa: BLE001 - numba knows no other
            for k in range(n):
                out[k] = np.nan

    return _compiled(block, real)


def kernel_of(function):
    """Return a function as compiled code can call it; what numba compiled already as it is."""
    return function if hasattr(function, "py_func") else kernel(function)


def _compiled(block, real):
    numbers = types.CPointer(real)
    return callback(types.void(types.intp, numbers, numbers, numbers, types.intp))(block)
