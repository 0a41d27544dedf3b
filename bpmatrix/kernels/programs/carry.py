"""The columns of a mini-batch, copied and carried through all layers and back by one thread."""

import math
from collections import namedtuple

from bpmatrix.kernels.backprop import backpropagate, feed_own_rows, feedforward
from bpmatrix.kernels.costs import measure
from bpmatrix.kernels.gather import gather
from bpmatrix.kernels.machine.jit import inlined, kernel
from bpmatrix.kernels.views import (
    activations,
    errors,
    inputs,
    sample_weights,
    targets,
    weighted_inputs,
)

# The mini-batch of the samples order[:size]: its data, the draw for dropout, and room for results.
MiniBatch = namedtuple("MiniBatch", ["X", "Y", "V", "order", "size", "draw", "costs", "hits"])  # noqa: PYI024 - numba's types


@inlined
def carry_to_first_rows(plan, theta, work, batch, t, threads):
    """Copy all inputs, and fill the rows of z[1] that thread t owns."""
    x = inputs(plan, work, t, 0, batch.size)
    gather(batch.X, batch.order, 0, batch.size, x, plan.columns)
    feed_own_rows(plan, theta, work, x, batch.draw, t, threads)


@inlined
def carry_columns(plan, theta, work, batch, t, first, last):
    """Carry the columns first <= j < last forward and back; False if a cost is not finite."""
    finite = True
    for start in range(first, last, plan.columns_in_cache):
        stop = min(start + plan.columns_in_cache, last)
        finite &= carry_block(plan, theta, work, batch, t, start, stop)
    return finite


@kernel
def carry_block(plan, theta, work, batch, t, first, last):
    """Carry as many columns forward and back as a cache holds; False if a cost is not finite."""
    L = plan.sizes.size - 1
    x, y = inputs(plan, work, t, first, last), targets(plan, work, first, last)
    order, weighted = batch.order, batch.V.address != 0
    if plan.own_inputs == 0:
        gather(batch.X, order, first, last, x, plan.columns)
    gather(batch.Y, order, first, last, y, plan.columns)
    if weighted:
        w = sample_weights(plan, work, first, last)
        gather(batch.V, order, first, last, w, plan.columns)
    feedforward(plan, theta, work, x, False, batch.draw, t, first, last)
    z, a = weighted_inputs(plan, work, L, first, last), activations(plan, work, L, first, last)
    terms = errors(plan, work, L, first, last)
    measure(plan.cost, z, a, y, terms, batch.costs, batch.hits, first)
    finite = True
    for j in range(first, last):
        finite &= math.isfinite(batch.costs[j])
    if finite:
        backpropagate(plan, theta, work, batch.draw, weighted, t, first, last)
    return finite
