"""The three products of a layer, cut into register tiles.

z = W a + b is computed by dot tiles, or by outer tiles if its sums are short; W^T delta (BP2) and
delta a^T (BP4) by outer tiles. Operands that are read repeatedly are cut into blocks that stay in
the caches, and packed if their lines are far apart. How a matrix is cut never changes the bits of
the result (`tiles.py`).
"""

from bpmatrix.kernels.machine.instructions import convert, null, shift, size_of
from bpmatrix.kernels.machine.jit import inlined, kernel, template
from bpmatrix.kernels.machine.vectors import WIDE
from bpmatrix.kernels.plan import LINES_IN_PANEL
from bpmatrix.kernels.products.tiles import (
    DOT_COLUMNS,
    DOT_ROWS,
    OUTER_ROWS,
    OUTER_VECTORS,
    PREFETCHED_PER_TERM,
    dot_tile,
    lanes_of,
    outer_tile,
    pack_tile,
    transpose_tile,
)
from bpmatrix.kernels.views import Lines

# A block of W of this size is multiplied with all columns before the next one, and a block of d
# with all panels: they stay in the L2 cache, together with a few columns. Processors with registers
# of 64 bytes have larger L2 caches.
BYTES_OF_W = (512 if WIDE else 192) * 1024
BYTES_OF_D = 256 * 1024
# Lines less than this many bytes apart are not packed: the hardware prefetcher follows them.
FAR_APART = 1024
# A panel is packed if it is multiplied with at least this many rows.
ROWS_WORTH_PACKING = 32
# Sums of up to this many terms are taken in one lane: adding the lanes would be most of the work.
SHORT_SUM = 16


@template
def cut(left, lengths):
    """Return the length of the next tile: the longest of `lengths` that fits the lines left.

    A tile of three lines must not leave a single one: two tiles of two keep more sums in flight.
    """
    for n in lengths:
        if n < left - 1 or n == left or (n == left - 1 and n != 3):
            return n
    return 1


@inlined
def weighted_input(W, a, b, z, scratch, prefetch=False):
    """z <- W a + b: z[j, i] = b[i] + sum_k W[i, k] a[j, k].

    With `prefetch`, tiles prefetch the lines of `a` that follow those they read, and a few past its
    end, unless sums are short.
    """
    if W.length <= SHORT_SUM:
        _short_sums(W, a, b, z, scratch)
    else:
        _long_sums(W, a, b, z, prefetch)


@kernel
def _long_sums(W, a, b, z, prefetch):
    """z <- W a + b by dot tiles: blocks of W that stay in the L2 cache, times all columns."""
    block = max(
        DOT_ROWS[0], BYTES_OF_W // (W.length * size_of(W.start)) // DOT_ROWS[0] * DOT_ROWS[0]
    )
    for first in range(0, W.count, block):
        last = min(first + block, W.count)
        j = 0
        while j < a.count:
            columns = cut(a.count - j, DOT_COLUMNS)
            own = shift(a.start, j * a.step)
            asked = 0 if prefetch else columns * a.step
            i = first
            while i < last:
                rows = cut(last - i, DOT_ROWS)
                missing = shift(own, columns * a.step + asked if asked < columns * a.step else 0)
                dot_tile(
                    rows, columns, shift(W.start, i * W.step), W.step, own, a.step, a.length,
                    shift(b.start, i), shift(z.start, j * z.step + i), z.step, missing,
                )  # fmt: skip
                asked += PREFETCHED_PER_TERM * a.length
                i += rows
            j += columns


@kernel
def _short_sums(W, a, b, z, scratch):
    """z <- W a + b with one unit per lane: each sum starts at the bias and adds its terms in order.

    The rows of W are transposed, a panel at a time, and multiplied with all columns.
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
    """Return the largest number of rows of an outer tile of `width` vectors: see OUTER_SHAPES."""
    return OUTER_ROWS[0] if WIDE or width == 1 else OUTER_ROWS[1]


@kernel
def pull_back(W, delta, below, scratch):
    """below <- W^T delta: below[j, k] = sum_i delta[j, i] W[i, k]."""
    nothing = convert(0, W.start)
    _outer(below, delta.start, 1, delta.step, W, scratch, False, False, nothing, nothing)


@kernel
def sum_over_columns(delta, a, carry_on, C, scratch):
    """C <- sum_j delta_j a_j^T; with `carry_on`, C <- C + sum_j delta_j a_j^T."""
    nothing = convert(0, C.start)
    _outer(C, delta.start, delta.step, 1, a, scratch, carry_on, False, nothing, nothing)


@kernel
def descend(delta, a, keep, scale, C, scratch):
    """C <- keep C + scale sum_j delta_j a_j^T, by a fused multiply-add."""
    _outer(C, delta.start, delta.step, 1, a, scratch, False, True, keep, scale)


@template
def _outer(C, d, ds, dr, x, scratch, carry_on, step, keep, scale):
    """C[r, k] <- sum_s d[s*ds + r*dr] x[s, k], with the start values and epilogue of `outer_tile`.

    One block of rows after the other, whose part of d stays in the L2 cache.
    """
    most = BYTES_OF_D // (x.count * size_of(C.start)) // OUTER_ROWS[0] * OUTER_ROWS[0]
    block = max(ROWS_WORTH_PACKING, most)
    for first in range(0, C.count, block):
        last = min(first + block, C.count)
        rows = Lines(shift(C.start, first * C.step), last - first, C.length, C.step)
        _outer_block(rows, shift(d, first * dr), ds, dr, x, scratch, carry_on, step, keep, scale)


@template
def _outer_block(C, d, ds, dr, x, scratch, carry_on, step, keep, scale):
    """Compute some rows of `_outer`: one panel of up to three vectors along k after the other.

    A panel has at most LINES_IN_PANEL lines s. Partial sums are kept in C; for a step, which needs
    the old C, in scratch.
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
