"""The two register tiles that do all the arithmetic of a network's products.

*The dot tile*: up to 4 rows of W by up to 3 columns of A, both contiguous along the inner axis.
Each output is a sum in lanes, the k-th term in lane k modulo the number of lanes, added by a tree.

*The outer tile*: up to 4 rows by up to 3 vectors of sum_s d_s x_s, contiguous along the vectors.
Each output adds its terms in the order of s.

So the order of every sum is that of its terms, whatever the shape of the tile: the shape decides
the speed alone. 4 x 3 keeps 12 sums in flight, which hides the latency of the multiply-add and
leaves 4 of 16 registers for the operands.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from bpmatrix.kernels.vectors import Vectors, index

ROWS, COLUMNS = 4, 3


@intrinsic
def lanes_of(typingctx, pointer):
    """Return how many elements of a pointer's type one vector holds."""

    def codegen(context, builder, signature, arguments):
        return index(Vectors(context, builder, signature.args[0]).lanes)

    return types.intp(pointer), codegen


def _for_each_shape(builder, rows, columns, emit):
    """Emit one body per shape, and a switch to the one that is asked for at run time."""
    done = builder.append_basic_block("done")
    chosen = builder.sub(builder.add(builder.mul(rows, index(COLUMNS)), columns), index(1))
    switch = builder.switch(chosen, done)
    for r in range(1, ROWS + 1):
        for c in range(1, COLUMNS + 1):
            body = builder.append_basic_block(f"tile_{r}_{c}")
            switch.add_case(index(r * COLUMNS + c - 1), body)
            builder.position_at_end(body)
            emit(r, c)
            builder.branch(done)
    builder.position_at_end(done)


@intrinsic
def dot_tile(typingctx, rows, columns, W, ldw, A, lda, n, b, Z, ldz):
    """Z[j, i] <- b[i] + sum_k W[i, k] A[j, k] for i < rows <= 4, j < columns <= 3, k < n.

    W, A and Z are pointers to lines that lie `ldw`, `lda` and `ldz` elements apart.
    """

    def codegen(context, builder, signature, arguments):
        rows, columns, W, ldw, A, lda, n, b, Z, ldz = arguments
        v = Vectors(context, builder, signature.args[2])

        def emit(r, c):
            lines_w = [v.move(W, builder.mul(ldw, index(i))) for i in range(r)]
            lines_a = [v.move(A, builder.mul(lda, index(j))) for j in range(c)]
            sums = [[v.cell(v.zero) for _ in lines_a] for _ in lines_w]

            def add_terms(k, mask=None):
                a = [v.load(v.move(line, k), mask) for line in lines_a]
                for i, line in enumerate(lines_w):
                    w = v.load(v.move(line, k), mask)
                    for j in range(c):
                        builder.store(v.fma(w, a[j], v.value(sums[i][j])), sums[i][j])

            whole = builder.and_(n, index(-v.lanes))
            with cgutils.for_range_slice(builder, index(0), whole, index(v.lanes)) as (k, _):
                add_terms(k)
            with builder.if_then(builder.icmp_signed("<", whole, n)):
                add_terms(whole, v.first_lanes(builder.sub(n, whole)))

            for i in range(r):
                bias = v.load_scalar(v.move(b, index(i)))
                for j in range(c):
                    z = builder.fadd(v.tree_sum(v.value(sums[i][j])), bias)
                    v.store_scalar(z, v.move(Z, builder.add(builder.mul(ldz, index(j)), index(i))))

        _for_each_shape(builder, rows, columns, emit)
        return context.get_dummy_value()

    size = types.intp
    return types.void(size, size, W, size, A, size, size, b, Z, size), codegen


@intrinsic
def outer_tile(
    typingctx, rows, vectors, tail, C, ldc, d, ds, dr, x, ldx, n, start, step, keep, scale
):
    """acc[r, k] <- start[r, k] + sum_s d[s*ds + r*dr] x[s*ldx + k] for r < rows <= 4, s < n.

    k runs over `vectors` <= 3 vectors; of the last one only the first `tail` lanes exist (0: all).
    `start` has the lines of C; where it is null the sums start at zero. In the end C <- acc, or, as
    a step, C <- keep * C + scale * acc, the sum of the two rounded once.
    """

    def codegen(context, builder, signature, arguments):
        rows, vectors, tail, C, ldc, d, ds, dr, x, ldx, n, start, step, keep, scale = arguments
        v = Vectors(context, builder, signature.args[3])
        started = builder.icmp_unsigned("!=", start, ir.Constant(start.type, None))

        def emit_masked(r, c, mask):
            masks = [None] * (c - 1) + [mask]
            places = [
                [builder.add(builder.mul(ldc, index(i)), index(q * v.lanes)) for q in range(c)]
                for i in range(r)
            ]
            sums = [[v.cell(v.zero) for _ in range(c)] for _ in range(r)]
            cells = [(sums[i][q], places[i][q], masks[q]) for i in range(r) for q in range(c)]

            with builder.if_then(started):
                for cell, place, m in cells:
                    builder.store(v.load(v.move(start, place), m), cell)

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
                    for cell, place, m in cells:
                        v.store(v.value(cell), v.move(C, place), m)
                with descend:
                    keeps, scales = v.spread(keep), v.spread(scale)
                    for cell, place, m in cells:
                        old = v.load(v.move(C, place), m)
                        change = builder.fmul(scales, v.value(cell))
                        v.store(v.fma(keeps, old, change), v.move(C, place), m)

        def emit(r, c):
            with builder.if_else(builder.icmp_signed("==", tail, index(0))) as (whole, part):
                with whole:
                    emit_masked(r, c, None)
                with part:
                    emit_masked(r, c, v.first_lanes(tail))

        _for_each_shape(builder, rows, vectors, emit)
        return context.get_dummy_value()

    size, real = types.intp, C.dtype
    shape = (size, size, size, C, size, d, size, size, x, size, size, start)
    return types.void(*shape, types.boolean, real, real), codegen
