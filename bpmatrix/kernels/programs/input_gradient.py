"""The program that computes the gradient of a cost or an output with respect to the inputs.

The book stops at delta[1], since it trains weights and biases. One step further, without an
activation function, is dC/dx = W[1]^T delta[1].
"""

from bpmatrix.kernels.arguments import Columns, InputGradient
from bpmatrix.kernels.backprop import backpropagate_errors, feedforward
from bpmatrix.kernels.codes import SOFTMAX
from bpmatrix.kernels.costs import output_error
from bpmatrix.kernels.dropout import NO_DRAW
from bpmatrix.kernels.elementwise import times_sigma_prime
from bpmatrix.kernels.gather import gather_range
from bpmatrix.kernels.machine.instructions import at, convert, shift
from bpmatrix.kernels.machine.jit import kernel, program
from bpmatrix.kernels.products.products import pull_back
from bpmatrix.kernels.views import (
    Lines,
    activations,
    errors,
    plan_of,
    scratch_of,
    targets,
    weighted_inputs,
    weights,
)


@program
def input_gradient(first, last, table, work, given):
    """Fill `gradient` for the samples first <= i < last.

    `table` is the table of a `Plan`; its `columns` are the samples that `work` has room for.
    `given` are the fields of `InputGradient`.
    """
    given = InputGradient(*given)
    plan, X, Y, theta = plan_of(table), Columns(*given.X), Columns(*given.Y), given.theta
    L, n_0 = plan.sizes.size - 1, plan.sizes[0]
    for start in range(first, last, plan.columns):
        m = min(plan.columns, last - start)
        x = activations(plan, work, 0, 0, m)
        gather_range(X, start, x)
        feedforward(plan, theta, work, x, False, NO_DRAW, 0, 0, m)
        z, a = weighted_inputs(plan, work, L, 0, m), activations(plan, work, L, 0, m)
        delta = errors(plan, work, L, 0, m)
        if given.output < 0:
            y = targets(plan, work, 0, m)
            gather_range(Y, start, y)
            output_error(plan.cost, plan.sigma[L], z, a, y, delta)  # (BP1)
        else:
            jacobian_row(plan.sigma[L], given.output, z, a, delta)
        backpropagate_errors(plan, theta, work, NO_DRAW, 0, 0, m)  # (BP2)
        out = Lines(at(given.gradient, start * n_0, m * n_0), m, n_0, n_0)
        W, delta = weights(plan, theta, 1), errors(plan, work, 1, 0, m)
        pull_back(W, delta, out, scratch_of(plan, work, 0))


@kernel
def jacobian_row(sigma, output, z, a, delta):
    """delta <- da[output]/dz of each column.

    For softmax it is a[output] ((1 if k = output, else 0) - a[k]). 1 - a[output] is computed as the
    sum of the other outputs, which loses no digits when a[output] is close to 1.
    """
    zero, one = convert(0, a.start), convert(1, a.start)
    for j in range(a.count):
        a_j, delta_j = shift(a.start, j * a.step), shift(delta.start, j * delta.step)
        others = zero
        for k in range(a.length):
            if sigma == SOFTMAX:
                others += zero if k == output else a_j[k]
                delta_j[k] = -a_j[output] * a_j[k]
            else:
                delta_j[k] = zero
        delta_j[output] = a_j[output] * others if sigma == SOFTMAX else one
    if sigma != SOFTMAX:
        times_sigma_prime(sigma, z, a, delta)
