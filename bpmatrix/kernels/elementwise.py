"""The activation functions: a = sigma(z), and sigma' as a function of a, or of z if it has to be.

The common ones are part of every program. The others are C functions (`programs/c_functions.py`),
compiled when a network first uses them, and called through their addresses.

To add one, see "Adding an operation" in .github/CONTRIBUTING.md.
"""

from bpmatrix.kernels.codes import FIRST_ADDRESS, RELU, SIGMOID, SLOPE, SOFTMAX, TANH, VALUE
from bpmatrix.kernels.functions.exponential import exp_of_difference, sigmoid, tanh
from bpmatrix.kernels.machine.instructions import call_c_function, convert, shift
from bpmatrix.kernels.machine.jit import kernel
from bpmatrix.kernels.machine.vectors import long_vectors
from bpmatrix.kernels.views import span


@kernel
def activate(sigma, z, a):
    """a <- sigma(z); z and a may be the same memory, except for softmax.

    z is copied to a, and sigma is applied in place: with two pointers that may alias, LLVM would
    emit scalar code. ReLU reads x before it chooses, which lets LLVM emit a select instead of an
    unpredictable branch.
    """
    long_vectors()
    n = span(z)
    z_k, a_k = z.start, a.start
    for k in range(n):
        a_k[k] = z_k[k]
    if sigma == SIGMOID:
        for k in range(n):
            a_k[k] = sigmoid(a_k[k])
    elif sigma == TANH:
        for k in range(n):
            a_k[k] = tanh(a_k[k])
    elif sigma == RELU:
        zero = convert(0, a_k)
        for k in range(n):
            x = a_k[k]
            a_k[k] = zero if x <= zero else x  # in this order NaN stays NaN
    elif sigma == SOFTMAX:
        for j in range(a.count):
            _fill_with_highest(shift(z_k, j * z.step), shift(a_k, j * a.step), a.length)
        for k in range(n):  # all columns at once, since one may be shorter than a vector
            a_k[k] = exp_of_difference(z_k[k], a_k[k])
        for j in range(a.count):
            _divide_by_sum(shift(a_k, j * a.step), a.length)
    elif sigma >= FIRST_ADDRESS:
        call_c_function(sigma, VALUE, 0.0, a_k, a_k, a_k, n)


@kernel
def _fill_with_highest(z, a, n):
    """a[k] <- max z, which is subtracted from each z[k] so that no exponential overflows."""
    highest = z[0]
    for k in range(1, n):
        highest = z[k] if z[k] > highest else highest
    for k in range(n):
        a[k] = highest


@kernel
def _divide_by_sum(a, n):
    """a[k] <- a[k] / sum_i a[i]."""
    total = convert(0, a)
    for k in range(n):
        total += a[k]
    for k in range(n):
        a[k] /= total


@kernel
def times_sigma_prime(sigma, z, a, delta):
    """delta <- delta * sigma'(z), element by element; softmax is not element-wise."""
    long_vectors()
    n = span(a)
    a_k, delta_k = a.start, delta.start
    zero, one = convert(0, a_k), convert(1, a_k)
    if sigma == SIGMOID:
        for k in range(n):
            delta_k[k] *= a_k[k] * (one - a_k[k])
    elif sigma == TANH:
        for k in range(n):
            delta_k[k] *= (one - a_k[k]) * (one + a_k[k])
    elif sigma == RELU:
        for k in range(n):
            d = delta_k[k]
            delta_k[k] = zero if a_k[k] <= zero else d
    elif sigma >= FIRST_ADDRESS:
        call_c_function(sigma, SLOPE, 0.0, z.start, a_k, delta_k, n)
