"""Some columns of a mini-batch, fetched and carried through all layers and back by one thread."""

import math

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


@inlined
def carry_to_first_rows(t, threads, plan, theta, work, X, order, draw, m):
    """Fetch all inputs, and feed them into the units of the first layer that thread t owns."""
    x = inputs(plan, work, t, 0, m)
    gather(X, order, 0, m, x, plan.columns)
    feed_own_rows(plan, theta, work, x, draw, t, threads)


@inlined
def carry_columns(t, plan, theta, work, X, Y, V, order, draw, first, last, costs, hits):
    """Carry columns first <= j < last through the network and back; False if a cost diverged."""
    finite = True
    for start in range(first, last, plan.columns_in_cache):
        stop = min(start + plan.columns_in_cache, last)
        finite &= carry_block(t, plan, theta, work, X, Y, V, order, draw, start, stop, costs, hits)
    return finite


@kernel
def carry_block(t, plan, theta, work, X, Y, V, order, draw, first, last, costs, hits):
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
