"""The update rules: what one thread does to its share of the parameters after each mini-batch.

A thread owns the same part of every W[l] and b[l] in every step, so that state needs no lock.
"""

from bpmatrix.kernels.instructions import convert
from bpmatrix.kernels.jit import inlined, kernel
from bpmatrix.kernels.plan import CACHE_LINE
from bpmatrix.kernels.products import descend
from bpmatrix.kernels.threads import share
from bpmatrix.kernels.views import activations, biases, block, errors, ones, scratch_of, weights

# The rows that a thread owns begin at whole tiles.
GRAIN = 4


@inlined
def gradient_descent(plan, theta, work, m, eta, weight_decay, t, threads):
    """W <- (1 - eta decay) W - eta/m delta a^T; b <- b - eta/m delta 1: plain SGD.

    The sums of (BP3) and (BP4) are the step: they are added to theta while they are still in
    registers, and no gradient is ever stored.
    """
    scratch = scratch_of(plan, work, t)
    for l in range(1, plan.sizes.size):
        W, delta = weights(plan, theta, l), errors(plan, work, l, 0, m)
        a = activations(plan, work, l - 1, 0, m)
        one, keep = convert(1, W.start), convert(1 - eta * weight_decay, W.start)
        scale = convert(-eta / m, W.start)
        i0, i1, k0, k1 = own_part(W.count, W.length, t, threads)
        if i0 == i1 or k0 == k1:
            continue
        delta = block(delta, 0, m, i0, i1)
        if k0 == 0 and plan.b[l] >= 0:
            b = block(biases(plan, theta, work, l), 0, 1, i0, i1)
            descend(ones(plan, work, m), delta, one, scale, b, scratch)  # (BP3)
        W = block(W, i0, i1, k0, k1)
        descend(delta, block(a, 0, m, k0, k1), keep, scale, W, scratch)  # (BP4)


@kernel
def own_part(rows, columns, t, threads):
    """The block of a layer's weights that thread t owns: rows or, where they are few, columns."""
    if rows >= GRAIN * threads:
        first, last = share(rows, t, threads, GRAIN)
        return first, last, 0, columns
    first, last = share(columns, t, threads, CACHE_LINE)
    return 0, rows, first, last
