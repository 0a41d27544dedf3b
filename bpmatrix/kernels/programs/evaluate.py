"""The program that evaluates a network without changing it: outputs, costs, hits, gradient."""

import math

from bpmatrix.kernels.arguments import Columns, Evaluate
from bpmatrix.kernels.backprop import backpropagate, feedforward, sum_gradients
from bpmatrix.kernels.costs import measure
from bpmatrix.kernels.dropout import NO_DRAW
from bpmatrix.kernels.gather import can_be_read_in_place, gather_range, in_place
from bpmatrix.kernels.machine.instructions import at
from bpmatrix.kernels.machine.jit import inlined, kernel, program
from bpmatrix.kernels.machine.underflow import flush_to_zero, restore_mode
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
    """Carry the samples first <= i < last through the network.

    False if `feedforward` says so, or if an output is NaN. `table` is the table of a `Plan`; its
    `columns` are the samples that `work` has room for. `given` are the fields of `Evaluate`.
    """
    given = Evaluate(*given)
    mode = flush_to_zero() if given.flushes else 0
    plan, X, Y, V = plan_of(table), Columns(*given.X), Columns(*given.Y), Columns(*given.V)
    theta, outputs, costs, gradient = given.theta, given.outputs, given.costs, given.gradient
    L, finite = plan.sizes.size - 1, True
    direct = gradient.size == 0 and can_be_read_in_place(X, activations(plan, work, 0, 0, 1).start)
    for start in range(first, last, plan.columns):
        m = min(plan.columns, last - start)
        x = activations(plan, work, 0, 0, m)
        if direct:
            x = in_place(X, start, m, plan.sizes[0], x.start)
        else:
            gather_range(X, start, x)
        finite &= feedforward(plan, theta, work, x, direct, NO_DRAW, 0, 0, m)
        a = activations(plan, work, L, 0, m)
        if outputs.size > 0:
            for j in range(m):
                for k in range(a.length):
                    output = a.start[j * a.step + k]
                    outputs[start + j, k] = output
                    finite &= not math.isnan(output)
        if costs.size > 0 or gradient.size > 0:
            gather_range(Y, start, targets(plan, work, 0, m))
        if costs.size > 0:
            z, y = weighted_inputs(plan, work, L, 0, m), targets(plan, work, 0, m)
            measure(plan.cost, z, a, y, errors(plan, work, L, 0, m), costs, given.hits, start)
        if gradient.size > 0:
            if V.address != 0:
                gather_range(V, start, sample_weights(plan, work, 0, m))
            backpropagate(plan, theta, work, NO_DRAW, V.address != 0, 0, 0, m)
            _sum_by_groups(plan, work, start, m, gradient, given.total)
    if given.flushes:
        restore_mode(mode)
    return finite


@inlined
def _sum_by_groups(plan, work, start, m, gradient, total):
    """Add m columns, those of the samples from `start` on, to the gradient of their group.

    Each COLUMNS_OF_A_SUM samples form a group, however many columns are carried at a time: the
    longer a sum in float32 gets, the more digits of the next term it loses. The sums of the groups
    are added in float64.
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
    """total[k] <- total[k] + numbers[k] for k < n, in float64."""
    long_vectors()
    for k in range(n):
        total[k] += float(numbers[k])
