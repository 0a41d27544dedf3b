"""The three products of a layer, cut into register tiles.

z = W a + b is made of dot tiles; W^T delta (BP2) and delta a^T (BP4) are made of outer tiles. How
a matrix is cut never changes a bit of the result (`tiles.py`).
"""

from bpmatrix.kernels.instructions import convert, null, shift
from bpmatrix.kernels.jit import kernel, inlined
from bpmatrix.kernels.tiles import COLUMNS, ROWS, dot_tile, lanes_of, outer_tile


@kernel
def tile_length(left, most):
    """How many of the lines that are left go into the next tile.

    One more than a whole tile is split in two halves: a tile of a single line keeps too few sums
    in flight to hide the latency of the multiply-add.
    """
    if left == most + 1:
        return (left + 1) // 2
    return min(left, most)


@kernel
def weighted_input(W, a, b, z):
    """z <- W a + b: z[j, i] = b[i] + sum_k W[i, k] a[j, k]."""
    j = 0
    while j < a.count:
        columns = tile_length(a.count - j, COLUMNS)
        a_j = shift(a.start, j * a.length)
        i = 0
        while i < W.count:
            rows = tile_length(W.count - i, ROWS)
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
        width = tile_length(vectors - q, COLUMNS)
        tail = C.length % lanes if q + width == vectors else 0
        r = 0
        while r < C.count:
            rows = tile_length(C.count - r, ROWS)
            place = shift(C.start, r * C.length + q * lanes)
            start = place if carry_on else null(place)
            outer_tile(
                rows, width, tail, place, C.length, shift(d, r * dr), ds, dr,
                shift(x.start, q * lanes), x.length, x.count, start, step, keep, scale,
            )  # fmt: skip
            r += rows
        q += width
