"""Feedforward and the four equations of backpropagation, for a mini-batch as one matrix.

Equations (BP1)-(BP4): M. A. Nielsen, *Neural Networks and Deep Learning*, ch. 2, the matrix form
that its problem "Fully matrix-based approach to backpropagation over a mini-batch" asks for.
Columns are samples: a[l], z[l] and delta[l] are (n_l, m). Layers count 1..L as in the book; a[0] is
X. A thread calls `feedforward` and `backpropagate` for its own columns and needs nobody for that;
(BP3) and (BP4) sum over all columns, so that there it owns rows.
"""

import math

from bpmatrix.kernels.costs import output_error
from bpmatrix.kernels.elementwise import activate, times_sigma_prime
from bpmatrix.kernels.jit import inlined, kernel
from bpmatrix.kernels.products import pull_back, sum_over_columns, weighted_input
from bpmatrix.kernels.views import (
    activations,
    biases,
    errors,
    ones,
    scratch_of,
    targets,
    weighted_inputs,
    weights,
)


@inlined
def feedforward(plan, theta, work, x, ahead, first, last):
    """Fill z[l] and a[l], l = 1..L, of the columns first <= j < last from their inputs x.

    Return False if an input is NaN or infinite: then every z[1] of its column is so, too. Numbers
    that overflow there are the other way to get False. `ahead` is that of `weighted_input`, for x.
    """
    a, finite = x, True
    for l in range(1, plan.sizes.size):
        W, b = weights(plan, theta, l), biases(plan, theta, work, l)
        z = weighted_inputs(plan, work, l, first, last)
        weighted_input(W, a, b, z, ahead and l == 1)  # z = W a + b
        if l == 1:
            finite = first_is_finite(z)
        a = activations(plan, work, l, first, last)
        activate(plan.sigma[l], z, a)  # a = sigma(z)
    return finite


@kernel
def first_is_finite(z):
    """Whether the first element of each line is neither NaN nor infinite."""
    finite = True
    for j in range(z.count):
        finite &= math.isfinite(z.start[j * z.step])
    return finite


@inlined
def backpropagate(plan, theta, work, t, first, last):
    """Fill delta[l], l = L..1, of the columns first <= j < last, which thread t owns.

    The input layer needs no delta.
    """
    L = plan.sizes.size - 1
    z, a = weighted_inputs(plan, work, L, first, last), activations(plan, work, L, first, last)
    y, delta = targets(plan, work, first, last), errors(plan, work, L, first, last)
    output_error(plan.cost, plan.sigma[L], z, a, y, delta)  # (BP1)
    for l in range(L - 1, 0, -1):
        W, above = weights(plan, theta, l + 1), errors(plan, work, l + 1, first, last)
        z, a = weighted_inputs(plan, work, l, first, last), activations(plan, work, l, first, last)
        delta = errors(plan, work, l, first, last)
        pull_back(W, above, delta, scratch_of(plan, work, t))  # (BP2) delta = (W^T delta) ...
        times_sigma_prime(plan.sigma[l], z, a, delta)  #       ... * sigma'(z)


@inlined
def sum_gradients(plan, gradient, work, m, carry_on):
    """Fill the gradient, laid out as theta, with the sums over the m columns.

    With `carry_on` the sums start at what the gradient holds: the columns before these.
    """
    scratch = scratch_of(plan, work, 0)
    for l in range(1, plan.sizes.size):
        delta, a = errors(plan, work, l, 0, m), activations(plan, work, l - 1, 0, m)
        if plan.b[l] >= 0:
            nabla_b = biases(plan, gradient, work, l)
            sum_over_columns(ones(plan, work, m), delta, carry_on, nabla_b, scratch)  # (BP3)
        nabla_W = weights(plan, gradient, l)
        sum_over_columns(delta, a, carry_on, nabla_W, scratch)  # (BP4)
