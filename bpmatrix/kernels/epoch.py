"""The program that every thread runs: mini-batch after mini-batch, without Python in between.

Threads own columns, then rows. A thread carries its own columns of the mini-batch through all
layers and back; after a barrier it owns a share of the rows of every W[l] and sums over all
columns; after a second barrier the next mini-batch begins. Where W[1] is the most that would have
to travel between their caches, they own its rows on the way forward, too, up to a first barrier.
"""

import math

from bpmatrix.kernels.backprop import backpropagate, feed_own_rows, feedforward, sum_gradients
from bpmatrix.kernels.clipping import clipped, squared_weights
from bpmatrix.kernels.codes import PLAIN
from bpmatrix.kernels.costs import measure
from bpmatrix.kernels.dropout import draw_of
from bpmatrix.kernels.gather import gather
from bpmatrix.kernels.jit import inlined, kernel, program
from bpmatrix.kernels.plan import Columns
from bpmatrix.kernels.threads import FLAGS, SPACING, barrier, share
from bpmatrix.kernels.updates import gradient_descent, update_by_gradient, update_by_rule
from bpmatrix.kernels.views import (
    activations,
    errors,
    inputs,
    plan_of,
    sample_weights,
    step_of,
    targets,
    weighted_inputs,
)


@program
def train_slice(
    t, threads, control, table, theta, moments, gradient, work,
    X, Y, V, order, m, rule, numbers, seed, first_step, costs, hits, totals, parts,
):  # fmt: skip
    """Take one step for every `m` samples of `order`; return how many steps were taken.

    `table` is that of a `Plan`; `X`, `Y` and `V`, the weights of the samples or address 0, are the
    fields of `Columns`; `order` holds the samples of the slice; the last mini-batch may be smaller.
    A row of `numbers` holds a `Step` of the update rule, a row of `moments` what the rule keeps,
    laid out as theta; `gradient` has room for one if it is to be clipped, or none. `seed` and
    `first_step` decide which units are dropped. `costs` holds a number for each column, `hits` too
    or none; `totals` gains the weighted sums of all costs, in the order of the samples, and of the
    right answers, both from before the update, and the sum of the weights. `parts` has room for two
    numbers of each step, or none: the mean cost, and the sum of the squares of all weights of the
    network, both from before the update. A mini-batch whose cost is not finite is not applied by
    any thread: all return the number of steps before it. When called off, -1.
    """
    plan, X, Y, V = plan_of(table), Columns(*X), Columns(*Y), Columns(*V)
    first = moments[0] if moments.shape[0] > 0 else theta
    second = moments[1] if moments.shape[0] > 1 else theta
    for k in range(len(numbers)):
        samples = order[k * m :]
        size = min(m, samples.size)
        i, j = share(size, t, threads, 1)
        draw, step = draw_of(seed, first_step + k), step_of(numbers[k])
        if plan.own_inputs > 0:
            _work_on_first_rows(t, threads, plan, theta, work, X, samples, draw, size)
            if not barrier(control, threads):
                return -1
        finite = _work_on_columns(t, plan, theta, work, X, Y, V, samples, draw, i, j, costs, hits)
        if not finite:
            control[FLAGS + SPACING * t] = 1
        if t == 0 and parts.shape[0] > 0:
            parts[k, 1] = squared_weights(plan, theta)  # before anybody changes them
        if not barrier(control, threads):
            return -1
        if _somebody_raised_a_flag(control, threads):
            return k
        batch_weights = sample_weights(plan, work, 0, size)
        weight = _total_weight(batch_weights, V.address != 0)
        if t == 0:
            _record(batch_weights, V.address != 0, weight, costs, hits, totals, parts[k : k + 1])
        if rule == PLAIN:
            gradient_descent(plan, step, theta, work, size, weight, t, threads)
        elif gradient.size == 0:
            scale = 1 / weight
            update_by_rule(plan, rule, step, theta, first, second, work, size, scale, t, threads)
        else:
            sum_gradients(plan, gradient, work, size, False, t, threads)
            if not barrier(control, threads):
                return -1
            scale = clipped(gradient, 1 / weight, step.longest)
            if not barrier(control, threads):  # all have read what a rule overwrites
                return -1
            update_by_gradient(plan, rule, step, theta, first, second, gradient, scale, t, threads)
        if not barrier(control, threads):
            return -1
    return len(numbers)


@inlined
def _work_on_first_rows(t, threads, plan, theta, work, X, order, draw, m):
    """Fetch all inputs, and feed them into the units of the first layer that thread t owns."""
    x = inputs(plan, work, t, 0, m)
    gather(X, order, 0, m, x, plan.columns)
    feed_own_rows(plan, theta, work, x, draw, t, threads)


@inlined
def _work_on_columns(t, plan, theta, work, X, Y, V, order, draw, first, last, costs, hits):
    """Carry columns first <= j < last through the network and back; False if a cost diverged."""
    finite = True
    for start in range(first, last, plan.block):
        stop = min(start + plan.block, last)
        finite &= _work_on_block(
            t, plan, theta, work, X, Y, V, order, draw, start, stop, costs, hits
        )
    return finite


@kernel
def _work_on_block(t, plan, theta, work, X, Y, V, order, draw, first, last, costs, hits):
    """Carry as many columns as the cache holds through all layers and back."""
    L = plan.sizes.size - 1
    x, y = inputs(plan, work, t, first, last), targets(plan, work, first, last)
    weighted = V.address != 0
    if plan.own_inputs == 0:
        gather(X, order, first, last, x, plan.columns)
    gather(Y, order, first, last, y, plan.columns)
    if weighted:
        gather(V, order, first, last, sample_weights(plan, work, first, last), plan.columns)
    feedforward(plan, theta, work, x, False, draw, t, first, last)
    z, a = weighted_inputs(plan, work, L, first, last), activations(plan, work, L, first, last)
    measure(plan.cost, z, a, y, errors(plan, work, L, first, last), costs, hits, first)
    finite = True
    for j in range(first, last):
        finite &= math.isfinite(costs[j])
    if finite:
        backpropagate(plan, theta, work, draw, weighted, t, first, last)
    return finite


@kernel
def _total_weight(weights, weighted):
    """The sum of the weights of the samples of a mini-batch: their number where they have none."""
    if not weighted:
        return float(weights.count)
    total = 0.0
    for j in range(weights.count):
        total += weights.start[j]
    return total


@kernel
def _record(weights, weighted, total_weight, costs, hits, totals, part):
    """Add what the samples of a mini-batch come to, in their order; note their mean cost."""
    cost = 0.0
    for j in range(weights.count):
        weight = weights.start[j] if weighted else 1.0
        cost += weight * costs[j]
        totals[0] += weight * costs[j]
        if hits.size > 0:
            totals[1] += weight * hits[j]
        totals[2] += weight
    if part.shape[0] > 0:
        part[0, 0] = cost / total_weight


@kernel
def _somebody_raised_a_flag(control, threads):
    """Whether any thread met a cost that is not finite; true for all threads or for none."""
    for t in range(threads):
        if control[FLAGS + SPACING * t] != 0:
            return True
    return False
