"""The two register tiles that compute all products of a network.

*The dot tile*: some rows of W times some columns of A, both contiguous along the inner axis. Each
output is summed in lanes (4 in float64, 8 in float32, on every processor): term k in lane k modulo
the number of lanes. A fixed tree adds the lanes.

*The outer tile*: some rows and some vectors of sum_s d_s x_s, contiguous along the vectors. Each
output adds its terms in the order of s. It is also used for short rows of W, which are transposed.

So the order of every sum depends neither on the shape of the tile nor on the length of the
processor's registers; these affect only the speed. A full tile keeps 12 or more sums in flight,
which hides the latency of the multiply-add, and leaves registers for the operands. With registers
of 64 bytes the dot tile computes two columns in one register.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from bpmatrix.kernels.machine.instructions import CACHE_LINE_BYTES, call_prefetch, disable_unrolling
from bpmatrix.kernels.machine.vectors import REGISTER_BYTES, WIDE, Vectors, index

# The shapes of the tiles. More shapes cost compile time, not run time.
DOT_ROWS = (8, 4, 2, 1) if WIDE else (4, 2, 1)
DOT_COLUMNS = (6, 4, 2, 1) if WIDE else (3, 2, 1)
OUTER_ROWS = (8, 4, 2, 1)
OUTER_VECTORS = (3, 2, 1)
# With 16 registers, 8 rows leave room for only one vector.
OUTER_SHAPES = [(r, v) for r in OUTER_ROWS for v in OUTER_VECTORS if WIDE or r < 8 or v == 1]

# The dot tile sums in vectors of 32 bytes on every processor: the lanes determine the order of the
# sums, and with it the bits.
DOT_BYTES = 32
PREFETCHED_PER_TERM = CACHE_LINE_BYTES // DOT_BYTES


@intrinsic
def lanes_of(typingctx, pointer):
    """Return the number of elements in a vector of the outer tile."""

    def codegen(context, builder, signature, arguments):
        return index(Vectors(context, builder, signature.args[0], REGISTER_BYTES).lanes)

    return types.intp(pointer), codegen


def _for_each_shape(builder, chosen, shapes, emit):
    """Emit one body per shape, and a switch that selects one at run time."""
    done = builder.append_basic_block("done")
    key = builder.add(builder.mul(chosen[0], index(16)), chosen[1])
    switch = builder.switch(key, done)
    for r, c in shapes:
        body = builder.append_basic_block(f"tile_{r}_{c}")
        switch.add_case(index(16 * r + c), body)
        builder.position_at_end(body)
        emit(r, c)
        builder.branch(done)
    builder.position_at_end(done)


def _with_tail(builder, v, tail, emit_masked):
    """Return a function that emits a body twice: for a full last vector, and with a mask."""

    def emit(r, c):
        with builder.if_else(builder.icmp_signed("==", tail, index(0))) as (whole, part):
            with whole:
                emit_masked(r, c, None)
            with part:
                emit_masked(r, c, v.first_lanes(tail))

    return emit


@intrinsic
def dot_tile(typingctx, rows, columns, W, ldw, A, lda, n, b, Z, ldz, missing):
    """Z[j, i] <- b[i] + sum_k W[i, k] A[j, k] for i < rows, j < columns, k < n.

    `rows` is in DOT_ROWS, `columns` in DOT_COLUMNS. The lines of W, A and Z are `ldw`, `lda` and
    `ldz` elements apart. Meanwhile PREFETCHED_PER_TERM * n elements from the pointer `missing` on
    are prefetched: one cache line per vector of terms, which keeps up with the arithmetic.
    """

    def codegen(context, builder, signature, arguments):
        rows, columns, W, ldw, A, lda, n, b, Z, ldz, missing = arguments
        v = Vectors(context, builder, signature.args[2], DOT_BYTES)

        def emit(r, c):
            lines_w = [v.move(W, builder.mul(ldw, index(i))) for i in range(r)]
            lines_a = [v.move(A, builder.mul(lda, index(j))) for j in range(c)]
            groups = [lines_a[j : j + 1 + WIDE] for j in range(0, c, 1 + WIDE)]
            sums = [[v.cell(len(group)) for group in groups] for _ in lines_w]

            def add_terms(k, mask=None):
                def load(lines):
                    loaded = [v.load(v.move(line, k), mask) for line in lines]
                    return v.join(*loaded) if len(loaded) == 2 else loaded[0]

                a = [load(group) for group in groups]
                for i, line in enumerate(lines_w):
                    for group, factor, cell in zip(groups, a, sums[i], strict=True):
                        w = load([line] * len(group))
                        builder.store(v.fma(w, factor, v.value(cell, len(group))), cell)

            whole = builder.and_(n, index(-v.lanes))
            with cgutils.for_range_slice(builder, index(0), whole, index(v.lanes)) as (k, _):
                add_terms(k)
                call_prefetch(builder, v.move(missing, builder.mul(k, index(PREFETCHED_PER_TERM))))
                body = builder.block
            disable_unrolling(builder.module, body)
            with builder.if_then(builder.icmp_signed("<", whole, n)):
                add_terms(whole, v.first_lanes(builder.sub(n, whole)))

            j = 0
            for g, group in enumerate(groups):
                i = 0
                for totals in v.tree_sums([v.value(row[g], len(group)) for row in sums]):
                    count = totals.type.count // len(group)
                    bias = v.load_few(v.move(b, index(i)), count)
                    for place in range(len(group)):
                        column = v.pick(totals, range(place, totals.type.count, len(group)))
                        line = v.move(Z, builder.mul(ldz, index(j + place)))
                        v.store_few(builder.fadd(column, bias), v.move(line, index(i)))
                    i += count
                j += len(group)

        shapes = [(r, c) for r in DOT_ROWS for c in DOT_COLUMNS]
        _for_each_shape(builder, (rows, columns), shapes, emit)
        return context.get_dummy_value()

    size = types.intp
    return types.void(size, size, W, size, A, size, size, b, Z, size, A), codegen


@intrinsic
def outer_tile(
    typingctx, rows, vectors, tail, C, ldc, d, ds, dr, x, ldx, n, start, lds, step, keep, scale
):
    """acc[r, k] <- start[r, k] + sum_s d[s*ds + r*dr] x[s*ldx + k] for r < rows, s < n.

    (rows, vectors) is in OUTER_SHAPES; the last vector along k has only `tail` lanes (0: all). If
    `start` is null, the sums start at zero. The epilogue is C <- acc or, with `step`,
    C <- keep * C + scale * acc by a fused multiply-add.
    """

    def codegen(context, builder, signature, arguments):
        rows, vectors, tail, C, ldc, d, ds, dr, x, ldx, n, start, lds, *end = arguments
        step, keep, scale = end
        v = Vectors(context, builder, signature.args[3], REGISTER_BYTES)
        started = builder.icmp_unsigned("!=", start, ir.Constant(start.type, None))

        def emit_masked(r, c, mask):
            masks = [None] * (c - 1) + [mask]
            sums = [[v.cell() for _ in range(c)] for _ in range(r)]

            def cells(matrix, line_length):
                for i in range(r):
                    line = v.move(matrix, builder.mul(line_length, index(i)))
                    for q in range(c):
                        yield sums[i][q], v.move(line, index(q * v.lanes)), masks[q]

            with builder.if_then(started):
                for cell, place, m in cells(start, lds):
                    builder.store(v.load(place, m), cell)

            with cgutils.for_range(builder, n) as loop:
                line = v.move(x, builder.mul(loop.index, ldx))
                factors = v.move(d, builder.mul(loop.index, ds))
                terms = [v.load(v.move(line, index(q * v.lanes)), masks[q]) for q in range(c)]
                for i in range(r):
                    factor = v.load_scalar(v.move(factors, builder.mul(dr, index(i))))
                    factor = v.spread(factor)
                    for q in range(c):
                        builder.store(v.fma(factor, terms[q], v.value(sums[i][q])), sums[i][q])

            with builder.if_else(step) as (descend, fill):
                with fill:
                    for cell, place, m in cells(C, ldc):
                        v.store(v.value(cell), place, m)
                with descend:
                    keeps, scales = v.spread(keep), v.spread(scale)
                    for cell, place, m in cells(C, ldc):
                        change = builder.fmul(scales, v.value(cell))
                        v.store(v.fma(keeps, v.load(place, m), change), place, m)

        emit = _with_tail(builder, v, tail, emit_masked)
        _for_each_shape(builder, (rows, vectors), OUTER_SHAPES, emit)
        return context.get_dummy_value()

    size, real = types.intp, C.dtype
    matrices = (C, size, d, size, size, x, size, size, start, size)
    return types.void(size, size, size, *matrices, types.boolean, real, real), codegen


@intrinsic
def transpose_tile(typingctx, x, ldx, lines, n, out, ldo):
    """out[k*ldo + i] <- x[i*ldx + k] for one vector of lines i and k < n.

    Only the first `lines` lines are read; the others are taken as zero, and so are the elements
    beyond n in the last vector of k, which `out` must have room for.
    """

    def codegen(context, builder, signature, arguments):
        x, ldx, lines, n, out, ldo = arguments
        v = Vectors(context, builder, signature.args[0], REGISTER_BYTES)
        with cgutils.for_range_slice(builder, index(0), n, index(v.lanes)) as (k, _):
            inside = v.first_lanes(builder.sub(n, k))
            rows = []
            for i in range(v.lanes):
                exists = v.spread_flag(builder.icmp_signed("<", index(i), lines))
                place = v.move(x, builder.add(builder.mul(ldx, index(i)), k))
                rows.append(v.load(place, builder.and_(inside, exists)))
            for i, column in enumerate(v.transposed(rows)):
                place = v.move(out, builder.mul(ldo, builder.add(k, index(i))))
                v.store(column, place)
        return context.get_dummy_value()

    size = types.intp
    return types.void(x, size, size, size, x, size), codegen


@intrinsic
def pack_tile(typingctx, vectors, tail, x, ldx, n, out):
    """Copy the lines of an outer tile's x so that they are contiguous.

    `vectors` is in OUTER_VECTORS; lanes of the last vector from `tail` on become zero.
    """

    def codegen(context, builder, signature, arguments):
        vectors, tail, x, ldx, n, out = arguments
        v = Vectors(context, builder, signature.args[2], REGISTER_BYTES)
        full = builder.icmp_signed("==", tail, index(0))
        mask = v.first_lanes(builder.select(full, index(v.lanes), tail))

        def emit(_, c):
            with cgutils.for_range(builder, n) as loop:
                line = v.move(x, builder.mul(loop.index, ldx))
                place = v.move(out, builder.mul(loop.index, index(c * v.lanes)))
                for q in range(c):
                    value = v.load(v.move(line, index(q * v.lanes)), mask if q == c - 1 else None)
                    v.store(value, v.move(place, index(q * v.lanes)))

        _for_each_shape(builder, (index(0), vectors), [(0, c) for c in OUTER_VECTORS], emit)
        return context.get_dummy_value()

    size = types.intp
    return types.void(size, size, x, size, size, out), codegen
