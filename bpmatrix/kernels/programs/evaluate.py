"""The program that looks at a network without changing it: outputs, costs, hits, gradient."""

from bpmatrix.kernels.arguments import Columns, Evaluate
from bpmatrix.kernels.backprop import backpropagate, feedforward, sum_gradients
from bpmatrix.kernels.costs import measure
from bpmatrix.kernels.dropout import NO_DRAW
from bpmatrix.kernels.gather import can_be_read_in_place, gather_block, in_place
from bpmatrix.kernels.machine.instructions import at
from bpmatrix.kernels.machine.jit import inlined, kernel, program
from bpmatrix.kernels.machine.underflow import flush_to_zero, set_back
from bpmatrix.kernels.machine.vectors import long_vectors
from bpmatrix.kernels.plan import COLUMNS_OF_A_SUM
from bpmatrix.kernels.views import (
    activations,
    errors,
    plan_of,
    sample_weights,
    targets,
    weighted_inputs,
)


@program
def evaluate(first, last, table, work, given):
    """Carry the samples first <= i < last through the network; False if one is not finite.

    `table` is that of a `Plan`, for as many samples at a time as `work` has room for; `given` are
    the fields of `Evaluate`.
    """
    given = Evaluate(*given)
    mode = flush_to_zero() if given.flushes else 0
    plan, X, Y, V = plan_of(table), Columns(*given.X), Columns(*given.Y), Columns(*given.V)
    theta, outputs, costs, gradient = given.theta, given.outputs, given.costs, given.gradient
    L, finite = plan.sizes.size - 1, True
    n = plan.sizes[0]
    direct = gradient.size == 0 and can_be_read_in_place(X, activations(plan, work, 0, 0, 1).start)
    for start in range(first, last, plan.columns):
        m = min(plan.columns, last - start)
        x = activations(plan, work, 0, 0, m)
        if direct:
            x = in_place(X, start, m, n, x.start)
        else:
            gather_block(X, start, x)
        finite &= feedforward(plan, theta, work, x, direct, NO_DRAW, 0, 0, m)
        a = activations(plan, work, L, 0, m)
        if outputs.size > 0:
            for j in range(m):
                for k in range(a.length):
                    outputs[start + j, k] = a.start[j * a.step + k]
        if costs.size > 0 or gradient.size > 0:
            gather_block(Y, start, targets(plan, work, 0, m))
        if costs.size > 0:
            z, y = weighted_inputs(plan, work, L, 0, m), targets(plan, work, 0, m)
            measure(plan.cost, z, a, y, errors(plan, work, L, 0, m), costs, given.hits, start)
        if gradient.size > 0:
            if V.address != 0:
                gather_block(V, start, sample_weights(plan, work, 0, m))
            backpropagate(plan, theta, work, NO_DRAW, V.address != 0, 0, 0, m)
            _sum_by_groups(plan, work, start, m, gradient, given.total)
    if given.flushes:
        set_back(mode)
    return finite


@inlined
def _sum_by_groups(plan, work, start, m, gradient, total):
    """Add m columns, of the samples from `start` on, to the gradient of their group.

    A group is COLUMNS_OF_A_SUM samples of all, wherever the columns are cut: one long sum would
    lose more digits the longer it gets, since a float32 that is large takes little of what is
    added. The sums of the groups are added in float64.
    """
    i = 0
    while i < m:
        past = (start + i) % COLUMNS_OF_A_SUM
        j = min(m, i + COLUMNS_OF_A_SUM - past)
        sum_gradients(plan, gradient, work, i, j, past > 0, 0, 1)
        if past + j - i == COLUMNS_OF_A_SUM:
            _add(at(gradient, 0, gradient.size), at(total, 0, gradient.size), gradient.size)
        i = j


@kernel
def _add(numbers, total, n):
    """Add n numbers to float64's, where they lie."""
    long_vectors()
    for k in range(n):
        total[k] += float(numbers[k])
