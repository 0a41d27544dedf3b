"""The program that looks at a network without changing it: outputs, costs, hits, gradient."""

from bpmatrix.kernels.backprop import backpropagate, feedforward, sum_gradients
from bpmatrix.kernels.costs import measure
from bpmatrix.kernels.dropout import NO_DRAW
from bpmatrix.kernels.gather import can_be_read_in_place, gather_block, in_place
from bpmatrix.kernels.machine.instructions import at
from bpmatrix.kernels.machine.jit import inlined, kernel, program
from bpmatrix.kernels.machine.underflow import flush_to_zero, set_back
from bpmatrix.kernels.machine.vectors import long_vectors
from bpmatrix.kernels.plan import COLUMNS_OF_A_SUM, Columns
from bpmatrix.kernels.views import (
    activations,
    errors,
    plan_of,
    sample_weights,
    targets,
    weighted_inputs,
)


@program
def evaluate(
    table, theta, work, X, Y, V, first, last, flushes, outputs, costs, hits, gradient, total
):
    """Carry the samples first <= i < last through the network, `plan.columns` at a time.

    What is asked for is what has room: `outputs` (n, n_L), `costs` and `hits` (n,), `gradient` as
    theta: the sum over the samples, each times its weight, by groups of them. It is the sum of the
    group that has last been begun, and that of whole groups is added to `total`, where the caller
    has put zeros: so samples may come in several calls, in their order. The last four need targets
    `Y`. `table` is that of a `Plan`; `X`, `Y` and `V`, the weights of the samples or address 0, are
    the fields of `Columns`. Tiny numbers keep their values; with `flushes` they are 0, as in
    training.
    """
    mode = flush_to_zero() if flushes else 0
    plan, X, Y, V = plan_of(table), Columns(*X), Columns(*Y), Columns(*V)
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
            measure(plan.cost, z, a, y, errors(plan, work, L, 0, m), costs, hits, start)
        if gradient.size > 0:
            if V.address != 0:
                gather_block(V, start, sample_weights(plan, work, 0, m))
            backpropagate(plan, theta, work, NO_DRAW, V.address != 0, 0, 0, m)
            _sum_by_groups(plan, work, start, m, gradient, total)
    if flushes:
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
