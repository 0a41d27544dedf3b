"""Activation functions and costs that are compiled as C functions when a network first uses them.

A C function works on many numbers per call, so the overhead of a call is negligible. The plan holds
its address in place of a code, so programs contain no code that their network does not use. There
is one function for both values and slopes:

* for an activation function, VALUE does out <- sigma(out), and SLOPE out <- out * sigma'(z), from
  z or a;
* for a cost, VALUE does out <- C(a, y), with z in `out` before, and SLOPE out <- dC/da, for each
  output.

The formulas are in `functions/activations.py` and `functions/distances.py`, found by name, or are
the user's own functions. None of them takes Python's lock. If a user's function raises an error,
all numbers of the call become NaN, and the training ends as a diverged one.
"""

import numpy as np
from numba import types

from bpmatrix.kernels.codes import SLOPE
from bpmatrix.kernels.functions import activations, distances
from bpmatrix.kernels.machine.instructions import convert
from bpmatrix.kernels.machine.jit import c_function, compile_foreign
from bpmatrix.kernels.machine.vectors import long_vectors

REALS = {"float64": types.float64, "float32": types.float32}


def activation(name, needs_z, dtype):
    """Compile an activation function, or load it from disk."""
    functions = getattr(activations, name), getattr(activations, f"{name}_slope")
    apply = _apply_activation(*functions, needs_z)
    return _cached(apply, f"{name}_of_{'z' if needs_z else 'a'}", dtype)


def cost(name, dtype):
    """Compile a cost, or load it from disk."""
    apply = _apply_cost(getattr(distances, name), getattr(distances, f"{name}_slope"))
    return _cached(apply, name, dtype)


def own_activation(sigma, sigma_prime, dtype):
    """Compile a user's activation function."""
    sigma, sigma_prime = compile_foreign(sigma), compile_foreign(sigma_prime)
    return _guarded(_apply_activation(sigma, sigma_prime, True), dtype)


def own_cost(cost, derivative, dtype):
    """Compile a user's cost."""
    cost, derivative = compile_foreign(cost), compile_foreign(derivative)
    value = compile_foreign(lambda z, a, y, _: cost(a, y))
    slope = compile_foreign(lambda a, y, _: derivative(a, y))
    return _guarded(_apply_cost(value, slope), dtype)


def _apply_activation(sigma, sigma_prime, needs_z):
    def apply(what, parameter, z, a, out, n):
        long_vectors()
        x = z if needs_z else a
        if what == SLOPE:
            for k in range(n):
                out[k] *= convert(sigma_prime(x[k]), out)
        else:
            for k in range(n):
                out[k] = convert(sigma(out[k]), out)

    return apply


def _apply_cost(value, slope):
    def apply(what, parameter, a, y, out, n):
        long_vectors()
        p = convert(parameter, out)
        if what == SLOPE:
            for k in range(n):
                out[k] = convert(slope(a[k], y[k], p), out)
        else:
            for k in range(n):
                out[k] = convert(value(out[k], a[k], y[k], p), out)

    return apply


def _guarded(apply, dtype):
    """Compile a function that fills `out` with NaN if a user's function raises an error."""
    apply = compile_foreign(apply)

    def guarded(what, parameter, x, y, out, n):
        try:
            apply(what, parameter, x, y, out, n)
        except Exception:  # noqa: BLE001 - numba knows no other
            for k in range(n):
                out[k] = np.nan

    return c_function(guarded, _signature(dtype), cached=False)


def _cached(function, name, dtype):
    """Compile a function under the name by which its file on disk is found."""
    function.__name__ = function.__qualname__ = name
    return c_function(function, _signature(dtype), cached=True)


def _signature(dtype):
    numbers = types.CPointer(REALS[dtype])
    return types.void(types.intp, types.float64, numbers, numbers, numbers, types.intp)
