"""Mini-batches that exceed the caches, of networks that do not: threads own groups of columns.

Where threads own rows (`epoch.py`), all activations and errors travel between the caches of the
threads. With few weights and many columns, it is better to exchange sums: a thread carries a group
of columns forward and back, as many at a time as its cache holds, and sums their gradients; then
the sums of the groups are added in one fixed binary tree. The number of groups does not depend on
the number of threads or processes, so neither do the bits.
"""

from bpmatrix.kernels.backprop import sum_gradients
from bpmatrix.kernels.dropout import Draw
from bpmatrix.kernels.machine.instructions import at
from bpmatrix.kernels.machine.jit import inlined, kernel
from bpmatrix.kernels.machine.vectors import long_vectors
from bpmatrix.kernels.plan import CACHE_LINE
from bpmatrix.kernels.programs.carry import MiniBatch, carry_block
from bpmatrix.kernels.threads import share


@inlined
def sum_groups(plan, theta, work, batch, sums, groups, first_group, t, threads):
    """Fill each row of `sums` that thread t owns with the gradient of a group of columns.

    The rows are those of the groups from `first_group` on, of `groups` in all.
    Each thread has its own part of `work`, laid out as in the plan. Return False if a cost is not
    finite.
    """
    finite, elements = True, work.size // threads
    own = work[t * elements : (t + 1) * elements]
    g0, g1 = share(len(sums), t, threads, 1)
    for g in range(g0, g1):
        first, last = share(batch.size, first_group + g, groups, 1)
        sums[g] = 0
        for start in range(first, last, plan.columns):
            n = min(plan.columns, last - start)
            part = MiniBatch(
                batch.X, batch.Y, batch.V, batch.order[start:], n, Draw(batch.draw.bits, start),
                batch.costs[start:], batch.hits[start:],
            )  # fmt: skip
            finite &= carry_block(plan, theta, own, part, 0, 0, n)
            sum_gradients(plan, sums[g], own, 0, n, True, 0, 1)
    return finite


@kernel
def add_groups(sums, groups, first_group, t, threads):
    """Add neighbors, then their sums, and so on, for the columns that thread t owns.

    A node of the tree is in the row of its first group. Nodes of which other processes own a part
    are left to `exchange`.
    """
    long_vectors()
    i, j = share(sums.shape[1], t, threads, CACHE_LINE)
    last, half = first_group + len(sums), 1
    while half < groups:
        for g in range(-(-first_group // (2 * half)) * 2 * half, last - 2 * half + 1, 2 * half):
            total = at(sums[g - first_group], i, j - i)
            row = at(sums[g - first_group + half], i, j - i)
            for k in range(j - i):
                total[k] += row[k]
        half *= 2
