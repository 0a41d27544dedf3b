"""The three products of a layer, cut into register tiles.

z = W a + b is made of dot tiles, or of outer tiles where its sums are short; W^T delta (BP2) and
delta a^T (BP4) are made of outer tiles. What is read again and again is cut so that it stays in the
caches, and is packed where it lies in lines far apart. How a matrix is cut never changes a bit of
the result (`tiles.py`).
"""

from bpmatrix.kernels.machine.instructions import convert, null, shift, size_of
from bpmatrix.kernels.machine.jit import inlined, kernel, template
from bpmatrix.kernels.machine.vectors import WIDE
from bpmatrix.kernels.plan import LINES_IN_PANEL
from bpmatrix.kernels.products.tiles import (
    ASKED_PER_TERM,
    DOT_COLUMNS,
    DOT_ROWS,
    OUTER_ROWS,
    OUTER_VECTORS,
    dot_tile,
    lanes_of,
    outer_tile,
    pack_tile,
    transpose_tile,
)
from bpmatrix.kernels.views import Lines

# So many bytes of W are carried along all columns before the next rows are taken, and so many of d
# along all panels: they stay in the second cache, together with a few columns. Processors with long
# registers have more of it.
BYTES_OF_W = (512 if WIDE else 192) * 1024
BYTES_OF_D = 256 * 1024
# Lines closer than this are read where they are; there the processor's prefetcher follows.
FAR_APART = 1024
# A panel is packed where at least so many tiles read it.
ROWS_WORTH_PACKING = 32
# Sums of up to so many terms are taken in one lane: to add the lanes would be most of the work.
SHORT_SUM = 16


@template
def cut(left, lengths):
    """The length of the next tile where so many lines are left: the longest there is.

    After three lines no single one is left behind: two tiles of two keep more sums in flight.
    """
    for n in lengths:
        if n < left - 1 or n == left or (n == left - 1 and n != 3):
            return n
    return 1


@inlined
def weighted_input(W, a, b, z, scratch, ahead=False):
    """z <- W a + b: z[j, i] = b[i] + sum_k W[i, k] a[j, k].

    With `ahead` the memory is asked, where sums are not short, for the lines that follow those that
    a tile reads: the next of `a`, and some behind its end.
    """
    if W.length <= SHORT_SUM:
        _short_sums(W, a, b, z, scratch)
    else:
        _long_sums(W, a, b, z, ahead)


@kernel
def _long_sums(W, a, b, z, ahead):
    """z <- W a + b by dot tiles: rows of W that stay in the second cache meet all columns."""
    block = max(
        DOT_ROWS[0], BYTES_OF_W // (W.length * size_of(W.start)) // DOT_ROWS[0] * DOT_ROWS[0]
    )
    for first in range(0, W.count, block):
        last = min(first + block, W.count)
        j = 0
        while j < a.count:
            columns = cut(a.count - j, DOT_COLUMNS)
            own = shift(a.start, j * a.step)
            asked = 0 if ahead else columns * a.step
            i = first
            while i < last:
                rows = cut(last - i, DOT_ROWS)
                missing = shift(own, columns * a.step + asked if asked < columns * a.step else 0)
                dot_tile(
                    rows, columns, shift(W.start, i * W.step), W.step, own, a.step, a.length,
                    shift(b.start, i), shift(z.start, j * z.step + i), z.step, missing,
                )  # fmt: skip
                asked += ASKED_PER_TERM * a.length
                i += rows
            j += columns


@kernel
def _short_sums(W, a, b, z, scratch):
    """z <- W a + b with units in lanes: each sum adds its terms to the bias, in their order.

    As many rows of W as make a panel are transposed into it, and meet all columns.
    """
    nothing, panel = convert(0, z.start), scratch.panel
    lanes = lanes_of(z.start)
    vectors = (W.count + lanes - 1) // lanes
    q = 0
    while q < vectors:
        width = cut(vectors - q, OUTER_VECTORS)
        tail = W.count % lanes if q + width == vectors else 0
        for i in range(q, q + width):
            rows = shift(W.start, i * lanes * W.step)
            place = shift(panel, (i - q) * lanes)
            transpose_tile(rows, W.step, W.count - i * lanes, W.length, place, width * lanes)
        start = shift(b.start, q * lanes)
        j = 0
        while j < z.count:
            columns = cut(min(z.count - j, _rows_beside(width)), OUTER_ROWS)
            outer_tile(
                columns, width, tail, shift(z.start, j * z.step + q * lanes), z.step,
                shift(a.start, j * a.step), 1, a.step, panel, width * lanes, W.length,
                start, 0, False, nothing, nothing,
            )  # fmt: skip
            j += columns
        q += width


