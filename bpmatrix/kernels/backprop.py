"""Feedforward and the four equations of backpropagation, for a mini-batch as one matrix.

Equations (BP1)-(BP4): M. A. Nielsen, *Neural Networks and Deep Learning*, ch. 2, in the matrix form
that its problem "Fully matrix-based approach to backpropagation over a mini-batch" asks for.
Columns are samples: a[l], z[l] and delta[l] are (n_l, m). Layers count 1..L as in the book; a[0] is
X. Each thread calls `feedforward` and `backpropagate` for its own columns and waits for no other
thread; (BP3) and (BP4) sum over all columns, so there it owns rows of W.
"""

import math

from bpmatrix.kernels.costs import output_error
from bpmatrix.kernels.dropout import drop
from bpmatrix.kernels.elementwise import activate, times_sigma_prime
from bpmatrix.kernels.machine.instructions import shift
from bpmatrix.kernels.machine.jit import inlined, kernel
from bpmatrix.kernels.products.products import pull_back, sum_over_columns, weighted_input
from bpmatrix.kernels.threads import own_part
from bpmatrix.kernels.views import (
    activations,
    biases,
    block,
    errors,
    ones,
    sample_weights,
    scratch_of,
    seen,
    targets,
    weighted_inputs,
    weights,
)


@inlined
def feedforward(plan, theta, work, x, prefetch, draw, t, first, last):
    """Fill z[l] and a[l], l = 1..L, for the columns first <= j < last, whose inputs are x.

    Thread t owns these columns. `draw` decides which units are dropped, if the plan drops any;
    `prefetch` is passed to `weighted_input` for the first layer. Return False if z[1] is not
    finite: an input is NaN or infinite, or z[1] has overflowed.
    """
    a, finite = x, True
    for l in range(1, plan.sizes.size):
        z = weighted_inputs(plan, work, l, first, last)
        if l > 1 or plan.own_inputs == 0:  # otherwise `feed_own_rows` has filled z[1]
            if plan.dropout[l - 1] > 0:
                kept = seen(plan, work, l - 1, 0, first, last)
                drop(plan.dropout[l - 1], draw, l - 1, first, a, kept)
                a = kept
            W, b = weights(plan, theta, l), biases(plan, theta, work, l)
            scratch = scratch_of(plan, work, t)
            weighted_input(W, a, b, z, scratch, prefetch and l == 1)  # z = W a + b
        if l == 1:
            finite = first_unit_is_finite(z)
        a = activations(plan, work, l, first, last)
        activate(plan.sigma[l], z, a)  # a = sigma(z)
    return finite


@inlined
def feed_own_rows(plan, theta, work, x, draw, t, threads):
    """Fill the rows of z[1] that thread t owns, for all columns of the inputs x."""
    if plan.dropout[0] > 0:
        drop(plan.dropout[0], draw, 0, 0, x, x)
    W, b = weights(plan, theta, 1), biases(plan, theta, work, 1)
    i, j, _, _ = own_part(W.count, W.length, t, threads)
    z = block(weighted_inputs(plan, work, 1, 0, x.count), 0, x.count, i, j)
    W, b = block(W, i, j, 0, W.length), block(b, 0, 1, i, j)
    weighted_input(W, x, b, z, scratch_of(plan, work, t))  # z = W a + b


@kernel
def first_unit_is_finite(z):
    """Return whether z of the first unit is finite in every column.

    That is enough for z[1]: a NaN or infinite input makes every z[1] of its column so.
    """
    finite = True
    for j in range(z.count):
        finite &= math.isfinite(z.start[j * z.step])
    return finite


@inlined
def backpropagate(plan, theta, work, draw, weighted, t, first, last):
    """Fill delta[l], l = L..1, for the columns first <= j < last, which thread t owns.

    `draw` is the one passed to `feedforward`; `weighted` says whether samples have weights.
    """
    L = plan.sizes.size - 1
    z, a = weighted_inputs(plan, work, L, first, last), activations(plan, work, L, first, last)
    y, delta = targets(plan, work, first, last), errors(plan, work, L, first, last)
    output_error(plan.cost, plan.sigma[L], z, a, y, delta)  # (BP1)
    if weighted:
        weigh(sample_weights(plan, work, first, last), delta)
    backpropagate_errors(plan, theta, work, draw, t, first, last)


@inlined
def backpropagate_errors(plan, theta, work, draw, t, first, last):
    """Fill delta[l], l = L-1..1, for the columns first <= j < last from their delta[L]."""
    L = plan.sizes.size - 1
    for l in range(L - 1, 0, -1):
        W, above = weights(plan, theta, l + 1), errors(plan, work, l + 1, first, last)
        z, a = weighted_inputs(plan, work, l, first, last), activations(plan, work, l, first, last)
        delta = errors(plan, work, l, first, last)
        pull_back(W, above, delta, scratch_of(plan, work, t))  # (BP2) delta = (W^T delta) ...
        if plan.dropout[l] > 0:
            drop(plan.dropout[l], draw, l, first, delta, delta)  # a dropped unit has no error
        times_sigma_prime(plan.sigma[l], z, a, delta)  #       ... * sigma'(z)


@inlined
def sum_gradients(plan, gradient, work, first, last, carry_on, t, threads):
    """Sum (BP3) and (BP4) over the columns first <= j < last: thread t's part of the gradient.

    The gradient is laid out as theta. With `carry_on`, the sums start at its present values, the
    sums over the columns before these; otherwise at zero.
    """
    m, scratch = last - first, scratch_of(plan, work, t)
    for l in range(1, plan.sizes.size):
        nabla_W = weights(plan, gradient, l)
        i0, i1, k0, k1 = own_part(nabla_W.count, nabla_W.length, t, threads)
        if i0 == i1 or k0 == k1:
            continue
        delta = block(errors(plan, work, l, first, last), 0, m, i0, i1)
        a = seen(plan, work, l - 1, t, first, last)
        if k0 == 0 and plan.b[l] >= 0:
            nabla_b = block(biases(plan, gradient, work, l), 0, 1, i0, i1)
            sum_over_columns(ones(plan, work, m), delta, carry_on, nabla_b, scratch)  # (BP3)
        nabla_W, a = block(nabla_W, i0, i1, k0, k1), block(a, 0, m, k0, k1)
        sum_over_columns(delta, a, carry_on, nabla_W, scratch)  # (BP4)


@kernel
def weigh(weights, delta):
    """delta_j <- w_j delta_j: a sample of weight w counts as w samples."""
    for j in range(delta.count):
        line, weight = shift(delta.start, j * delta.step), weights.start[j * weights.step]
        for k in range(delta.length):
            line[k] *= weight
