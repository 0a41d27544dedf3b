"""The update of one thread's part of the parameters after each mini-batch.

A thread owns the same part of every W[l] and b[l] in every step, so the moments need no lock.
"""

from bpmatrix.kernels.machine.instructions import convert, size_of
from bpmatrix.kernels.machine.jit import inlined, kernel
from bpmatrix.kernels.plan import CACHE_LINE, PANEL_WIDTH
from bpmatrix.kernels.products.products import descend, sum_over_columns
from bpmatrix.kernels.rules import follow
from bpmatrix.kernels.threads import own_part, share
from bpmatrix.kernels.views import (
    Lines,
    biases,
    block,
    errors,
    line,
    ones,
    scratch_of,
    seen,
    weights,
)

# The rule reads a gradient in pieces of at most this size, which are still in the L2 cache then,
# together with the columns that were summed.
BYTES_OF_GRADIENT = 128 * 1024


@inlined
def gradient_descent(plan, step, theta, work, m, scale, t, threads):
    """W <- (1 - eta decay) W - eta/m delta a^T; b <- b - eta/m delta 1: plain SGD.

    The sums of (BP3) and (BP4) are added to theta while they are still in registers, and no
    gradient is stored. `step` are the `Hyperparameters` of the step; `scale` is 1/m, or 1 over the
    sum of the sample weights.
    """
    scratch = scratch_of(plan, work, t)
    for l in range(1, plan.sizes.size):
        W, delta = weights(plan, theta, l), errors(plan, work, l, 0, m)
        a = seen(plan, work, l - 1, t, 0, m)
        one, keep = convert(1, W.start), convert(1 - step.rate * step.l2, W.start)
        change = convert(-step.rate * scale, W.start)
        i0, i1, k0, k1 = own_part(W.count, W.length, t, threads)
        if i0 == i1 or k0 == k1:
            continue
        delta = block(delta, 0, m, i0, i1)
        if k0 == 0 and plan.b[l] >= 0:
            b = block(biases(plan, theta, work, l), 0, 1, i0, i1)
            descend(ones(plan, work, m), delta, one, change, b, scratch)  # (BP3)
        W = block(W, i0, i1, k0, k1)
        descend(delta, block(a, 0, m, k0, k1), keep, change, W, scratch)  # (BP4)


@inlined
def update_by_rule(plan, rule, step, theta, first, second, work, m, scale, t, threads):
    """Update theta by a rule, which reads the gradient in blocks; it is never stored as a whole.

    `first` and `second` are the moments, laid out as theta. Weights are penalized, biases are not.
    """
    scratch = scratch_of(plan, work, t)
    for l in range(1, plan.sizes.size):
        W, delta = weights(plan, theta, l), errors(plan, work, l, 0, m)
        a = seen(plan, work, l - 1, t, 0, m)
        i0, i1, k0, k1 = own_part(W.count, W.length, t, threads)
        if i0 == i1 or k0 == k1:
            continue
        delta = block(delta, 0, m, i0, i1)
        if k0 == 0 and plan.b[l] >= 0:
            b = block(biases(plan, theta, work, l), 0, 1, i0, i1)
            v = block(biases(plan, first, work, l), 0, 1, i0, i1)
            s = block(biases(plan, second, work, l), 0, 1, i0, i1)
            one = ones(plan, work, m)
            _update_block(rule, step, False, scale, b, v, s, one, delta, scratch)  # (BP3)
        v = block(weights(plan, first, l), i0, i1, k0, k1)
        s = block(weights(plan, second, l), i0, i1, k0, k1)
        W, a = block(W, i0, i1, k0, k1), block(a, 0, m, k0, k1)
        _update_block(rule, step, True, scale, W, v, s, delta, a, scratch)  # (BP4)


@kernel
def _update_block(rule, step, penalized, scale, W, v, s, delta, a, scratch):
    """Sum some rows of the gradient into scratch, apply the rule to them, and go on."""
    rows = max(1, min(PANEL_WIDTH, BYTES_OF_GRADIENT // (W.length * size_of(W.start))))
    for i in range(0, W.count, rows):
        n = min(rows, W.count - i)
        gradient = Lines(scratch.sums, n, W.length, W.length)
        part = block(delta, 0, delta.count, i, i + n)
        sum_over_columns(part, a, False, gradient, scratch)
        follow(
            rule, step, penalized, scale,
            block(W, i, i + n, 0, W.length), block(v, i, i + n, 0, W.length),
            block(s, i, i + n, 0, W.length), gradient,
        )  # fmt: skip


@inlined
def update_by_gradient(plan, rule, step, theta, first, second, gradient, scale, t, threads):
    """Update theta by a rule, from a stored gradient that is laid out as theta."""
    for l in range(1, plan.sizes.size):
        n = plan.sizes[l]
        for penalized in (True, False):  # the weights, then the biases
            offset, count = (plan.W[l], n * plan.sizes[l - 1]) if penalized else (plan.b[l], n)
            if offset < 0:
                continue
            i, j = share(count, t, threads, CACHE_LINE)
            start, size = offset + i, j - i
            follow(
                rule, step, penalized, scale,
                line(theta, start, size), line(first, start, size),
                line(second, start, size), line(gradient, start, size),
            )  # fmt: skip