@template
def _rows_beside(width):
    """The most rows of an outer tile with so many vectors: see OUTER_SHAPES."""
    return OUTER_ROWS[0] if WIDE or width == 1 else OUTER_ROWS[1]


@kernel
def pull_back(W, delta, below, scratch):
    """below <- W^T delta: below[j, k] = sum_i delta[j, i] W[i, k]."""
    nothing = convert(0, W.start)
    _outer(below, delta.start, 1, delta.step, W, scratch, False, False, nothing, nothing)


@kernel
def sum_over_columns(delta, a, carry_on, C, scratch):
    """C <- sum_j delta_j a_j^T; with `carry_on` the sum starts at what C holds, not at zero."""
    nothing = convert(0, C.start)
    _outer(C, delta.start, delta.step, 1, a, scratch, carry_on, False, nothing, nothing)


@kernel
def descend(delta, a, keep, scale, C, scratch):
    """C <- keep C + scale sum_j delta_j a_j^T, one rounding of the sum of the two."""
    _outer(C, delta.start, delta.step, 1, a, scratch, False, True, keep, scale)


@template
def _outer(C, d, ds, dr, x, scratch, carry_on, step, keep, scale):
    """C[r, k] <- sum_s d[s*ds + r*dr] x[s, k], with the beginning and end of `outer_tile`.

    As many rows at a time as share what the second cache holds of d.
    """
    most = BYTES_OF_D // (x.count * size_of(C.start)) // OUTER_ROWS[0] * OUTER_ROWS[0]
    block = max(ROWS_WORTH_PACKING, most)
    for first in range(0, C.count, block):
        last = min(first + block, C.count)
        rows = Lines(shift(C.start, first * C.step), last - first, C.length, C.step)
        _outer_block(rows, shift(d, first * dr), ds, dr, x, scratch, carry_on, step, keep, scale)


@template
def _outer_block(C, d, ds, dr, x, scratch, carry_on, step, keep, scale):
    """The same for some rows.

    One panel of up to three vectors along k after the other, some lines s at a time. A sum that is
    not complete waits in C, or, since a step needs the old C, in scratch.
    """
    lanes = lanes_of(C.start)
    vectors = (C.length + lanes - 1) // lanes
    far = C.count >= ROWS_WORTH_PACKING and x.step * size_of(C.start) >= FAR_APART
    q = 0
    while q < vectors:
        width = cut(vectors - q, OUTER_VECTORS)
        tail = C.length % lanes if q + width == vectors else 0
        for s in range(0, x.count, LINES_IN_PANEL):
            n = min(LINES_IN_PANEL, x.count - s)
            panel, ldx = shift(x.start, s * x.step + q * lanes), x.step
            if far:
                pack_tile(width, tail, panel, ldx, n, scratch.panel)
                panel, ldx = scratch.panel, width * lanes
            whole = s + n == x.count
            r = 0
            while r < C.count:
                rows = cut(min(C.count - r, _rows_beside(width)), OUTER_ROWS)
                place, ld = shift(C.start, r * C.step + q * lanes), C.step
                sums, lds = place, ld
                if step:
                    sums, lds = shift(scratch.sums, r * width * lanes), width * lanes
                start = sums if carry_on or s > 0 else null(sums)
                if step and not whole:
                    place, ld = sums, lds
                outer_tile(
                    rows, width, tail, place, ld, shift(d, s * ds + r * dr), ds, dr,
                    panel, ldx, n, start, lds, step and whole, keep, scale,
                )  # fmt: skip
                r += rows
        q += width
