"""Clipping by norm: a gradient longer than the limit is scaled down to the limit.

Pascanu, Mikolov & Bengio 2013, algorithm 1.
"""

import math

from bpmatrix.kernels.machine.jit import kernel


@kernel
def clipped(gradient, scale, clip_norm):
    """Return the factor s <= scale for which |s * gradient| <= clip_norm.

    Every thread computes it from the same numbers in the same order. If the norm is not finite, no
    factor helps, and the result is NaN.
    """
    norm = scale * math.sqrt(sum_of_squares(gradient))
    if not math.isfinite(norm):
        return math.nan
    return scale if norm <= clip_norm else scale * (clip_norm / norm)


@kernel
def sum_of_squares(x):
    """Return the sum of the squares in float64, added up in four independent chains."""
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
    """Return the sum of the squares of all weights, without the biases, for the L2 penalty."""
    total = 0.0
    for l in range(1, plan.sizes.size):
        first = plan.W[l]
        total += sum_of_squares(theta[first : first + plan.sizes[l] * plan.sizes[l - 1]])
    return total
