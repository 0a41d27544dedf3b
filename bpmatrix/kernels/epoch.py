"""The program that every thread runs: mini-batch after mini-batch, without Python in between.

Threads own columns, then rows. A thread carries its own columns of the mini-batch through all
layers and back; after a barrier it owns a share of the rows of every W[l] and sums over all
columns; after a second barrier the next mini-batch begins.
"""

import math

from bpmatrix.kernels.backprop import backpropagate, feedforward
from bpmatrix.kernels.costs import measure
from bpmatrix.kernels.gather import gather
from bpmatrix.kernels.jit import inlined, kernel, program
from bpmatrix.kernels.plan import Columns
from bpmatrix.kernels.threads import FLAGS, SPACING, barrier, share
from bpmatrix.kernels.updates import gradient_descent
from bpmatrix.kernels.views import activations, errors, plan_of, targets, weighted_inputs


@program
def train_slice(
    t, threads, control, table, theta, work, X, Y, order, m, rates, decay, costs, hits, totals
):
    """Take one step for every `m` samples of `order`; return how many steps were taken.

    `table` is that of a `Plan`, `X` and `Y` are the fields of `Columns`; `order` holds the samples
    of the slice, `rates` the learning rate of each step, `decay` that of the weights; the last
    mini-batch may be smaller. `costs` holds a number for each column, `hits` too or none; `totals`
    gains the sum of all costs, in the order of the samples, and the number of right answers, both
    from before the update. A mini-batch whose cost is not finite is not applied by any thread: all
    return the number of steps before it. When called off, -1.
    """
    plan, X, Y = plan_of(table), Columns(*X), Columns(*Y)
    rounds = 0
    for step in range(rates.size):
        start = step * m
        size = min(m, order.size - start)
        first, last = share(size, t, threads, 1)
        finite = _work_on_columns(
            t, plan, theta, work, X, Y, order[start:], first, last, costs, hits
        )
        if not finite:
            control[FLAGS + SPACING * t] = 1
        rounds += 1
        if not barrier(control, threads, rounds):
            return -1
        if _somebody_raised_a_flag(control, threads):
            return step
        if t == 0:
            for j in range(size):
                totals[0] += costs[j]
            for j in range(min(size, hits.size)):
                totals[1] += hits[j]
        gradient_descent(plan, theta, work, size, rates[step], decay, t, threads)
        rounds += 1
        if not barrier(control, threads, rounds):
            return -1
    return rates.size


@inlined
def _work_on_columns(t, plan, theta, work, X, Y, order, first, last, costs, hits):
    """Carry columns first <= j < last through the network and back; False if a cost diverged."""
    finite = True
    for start in range(first, last, plan.block):
        stop = min(start + plan.block, last)
        finite &= _work_on_block(t, plan, theta, work, X, Y, order, start, stop, costs, hits)
    return finite


@kernel
def _work_on_block(t, plan, theta, work, X, Y, order, first, last, costs, hits):
    """Carry as many columns as the cache holds through all layers and back."""
    L = plan.sizes.size - 1
    x, y = activations(plan, work, 0, first, last), targets(plan, work, first, last)
    gather(X, order, first, last, x, plan.columns)
    gather(Y, order, first, last, y, plan.columns)
    feedforward(plan, theta, work, x, False, first, last)
    z, a = weighted_inputs(plan, work, L, first, last), activations(plan, work, L, first, last)
    measure(plan.cost, z, a, y, errors(plan, work, L, first, last), costs, hits, first)
    finite = True
    for j in range(first, last):
        finite &= math.isfinite(costs[j])
    if finite:
        backpropagate(plan, theta, work, t, first, last)
    return finite


@inlined
def _somebody_raised_a_flag(control, threads):
    """Whether any thread met a cost that is not finite; true for all threads or for none."""
    for t in range(threads):
        if control[FLAGS + SPACING * t] != 0:
            return True
    return False
