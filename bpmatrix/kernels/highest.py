"""Where the largest of some numbers lies: what a column of outputs names.

A loop over ten numbers waits for each comparison before the next. Here a register takes as many as
it has lanes, keeps value and place in each, and halves itself until one is left.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from bpmatrix.kernels.vectors import I64, REGISTER_BYTES, Vectors, index


@intrinsic
def place_of_highest(typingctx, a, n):
    """Return the first k < n with the largest a[k]; NaN is never the largest, and of NaN alone 0.

    Nothing is added, so that the number of lanes decides no bit.
    """

    def codegen(context, builder, signature, arguments):
        a, n = arguments
        v = Vectors(context, builder, signature.args[0], REGISTER_BYTES)
        # As wide as the numbers, so that one mask serves both.
        whole = ir.VectorType(ir.IntType(8 * v.bytes), v.lanes)
        lanes = ir.Constant(whole, list(range(v.lanes)))
        highest = cgutils.alloca_once_value(builder, ir.Constant(v.type, [float("-inf")] * v.lanes))
        places = cgutils.alloca_once_value(builder, lanes)

        def look(k, mask=None):
            x, best = v.load(v.move(a, k), mask), builder.load(highest, typ=v.type)
            above = builder.fcmp_ordered(">", x, best)
            if mask is not None:
                above = builder.and_(above, mask)
            step = k if whole.element == I64 else builder.trunc(k, whole.element)
            here = builder.add(v.spread(step, whole), lanes)
            builder.store(builder.select(above, x, best), highest)
            builder.store(builder.select(above, here, builder.load(places, typ=whole)), places)

        end = builder.and_(n, index(-v.lanes))
        with cgutils.for_range_slice(builder, index(0), end, index(v.lanes)) as (k, _):
            look(k)
        with builder.if_then(builder.icmp_signed("<", end, n)):
            look(end, v.first_lanes(builder.sub(n, end)))

        value, place = builder.load(highest, typ=v.type), builder.load(places, typ=whole)
        width = v.lanes
        while width > 1:
            width //= 2
            halves = range(width), range(width, 2 * width)
            low, high = (v.pick(value, half) for half in halves)
            left, right = (v.pick(place, half) for half in halves)
            first = builder.icmp_signed("<", right, left)
            tied = builder.and_(builder.fcmp_ordered("==", high, low), first)
            other = builder.or_(builder.fcmp_ordered(">", high, low), tied)
            value, place = builder.select(other, high, low), builder.select(other, right, left)
        found = builder.extract_element(place, index(0))
        return found if found.type == I64 else builder.sext(found, I64)

    return types.intp(a, types.intp), codegen
