"""Blocks: activation functions and costs that are compiled when a network first has them.

A block is a C callback that works on many numbers, so that a call costs nothing beside the work. It
is called through its address, which stands in the plan in place of a code: the programs know
nothing of it, and do not grow with what a network does not use. Called with VALUE or SLOPE, ...

* ... a block of an activation function does out <- sigma(out) or out <- out * sigma'(z), with z
  and a at hand;
* ... a block of a cost does out <- C(a, y) or out <- dC/da, for each output.

A user's own functions become blocks as well. Blocks take no lock of Python's, and where such a
function raises an error, the whole block is NaN, so that the run ends as one that diverged.
"""

import numpy as np
from numba import types

from bpmatrix.kernels.codes import SLOPE
from bpmatrix.kernels.functions import exponential, rectifiers
from bpmatrix.kernels.machine.jit import callback, foreign, kernel
from bpmatrix.kernels.machine.vectors import long_vectors

REALS = {"float64": types.float64, "float32": types.float32}


@kernel
def _activate(sigma, sigma_prime, what, x, out, n):
    """A block of two scalar functions; x is what the slope is computed from, z or a."""
    long_vectors()
    if what == SLOPE:
        for k in range(n):
            out[k] *= sigma_prime(x[k])
    else:
        for k in range(n):
            out[k] = sigma(out[k])


# Below, functions are named with their modules: numba keeps no machine code of a function that
# hands on a global name of its own module.


def leaky_relu(what, z, a, out, n):
    """z, and z / 100 below 0."""
    _activate(rectifiers.leaky_relu, rectifiers.leaky_relu_slope, what, a, out, n)


def elu(what, z, a, out, n):
    """z, and e^z - 1 below 0."""
    _activate(rectifiers.elu, rectifiers.elu_slope, what, a, out, n)


def gelu(what, z, a, out, n):
    """z Phi(z)."""
    _activate(rectifiers.gelu, rectifiers.gelu_slope, what, z, out, n)


def silu(what, z, a, out, n):
    """z sigmoid(z)."""
    _activate(rectifiers.silu, rectifiers.silu_slope, what, z, out, n)


def softplus(what, z, a, out, n):
    """ln(1 + e^z)."""
    _activate(exponential.softplus, rectifiers.softplus_slope, what, a, out, n)


def exp(what, z, a, out, n):
    """e^z."""
    _activate(exponential.exp, rectifiers.exp_slope, what, a, out, n)


BLOCKS = {block.__name__: block for block in (leaky_relu, elu, gelu, silu, softplus, exp)}


def named(name, dtype):
    """Compile the block of a name, or load it from disk."""
    return callback(BLOCKS[name], _signature(dtype), keep=True)


def own_activation(sigma, sigma_prime, dtype):
    """Compile the block of a user's activation function."""
    sigma, sigma_prime = foreign(sigma), foreign(sigma_prime)
    real = REALS[dtype]

    def block(what, z, a, out, n):
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

    return callback(block, _signature(dtype), keep=False)


def _signature(dtype):
    numbers = types.CPointer(REALS[dtype])
    return types.void(types.intp, numbers, numbers, numbers, types.intp)
