"""The training program that every thread runs: many mini-batches, without Python in between.

Threads own columns, then rows. A thread carries its own columns of the mini-batch forward and back;
after a barrier it owns a part of the rows of every W[l] and sums over all columns; after a second
barrier the next mini-batch begins. Two exceptions: if W[1] is most of what the caches of the
threads would exchange, threads own its rows in the forward pass, too, up to another barrier; and if
a mini-batch has more columns than the plan, threads own groups of columns (`groups.py`).
"""

import math

from bpmatrix.kernels.arguments import Columns, TrainSlice
from bpmatrix.kernels.backprop import sum_gradients
from bpmatrix.kernels.clipping import clipped, squared_weights
from bpmatrix.kernels.codes import EXCHANGED, FLAGS, SPACING
from bpmatrix.kernels.dropout import draw_of
from bpmatrix.kernels.gather import weight_of
from bpmatrix.kernels.machine.instructions import at, call_exchange
from bpmatrix.kernels.machine.jit import inlined, kernel, program
from bpmatrix.kernels.machine.underflow import flush_to_zero, not_inlined, restore_mode
from bpmatrix.kernels.programs.carry import MiniBatch, carry_columns, carry_to_first_rows
from bpmatrix.kernels.programs.groups import add_groups, sum_groups
from bpmatrix.kernels.rules import PLAIN
from bpmatrix.kernels.threads import barrier, share
from bpmatrix.kernels.updates import gradient_descent, update_by_gradient, update_by_rule
from bpmatrix.kernels.views import hyperparameters_of, plan_of


@program
def train_slice(t, threads, control, given):
    """Take one step per row of `batches`; return the number of steps taken, -1 when called off.

    `given` are the fields of `TrainSlice`. If the cost of a mini-batch is not finite, no thread
    applies the step, and all return the number of steps before it. Subnormal numbers are flushed to
    0, since arithmetic on them is slow.
    """
    mode = flush_to_zero()
    taken = _take_steps(t, threads, control, TrainSlice(*given))
    restore_mode(mode)
    return taken


@kernel
def _take_steps(t, threads, control, given):
    """Do the work of `train_slice` in the present floating-point mode."""
    not_inlined()
    plan, theta, work, sums = plan_of(given.table), given.theta, given.work, given.sums
    X, Y, V = Columns(*given.X), Columns(*given.Y), Columns(*given.V)
    first = given.moments[0] if given.moments.shape[0] > 0 else theta
    second = given.moments[1] if given.moments.shape[0] > 1 else theta
    for k in range(len(given.hyperparameters)):
        start, stop, row = given.batches[k, 0], given.batches[k, 1], given.batches[k, 2]
        step = hyperparameters_of(given.hyperparameters[k])
        draw = draw_of(given.seed, given.first_step + k)
        batch = MiniBatch(X, Y, V, given.order[start:], stop - start, draw, given.costs, given.hits)
        part = given.parts[k : k + 1]
        if plan.own_inputs > 0:
            carry_to_first_rows(plan, theta, work, batch, t, threads)
            if not barrier(control, threads):
                return -1
        if given.groups > 1:
            groups, g = given.groups, given.first_group
            finite = sum_groups(plan, theta, work, batch, sums, groups, g, t, threads)
        else:
            i, j = share(batch.size, t, threads, 1)
            finite = carry_columns(plan, theta, work, batch, t, i, j)
        if not finite:
            control[FLAGS + SPACING * t] = 1
        if t == 0 and part.shape[0] > 0:
            part[0, 1] = squared_weights(plan, theta)  # before any thread changes them
        if not barrier(control, threads):
            return -1
        finite = not _any_flag(control, threads)
        if given.exchange != 0:
            add_groups(sums, given.groups, given.first_group, t, threads)
            if not barrier(control, threads):
                return -1
            if t == 0:
                control[EXCHANGED] = call_exchange(given.exchange, batch.size, finite)
            if not barrier(control, threads) or control[EXCHANGED] < 0:
                return -1
            finite = control[EXCHANGED] > 0
        if not finite:
            return k
        like = at(theta, 0, 1)
        weight = _total_weight(batch, like)
        if t == 0:
            _record(batch, like, weight, given.totals[row], part)
        if not _update(plan, given, step, first, second, batch.size, weight, control, t, threads):
            return -1
    return len(given.hyperparameters)


@inlined
def _update(plan, given, step, first, second, m, weight, control, t, threads):
    """Update thread t's part of theta from the m columns; return False when called off."""
    rule, theta, sums, work = given.rule, given.theta, given.sums, given.work
    if len(sums) > 0 and given.exchange == 0:
        if given.groups > 1:
            add_groups(sums, given.groups, 0, t, threads)
        else:
            sum_gradients(plan, sums[0], work, 0, m, False, t, threads)
        if not barrier(control, threads):
            return False
    scale = 1 / weight
    if math.isfinite(step.clip_norm):
        scale = clipped(sums[0], scale, step.clip_norm)
        if not barrier(control, threads):  # before a rule overwrites what others still read
            return False
    if len(sums) > 0:
        update_by_gradient(plan, rule, step, theta, first, second, sums[0], scale, t, threads)
    elif rule == PLAIN:
        gradient_descent(plan, step, theta, work, m, scale, t, threads)
    else:
        update_by_rule(plan, rule, step, theta, first, second, work, m, scale, t, threads)
    return barrier(control, threads)


@kernel
def _total_weight(batch, like):
    """Return the sum of the weights of a mini-batch."""
    if batch.V.address == 0:
        return float(batch.size)
    total = 0.0
    for j in range(batch.size):
        total += weight_of(batch.V, batch.order[j], like)
    return total


@kernel
def _record(batch, like, total_weight, totals, part):
    """Add a mini-batch to the totals of its epoch, sample by sample; store its mean cost."""
    cost, total_cost, total_hits, weights = 0.0, totals[0], totals[1], totals[2]
    for j in range(batch.size):
        weight = weight_of(batch.V, batch.order[j], like)
        cost += weight * batch.costs[j]
        total_cost += weight * batch.costs[j]
        if batch.hits.size > 0:
            total_hits += weight * batch.hits[j]
        weights += weight
    totals[0], totals[1], totals[2] = total_cost, total_hits, weights
    if part.shape[0] > 0:
        part[0, 0] = cost / total_weight


@kernel
def _any_flag(control, threads):
    """Return whether a thread met a cost that is not finite; all threads get the same answer."""
    for t in range(threads):
        if control[FLAGS + SPACING * t] != 0:
            return True
    return False
