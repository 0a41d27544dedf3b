"""The update rules: what one thread does to its share of the parameters after each mini-batch.

A rule owns the same rows of every W[l] and b[l] in every step, so that its state needs no lock.
"""

from bpmatrix.kernels.instructions import convert, shift
from bpmatrix.kernels.jit import inlined
from bpmatrix.kernels.products import descend
from bpmatrix.kernels.threads import share
from bpmatrix.kernels.tiles import OUTER_ROWS
from bpmatrix.kernels.views import Lines, activations, biases, errors, ones, scratch_of, weights


@inlined
def gradient_descent(plan, theta, work, m, eta, weight_decay, t, threads):
    """W <- (1 - eta decay) W - eta/m delta a^T; b <- b - eta/m delta 1: plain SGD.

    The sums of (BP3) and (BP4) are the step: they are added to theta while they are still in
    registers, and no gradient is ever stored.
    """
    scratch = scratch_of(plan, work, t)
    for l in range(1, plan.sizes.size):
        W, delta = weights(plan, theta, l), errors(plan, work, l, 0, m)
        first, last = share(W.count, t, threads, OUTER_ROWS[0])
        if first == last:
            continue
        one, keep = convert(1, W.start), convert(1 - eta * weight_decay, W.start)
        scale = convert(-eta / m, W.start)
        delta = Lines(shift(delta.start, first), m, delta.length)
        if plan.b[l] >= 0:
            b = Lines(shift(biases(plan, theta, work, l).start, first), 1, last - first)
            descend(ones(plan, work, m), delta, one, scale, b, scratch)  # (BP3)
        W = Lines(shift(W.start, first * W.length), last - first, W.length)
        descend(delta, activations(plan, work, l - 1, 0, m), keep, scale, W, scratch)  # (BP4)
