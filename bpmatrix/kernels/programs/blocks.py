"""Blocks: activation functions and costs that are compiled when a network first has them.

A block is a C callback that works on many numbers, so that a call costs nothing beside the work. It
is called through its address, which stands in the plan in place of a code: the programs know
nothing of it, and do not grow with what a network does not use. Called with VALUE or SLOPE, ...

* ... a block of an activation function does out <- sigma(out) or out <- out * sigma'(z), with z
  and a at hand;
* ... a block of a cost does out <- C(a, y) or out <- dC/da, for each output; before VALUE, `out`
  holds z.

Ours are made of the formulas in `functions/activations.py` and `functions/distances.py`, found by
name. A user's own functions become blocks as well. Blocks take no lock of Python's, and where such
a function raises an error, the whole block is NaN, so that the run ends as one that diverged.
"""

import numpy as np
from numba import types

from bpmatrix.kernels.codes import SLOPE
from bpmatrix.kernels.functions import activations, distances
from bpmatrix.kernels.machine.instructions import convert
from bpmatrix.kernels.machine.jit import callback, foreign
from bpmatrix.kernels.machine.vectors import long_vectors

REALS = {"float64": types.float64, "float32": types.float32}


def activation(name, needs_z, dtype):
    """Compile the block of an activation function, or load it from disk."""
    sigma, sigma_prime = getattr(activations, name), getattr(activations, f"{name}_slope")

    def block(what, parameter, z, a, out, n):
        long_vectors()
        x = z if needs_z else a
        if what == SLOPE:
            for k in range(n):
                out[k] *= sigma_prime(x[k])
        else:
            for k in range(n):
                out[k] = sigma(out[k])

    return _kept(block, f"{name}_of_{'z' if needs_z else 'a'}", dtype)


def cost(name, dtype):
    """Compile the block of a cost, or load it from disk."""
    value, slope = getattr(distances, name), getattr(distances, f"{name}_slope")

    def block(what, parameter, a, y, out, n):
        long_vectors()
        p = convert(parameter, out)
        if what == SLOPE:
            for k in range(n):
                out[k] = slope(a[k], y[k], p)
        else:
            for k in range(n):
                out[k] = convert(value(out[k], a[k], y[k], p), out)

    return _kept(block, name, dtype)


def own_activation(sigma, sigma_prime, dtype):
    """Compile the block of a user's activation function."""
    sigma, sigma_prime = foreign(sigma), foreign(sigma_prime)
    real = REALS[dtype]

    def block(what, parameter, z, a, out, n):
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

    return callback(block, _signature(dtype), keep=False)


def own_cost(cost, derivative, dtype):
    """Compile the block of a user's cost."""
    cost, derivative = foreign(cost), foreign(derivative)
    real = REALS[dtype]

    def block(what, parameter, a, y, out, n):
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

    return callback(block, _signature(dtype), keep=False)


def _kept(block, name, dtype):
    """Compile a block of ours under a name of its own, which its file on disk is known by."""
    block.__name__ = block.__qualname__ = name
    return callback(block, _signature(dtype), keep=True)


def _signature(dtype):
    numbers = types.CPointer(REALS[dtype])
    return types.void(types.intp, types.float64, numbers, numbers, numbers, types.intp)
