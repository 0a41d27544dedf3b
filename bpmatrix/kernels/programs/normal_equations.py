"""The sums of Levenberg-Marquardt over all samples: [J e]^T [J e], and the cost of a trial.

J has one row per output and sample, de_k/dtheta, e = a - y, so that the cost of a sample is
1/2 |e|^2. Instead of J, only the rows of `plan.columns` samples exist at a time. e is one more
column of J: the last column of [J e]^T [J e] is J^T e.

Threads own columns forward and back, and rows of the sums. All sums are taken in the order of the
samples, so the bits do not depend on the number of threads.
"""

import math

from bpmatrix.kernels.arguments import Columns
from bpmatrix.kernels.backprop import backpropagate_errors, feedforward
from bpmatrix.kernels.costs import measure
from bpmatrix.kernels.dropout import NO_DRAW
from bpmatrix.kernels.gather import gather_range
from bpmatrix.kernels.machine.instructions import at, convert, shift
from bpmatrix.kernels.machine.jit import inlined, kernel
from bpmatrix.kernels.machine.vectors import long_vectors
from bpmatrix.kernels.plan import COLUMNS_OF_A_SUM
from bpmatrix.kernels.products.products import sum_over_columns
from bpmatrix.kernels.programs.input_gradient import jacobian_row
from bpmatrix.kernels.threads import barrier, share
from bpmatrix.kernels.views import (
    Lines,
    activations,
    block,
    errors,
    scratch_of,
    targets,
    weighted_inputs,
)

# Rows of J^T J that are computed at a time, from their diagonal on: few where a larger part of the
# triangle below would be computed in vain, many where the tiles pack what they read repeatedly.
FEW_ROWS, MANY_ROWS, MANY_WEIGHTS = 8, 32, 192


@inlined
def evaluate_trial(plan, theta, given, work, control, t, threads):
    """Fill costs and hits of the samples that thread t owns; return False when called off."""
    X, Y = Columns(*given.X), Columns(*given.Y)
    first, last = share(given.costs.size, t, threads, plan.columns)
    L = plan.sizes.size - 1
    for start in range(first, last, plan.columns):
        m = min(plan.columns, last - start)
        x, y = activations(plan, work, 0, 0, m), targets(plan, work, 0, m)
        gather_range(X, start, x)
        gather_range(Y, start, y)
        feedforward(plan, theta, work, x, False, NO_DRAW, 0, 0, m)
        z, a = weighted_inputs(plan, work, L, 0, m), activations(plan, work, L, 0, m)
        measure(plan.cost, z, a, y, errors(plan, work, L, 0, m), given.costs, given.hits, start)
    return barrier(control, threads)


@inlined
def sum_squares(plan, given, weight, work, control, t, threads):
    """Fill `normal` with [J e]^T [J e] / weight; return False when called off."""
    X, Y = Columns(*given.X), Columns(*given.Y)
    n, size, outputs = given.costs.size, given.theta.size + 1, plan.sizes[-1]
    scratch, rows = scratch_of(plan, work, 0), FEW_ROWS if size < MANY_WEIGHTS else MANY_ROWS
    for start in range(0, n, plan.columns):
        m = min(plan.columns, n - start)
        first, last = share(m, t, threads, 1)
        if first < last:
            place = shift(at(given.J, 0, given.J.size), first * outputs * size)
            J = Lines(place, (last - first) * outputs, size, size)
            _rows_of_jacobian(plan, given, X, Y, work, start + first, last - first, J)
        if not barrier(control, threads):
            return False
        J = Lines(at(given.J, 0, given.J.size), m * outputs, size, size)
        carry_on, ends = start % COLUMNS_OF_A_SUM > 0, start + m == n
        ends |= (start + m) % COLUMNS_OF_A_SUM == 0
        for i in range(t * rows, size, threads * rows):
            j = min(i + rows, size)
            sums = Lines(
                shift(at(given.group, 0, given.group.size), i * size + i), j - i, size - i, size
            )
            left, right = block(J, 0, J.count, i, j), block(J, 0, J.count, i, size)
            sum_over_columns(left, right, carry_on, sums, scratch)
            if ends:
                total = shift(at(given.normal, 0, given.normal.size), i * size + i)
                _add(sums, total, start < COLUMNS_OF_A_SUM, weight)
        if not barrier(control, threads):
            return False
    return True


@inlined
def _rows_of_jacobian(plan, given, X, Y, work, start, m, J):
    """Fill the lines of J for m samples: for each of them one line per output, with its e."""
    theta, L, outputs = given.theta, plan.sizes.size - 1, plan.sizes[-1]
    x, y = activations(plan, work, 0, 0, m), targets(plan, work, 0, m)
    gather_range(X, start, x)
    gather_range(Y, start, y)
    feedforward(plan, theta, work, x, False, NO_DRAW, 0, 0, m)
    z, a = weighted_inputs(plan, work, L, 0, m), activations(plan, work, L, 0, m)
    delta = errors(plan, work, L, 0, m)
    for k in range(outputs):
        jacobian_row(plan.sigma[L], k, z, a, delta)
        if given.weights.size > 0:
            for j in range(m):
                root = convert(math.sqrt(given.weights[start + j]), a.start)
                line = shift(delta.start, j * delta.step)
                for i in range(delta.length):
                    line[i] *= root
        backpropagate_errors(plan, theta, work, NO_DRAW, 0, 0, m)
        for l in range(1, L + 1):
            below, above = activations(plan, work, l - 1, 0, m), errors(plan, work, l, 0, m)
            for j in range(m):
                row = shift(J.start, (j * outputs + k) * J.step)
                d, a_j = shift(above.start, j * above.step), shift(below.start, j * below.step)
                _outer_product(d, above.length, a_j, below.length, shift(row, plan.W[l]))
                if plan.b[l] >= 0:
                    _copy(d, shift(row, plan.b[l]), above.length)
        for j in range(m):
            e = a.start[j * a.step + k] - y.start[j * y.step + k]
            if given.weights.size > 0:
                e *= convert(math.sqrt(given.weights[start + j]), a.start)
            J.start[(j * outputs + k) * J.step + J.length - 1] = e


@kernel
def _outer_product(d, rows, a, columns, out):
    """out[i, k] <- d[i] a[k]."""
    long_vectors()
    if columns == 1:
        for i in range(rows):
            out[i] = d[i] * a[0]
        return
    for i in range(rows):
        for k in range(columns):
            out[i * columns + k] = d[i] * a[k]


@kernel
def _copy(x, out, n):
    """out <- x."""
    long_vectors()
    for k in range(n):
        out[k] = x[k]


@kernel
def _add(sums, total, is_first, weight):
    """total <- sums / weight, or total + sums / weight, in float64."""
    long_vectors()
    for i in range(sums.count):
        line, out = shift(sums.start, i * sums.step), shift(total, i * sums.step)
        if is_first:
            for k in range(sums.length):
                out[k] = float(line[k]) / weight
        else:
            for k in range(sums.length):
                out[k] += float(line[k]) / weight
