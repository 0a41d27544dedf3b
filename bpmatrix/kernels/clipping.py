"""Clipping by norm: a gradient that is longer than allowed is shortened to that length.

Pascanu, Mikolov & Bengio 2013, algorithm 1.
"""

import math

from bpmatrix.kernels.machine.jit import kernel


@kernel
def clipped(gradient, scale, longest):
    """The factor that makes a gradient out of these sums, `scale` at most, so that it is no longer.

    Every thread computes it for itself, from the same numbers in the same order. A gradient whose
    length is not finite becomes NaN, as no factor would make it right.
    """
    length = scale * math.sqrt(sum_of_squares(gradient))
    if not math.isfinite(length):
        return math.nan
    return scale if length <= longest else scale * (longest / length)


@kernel
def sum_of_squares(x):
    """The squares summed in float64, in four sums that do not wait for each other."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = x.size - x.size % 4
    for k in range(0, whole, 4):
        a += float(x[k]) * float(x[k])
        b += float(x[k + 1]) * float(x[k + 1])
        c += float(x[k + 2]) * float(x[k + 2])
        d += float(x[k + 3]) * float(x[k + 3])
    for k in range(whole, x.size):
        a += float(x[k]) * float(x[k])
    return (a + b) + (c + d)


@kernel
def squared_weights(plan, theta):
    """The sum of the squares of all weights, without the biases: what a penalty is made of."""
    total = 0.0
    for l in range(1, plan.sizes.size):
        first = plan.W[l]
        total += sum_of_squares(theta[first : first + plan.sizes[l] * plan.sizes[l - 1]])
    return total
