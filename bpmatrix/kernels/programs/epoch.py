"""The program that every thread runs: mini-batch after mini-batch, without Python in between.

Threads own columns, then rows. A thread carries its own columns of the mini-batch through all
layers and back; after a barrier it owns a share of the rows of every W[l] and sums over all
columns; after a second barrier the next mini-batch begins. Where W[1] is the most that would have
to travel between their caches, they own its rows on the way forward, too, up to a first barrier.
Where a mini-batch has more columns than the plan, they own groups of columns (`groups.py`).
"""

import math

from bpmatrix.kernels.arguments import Columns, TrainSlice
from bpmatrix.kernels.backprop import sum_gradients
from bpmatrix.kernels.clipping import clipped, squared_weights
from bpmatrix.kernels.codes import FLAGS, SPACING
from bpmatrix.kernels.dropout import draw_of
from bpmatrix.kernels.gather import weight_of
from bpmatrix.kernels.machine.instructions import at
from bpmatrix.kernels.machine.jit import inlined, kernel, program
from bpmatrix.kernels.machine.underflow import flush_to_zero, set_back, stay_apart
from bpmatrix.kernels.programs.carry import carry_columns, carry_to_first_rows
from bpmatrix.kernels.programs.groups import add_groups, sum_groups
from bpmatrix.kernels.rules import PLAIN
from bpmatrix.kernels.threads import barrier, share
from bpmatrix.kernels.updates import gradient_descent, update_by_gradient, update_by_rule
from bpmatrix.kernels.views import plan_of, step_of


@program
def train_slice(t, threads, control, given):
    """Take one step for each row of `batches`; return how many steps were taken.

    `given` are the fields of `TrainSlice`. A mini-batch whose cost is not finite is not applied by
    any thread: all return the number of steps before it. When called off, -1. What fades on the way
    is 0, so that it costs no time.
    """
    mode = flush_to_zero()
    taken = _take_steps(t, threads, control, TrainSlice(*given))
    set_back(mode)
    return taken


@kernel
def _take_steps(t, threads, control, given):
    """What `train_slice` does, in whatever mode the thread is in."""
    stay_apart()
    plan, theta, work = plan_of(given.table), given.theta, given.work
    X, Y, V = Columns(*given.X), Columns(*given.Y), Columns(*given.V)
    sums, costs, hits = given.sums, given.costs, given.hits
    first = given.moments[0] if given.moments.shape[0] > 0 else theta
    second = given.moments[1] if given.moments.shape[0] > 1 else theta
    for k in range(len(given.numbers)):
        start, stop, row = given.batches[k, 0], given.batches[k, 1], given.batches[k, 2]
        samples, size, part = given.order[start:], stop - start, given.parts[k : k + 1]
        step, draw = step_of(given.numbers[k]), draw_of(given.seed, given.first_step + k)
        if plan.own_inputs > 0:
            carry_to_first_rows(t, threads, plan, theta, work, X, samples, draw, size)
            if not barrier(control, threads):
                return -1
        if len(sums) > 1:
            finite = sum_groups(
                t, threads, plan, theta, work, X, Y, V, samples, draw, size, costs, hits, sums
            )
        else:
            i, j = share(size, t, threads, 1)
            finite = carry_columns(t, plan, theta, work, X, Y, V, samples, draw, i, j, costs, hits)
        if not finite:
            control[FLAGS + SPACING * t] = 1
        if t == 0 and part.shape[0] > 0:
            part[0, 1] = squared_weights(plan, theta)  # before anybody changes them
        if not barrier(control, threads):
            return -1
        if _somebody_raised_a_flag(control, threads):
            return k
        like = at(theta, 0, 1)
        weight = _total_weight(V, samples, size, like)
        if t == 0:
            _record(V, samples, size, like, weight, costs, hits, given.totals[row], part)
        if not _move(t, threads, control, plan, given, step, first, second, size, weight):
            return -1
    return len(given.numbers)


@inlined
def _move(t, threads, control, plan, given, step, first, second, m, weight):
    """Move thread t's share of theta by the gradient of m columns; False when called off."""
    rule, theta, sums, work = given.rule, given.theta, given.sums, given.work
    if len(sums) > 0:
        if len(sums) > 1:
            add_groups(sums, t, threads)
        else:
            sum_gradients(plan, sums[0], work, 0, m, False, t, threads)
        if not barrier(control, threads):
            return False
    scale = 1 / weight
    if math.isfinite(step.longest):
        scale = clipped(sums[0], scale, step.longest)
        if not barrier(control, threads):  # all have read what a rule overwrites
            return False
    if len(sums) > 0:
        update_by_gradient(plan, rule, step, theta, first, second, sums[0], scale, t, threads)
    elif rule == PLAIN:
        gradient_descent(plan, step, theta, work, m, scale, t, threads)
    else:
        update_by_rule(plan, rule, step, theta, first, second, work, m, scale, t, threads)
    return barrier(control, threads)


@kernel
def _total_weight(V, order, m, like):
    """The sum of the weights of the first m samples of an order."""
    if V.address == 0:
        return float(m)
    total = 0.0
    for j in range(m):
        total += weight_of(V, order[j], like)
    return total


@kernel
def _record(V, order, m, like, total_weight, costs, hits, totals, part):
    """Add what the samples of a mini-batch come to, in their order; note their mean cost."""
    cost, costs_so_far, hits_so_far, weights_so_far = 0.0, totals[0], totals[1], totals[2]
    for j in range(m):
        weight = weight_of(V, order[j], like)
        cost += weight * costs[j]
        costs_so_far += weight * costs[j]
        if hits.size > 0:
            hits_so_far += weight * hits[j]
        weights_so_far += weight
    totals[0], totals[1], totals[2] = costs_so_far, hits_so_far, weights_so_far
    if part.shape[0] > 0:
        part[0, 0] = cost / total_weight


@kernel
def _somebody_raised_a_flag(control, threads):
    """Whether any thread met a cost that is not finite; true for all threads or for none."""
    for t in range(threads):
        if control[FLAGS + SPACING * t] != 0:
            return True
    return False
