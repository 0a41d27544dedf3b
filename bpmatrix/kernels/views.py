"""Matrices as lines: views of theta and of the work array, for layer l and some columns.

Every matrix of a network consists of contiguous lines, `step` elements apart. A line is a row of W
(the weights of one unit) or a column of a, z or delta (one sample).
"""

from collections import namedtuple

from bpmatrix.kernels.machine.instructions import at, float_of, shift
from bpmatrix.kernels.machine.jit import kernel
from bpmatrix.kernels.plan import VECTORS, CompiledCost, Hyperparameters, Plan, pitch

Lines = namedtuple("Lines", ["start", "count", "length", "step"])  # noqa: PYI024 - holds a compiled pointer
Scratch = namedtuple("Scratch", ["panel", "sums"])  # noqa: PYI024


@kernel
def plan_of(table):
    """Return the plan of a table: see `Plan.table`."""
    n = table[0]
    v, s = table[1 : 1 + VECTORS * n].reshape((VECTORS, n)), table[1 + VECTORS * n :]
    return Plan(
        v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8],
        CompiledCost(s[0], float_of(s[1]), s[2]),
        s[3], s[4], s[5], s[6], s[7], s[8], s[9], s[10], s[11], s[12],
    )  # fmt: skip


@kernel
def hyperparameters_of(row):
    """Return the hyperparameters in a row."""
    return Hyperparameters(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7])


@kernel
def weights(plan, theta, l):
    """W[l]: n_l lines of n_{l-1}."""
    count, length = plan.sizes[l], plan.sizes[l - 1]
    return Lines(at(theta, plan.W[l], count * length), count, length, length)


@kernel
def biases(plan, theta, work, l):
    """b[l]: one line of n_l; zeros in a network without biases."""
    n = plan.sizes[l]
    if plan.b[l] < 0:
        return line(work, plan.zeros, n)
    return line(theta, plan.b[l], n)


pitch_of = kernel(pitch)


@kernel
def span(lines):
    """Return the number of elements from the first to the last of the lines, gaps included."""
    return (lines.count - 1) * lines.step + lines.length


@kernel
def columns(offset, length, work, first, last):
    """Columns first <= j < last of the work matrix at an offset: lines of `length`."""
    count, step = last - first, pitch_of(length)
    return Lines(at(work, offset + first * step, count * step), count, length, step)


@kernel
def activations(plan, work, l, first, last):
    """a[l], columns first <= j < last; a[0] is X."""
    return columns(plan.a[l], plan.sizes[l], work, first, last)


@kernel
def inputs(plan, work, t, first, last):
    """a[0] = X, columns first <= j < last, in the copy of thread t if it has one."""
    return columns(plan.a[0] + t * plan.own_inputs, plan.sizes[0], work, first, last)


@kernel
def seen(plan, work, l, t, first, last):
    """a[l] as layer l + 1 reads it, columns first <= j < last; a[0] as in `inputs`."""
    offset = plan.seen[l] + (t * plan.own_inputs if l == 0 else 0)
    return columns(offset, plan.sizes[l], work, first, last)


@kernel
def weighted_inputs(plan, work, l, first, last):
    """z[l], columns first <= j < last."""
    return columns(plan.z[l], plan.sizes[l], work, first, last)


@kernel
def errors(plan, work, l, first, last):
    """delta[l], columns first <= j < last."""
    return columns(plan.delta[l], plan.sizes[l], work, first, last)


@kernel
def targets(plan, work, first, last):
    """Y, columns first <= j < last."""
    return columns(plan.y, plan.sizes[-1], work, first, last)


@kernel
def sample_weights(plan, work, first, last):
    """The weights of the samples first <= j < last: lines of one number."""
    return columns(plan.sample_weights, 1, work, first, last)


@kernel
def ones(plan, work, count):
    """`count` lines of a single 1: the input that a bias is the weight of."""
    return Lines(at(work, plan.ones, count), count, 1, 1)


@kernel
def line(array, start, length):
    """One line: `length` elements of an array."""
    return Lines(at(array, start, length), 1, length, length)


@kernel
def block(lines, first_line, last_line, first, last):
    """The submatrix of the elements first <= k < last of lines first_line <= j < last_line."""
    start = shift(lines.start, first_line * lines.step + first)
    return Lines(start, last_line - first_line, last - first, lines.step)


@kernel
def scratch_of(plan, work, t):
    """The memory of thread t in which products pack panels and keep partial sums."""
    start = plan.scratch + t * plan.scratch_size
    sums = plan.scratch_size - plan.panel_size
    return Scratch(at(work, start, plan.panel_size), at(work, start + plan.panel_size, sums))
