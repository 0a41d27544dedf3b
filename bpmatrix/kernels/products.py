"""The three products of a layer, cut into register tiles.

z = W a + b is made of dot tiles; W^T delta (BP2) and delta a^T (BP4) are made of outer tiles. How
a matrix is cut never changes a bit of the result (`tiles.py`).
"""

from bpmatrix.kernels.instructions import convert, null, shift
from bpmatrix.kernels.jit import kernel, inlined
from bpmatrix.kernels.tiles import (
    DOT_COLUMNS,
    DOT_ROWS,
    OUTER_ROWS,
    OUTER_VECTORS,
    dot_tile,
    lanes_of,
    outer_tile,
)


@kernel
def cut(left, lengths):
    """The length of the next tile where so many lines are left: the longest there is.

    After three lines no single one is left behind: two tiles of two keep more sums in flight.
    """
    for n in lengths:
        if n < left - 1 or n == left or (n == left - 1 and n != 3):
            return n
    return 1


@kernel
def weighted_input(W, a, b, z):
    """z <- W a + b: z[j, i] = b[i] + sum_k W[i, k] a[j, k]."""
    j = 0
    while j < a.count:
        columns = cut(a.count - j, DOT_COLUMNS)
        a_j = shift(a.start, j * a.length)
        i = 0
        while i < W.count:
            rows = cut(W.count - i, DOT_ROWS)
            dot_tile(
                rows, columns, shift(W.start, i * W.length), W.length, a_j, a.length, a.length,
                shift(b.start, i), shift(z.start, j * z.length + i), z.length,
            )  # fmt: skip
            i += rows
        j += columns


@inlined
def pull_back(W, delta, below):
    """below <- W^T delta: below[j, k] = sum_i delta[j, i] W[i, k]."""
    nothing = convert(0, W.start)
    _outer(below, delta.start, 1, delta.length, W, False, False, nothing, nothing)


@inlined
def sum_over_columns(delta, a, carry_on, C):
    """C <- sum_j delta_j a_j^T; with `carry_on` the sum starts at what C holds, not at zero."""
    nothing = convert(0, C.start)
    _outer(C, delta.start, delta.length, 1, a, carry_on, False, nothing, nothing)


@inlined
def descend(delta, a, keep, scale, C):
    """C <- keep C + scale sum_j delta_j a_j^T, one rounding of the sum of the two."""
    _outer(C, delta.start, delta.length, 1, a, False, True, keep, scale)


@kernel
def _outer(C, d, ds, dr, x, carry_on, step, keep, scale):
    """C[r, k] <- sum_s d[s*ds + r*dr] x[s, k], with the beginning and end of `outer_tile`."""
    lanes = lanes_of(C.start)
    vectors = (C.length + lanes - 1) // lanes
    q = 0
    while q < vectors:
        width = cut(vectors - q, OUTER_VECTORS)
        tail = C.length % lanes if q + width == vectors else 0
        r = 0
        while r < C.count:
            rows = cut(C.count - r, OUTER_ROWS)
            place = shift(C.start, r * C.length + q * lanes)
            start = place if carry_on else null(place)
            outer_tile(
                rows, width, tail, place, C.length, shift(d, r * dr), ds, dr,
                shift(x.start, q * lanes), x.length, x.count, start, step, keep, scale,
            )  # fmt: skip
            r += rows
        q += width
