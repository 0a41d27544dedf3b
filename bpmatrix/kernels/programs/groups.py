"""Mini-batches that no cache holds, of networks that one does: threads own groups of columns.

Where threads own rows (`epoch.py`), all activations and errors travel between their caches. With
few weights and many columns it is better that sums do: a thread carries a group of columns through
the network and back, as many at a time as its cache holds, and sums their gradients; in the end the
sums of the groups are added. How many groups there are does not depend on the threads, so that the
bits do not, either.
"""

from bpmatrix.kernels.backprop import sum_gradients
from bpmatrix.kernels.dropout import Draw
from bpmatrix.kernels.machine.instructions import at
from bpmatrix.kernels.machine.jit import inlined, kernel
from bpmatrix.kernels.machine.vectors import long_vectors
from bpmatrix.kernels.plan import CACHE_LINE
from bpmatrix.kernels.programs.carry import carry_block
from bpmatrix.kernels.threads import share


@inlined
def sum_groups(t, threads, plan, theta, work, X, Y, V, order, draw, m, costs, hits, sums):
    """Fill each row of `sums` that thread t owns with the sum of the gradients of its columns.

    There are m columns; each thread has its own part of `work`, laid out as the plan says. Return
    False if a cost diverged.
    """
    finite, size = True, work.size // threads
    own = work[t * size : (t + 1) * size]
    g0, g1 = share(len(sums), t, threads, 1)
    for g in range(g0, g1):
        first, last = share(m, g, len(sums), 1)
        sums[g] = 0
        for start in range(first, last, plan.columns):
            n = min(plan.columns, last - start)
            finite &= carry_block(
                0, plan, theta, own, X, Y, V, order[start:], Draw(draw.bits, start), 0, n,
                costs[start:], hits[start:],
            )  # fmt: skip
            sum_gradients(plan, sums[g], own, 0, n, True, 0, 1)
    return finite


@kernel
def add_groups(sums, t, threads):
    """Add all rows to the first, in their order, where thread t owns the columns."""
    long_vectors()
    i, j = share(sums.shape[1], t, threads, CACHE_LINE)
    total = at(sums[0], i, j - i)
    for g in range(1, len(sums)):
        row = at(sums[g], i, j - i)
        for k in range(j - i):
            total[k] += row[k]
