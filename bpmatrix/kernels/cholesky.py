"""The Cholesky factor of a positive definite matrix, and the solution of its equations.

Our own, since BLAS and LAPACK choose the order of their sums by the number of their threads. The
factor is upper triangular, A = R^T R, so that its lines are contiguous from the diagonal on.
"""

import math

from bpmatrix.kernels.machine.instructions import shift
from bpmatrix.kernels.machine.jit import kernel
from bpmatrix.kernels.machine.vectors import long_vectors
from bpmatrix.kernels.products.products import sum_over_columns
from bpmatrix.kernels.views import Lines

# Rows that are computed from all rows above by the tiles; the rest of the work is within them.
BLOCK = 16


@kernel
def factorize(R, n, step, scratch):
    """R <- R^T R = A, in place; return False if A is not positive definite.

    On entry the upper triangle holds -A, so that the tiles, which only add, take the rows above
    from it. `step` is the distance between lines.
    """
    for first in range(0, n, BLOCK):
        last = min(first + BLOCK, n)
        if first > 0:
            above = shift(R, first)
            rows = Lines(shift(R, first * step + first), last - first, n - first, step)
            left = Lines(above, first, last - first, step)
            sum_over_columns(left, Lines(above, first, n - first, step), True, rows, scratch)
        for i in range(first, last):
            row = shift(R, i * step)
            _negate(row, i, n)
            for s in range(first, i):
                line = shift(R, s * step)
                _subtract(row, line[i], line, i, n)
            if not row[i] > 0:  # also NaN
                return False
            _divide(row, math.sqrt(row[i]), i, n)
    return True


@kernel
def solve(R, n, step, x):
    """x <- A^-1 x for A = R^T R."""
    for s in range(n):
        line = shift(R, s * step)
        x[s] /= line[s]
        _subtract(x, x[s], line, s + 1, n)
    for s in range(n - 1, -1, -1):
        line, rest = shift(R, s * step), x[s]
        for k in range(s + 1, n):
            rest -= line[k] * x[k]
        x[s] = rest / line[s]


@kernel
def _negate(row, first, last):
    """row <- -row."""
    long_vectors()
    for k in range(first, last):
        row[k] = -row[k]


@kernel
def _subtract(row, factor, line, first, last):
    """row[k] <- row[k] - factor line[k]."""
    long_vectors()
    for k in range(first, last):
        row[k] -= factor * line[k]


@kernel
def _divide(row, pivot, first, last):
    """row <- row / pivot."""
    long_vectors()
    for k in range(first, last):
        row[k] /= pivot
