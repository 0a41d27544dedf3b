"""Instructions that Python lacks: fused multiply-add, typed pointers, prefetch and bit casts.

Kernels pass pointers to each other, not arrays: a pointer costs nothing to pass, and the machine
code does not depend on the flags and the layout of the array. Element types are taken from numba's
signature, since LLVM's pointers are untyped.
"""

import os

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

# With BPMATRIX_CHECKED=1, `at` raises IndexError for elements outside the array. For tests only.
CHECKED = os.environ.get("BPMATRIX_CHECKED") == "1"

CACHE_LINE_BYTES = 64


@intrinsic
def fma(typingctx, x, y, z):
    """Return x * y + z, rounded once."""
    if not isinstance(x, types.Float):
        return None

    def codegen(context, builder, signature, arguments):
        return call_fma(builder, *arguments)

    return x(x, x, x), codegen


def call_by_name(builder, name, returned, *arguments):
    """Emit a call of an LLVM intrinsic or a C function; return its result."""
    kind = ir.FunctionType(returned, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def call_fma(builder, x, y, z):
    """Emit a fused multiply-add of scalars or vectors; explicit, so it needs no fast-math flag."""
    scalar = x.type.element if isinstance(x.type, ir.VectorType) else x.type
    width = f"v{x.type.count}" if isinstance(x.type, ir.VectorType) else ""
    name = f"llvm.fma.{width}{'f64' if isinstance(scalar, ir.DoubleType) else 'f32'}"
    return call_by_name(builder, name, x.type, x, y, z)


@intrinsic
def at(typingctx, array, offset, extent):
    """Return a pointer to element `offset` of a contiguous array; `extent` elements follow it."""

    def codegen(context, builder, signature, arguments):
        array_type = signature.args[0]
        struct = context.make_array(array_type)(context, builder, arguments[0])
        if CHECKED:
            _check_bounds(context, builder, struct, arguments[1], arguments[2])
        element = context.get_data_type(array_type.dtype)
        return builder.gep(struct.data, [arguments[1]], source_etype=element)

    return types.CPointer(array.dtype)(array, types.intp, types.intp), codegen


def _check_bounds(context, builder, struct, offset, extent):
    end = builder.add(offset, extent)
    outside = builder.or_(
        builder.icmp_signed("<", offset, ir.Constant(offset.type, 0)),
        builder.icmp_signed(">", end, struct.nitems),
    )
    with builder.if_then(outside, likely=False):
        message = ("a kernel accessed elements outside of an array",)
        context.call_conv.return_user_exc(builder, IndexError, message)


@intrinsic
def shift(typingctx, pointer, count):
    """Return the pointer moved on by `count` elements."""

    def codegen(context, builder, signature, arguments):
        element = context.get_data_type(signature.args[0].dtype)
        return builder.gep(arguments[0], [arguments[1]], source_etype=element)

    return pointer(pointer, types.intp), codegen


@intrinsic
def pointer_from(typingctx, address, element):
    """Return the address as a pointer to elements of a type, such as ``numba.types.uint8``."""
    pointer = types.CPointer(element.instance_type)

    def codegen(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return pointer(types.intp, element), codegen


@intrinsic
def pointer_like(typingctx, address, pointer):
    """Return the address as a pointer of the type of another pointer."""

    def codegen(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return pointer(types.intp, pointer), codegen


@intrinsic
def call_exchange(typingctx, address, columns, finite):
    """Call the C function at an address, int64(int64, int64), and return its result."""

    def codegen(context, builder, signature, arguments):
        address, columns, finite = arguments
        integer = ir.IntType(64)
        function_type = ir.FunctionType(integer, [integer, integer])
        finite = builder.zext(finite, integer)
        return builder.call(
            builder.inttoptr(address, function_type.as_pointer()), [columns, finite]
        )

    return types.int64(types.int64, types.int64, types.boolean), codegen


@intrinsic
def call_c_function(typingctx, address, what, parameter, x, y, out, n):
    """Call a function of `c_functions.py` on n elements; `what` is VALUE or SLOPE."""

    def codegen(context, builder, signature, arguments):
        address, *arguments = arguments
        kinds = [argument.type for argument in arguments]
        function_type = ir.FunctionType(ir.VoidType(), kinds)
        builder.call(builder.inttoptr(address, function_type.as_pointer()), arguments)
        return context.get_dummy_value()

    size = types.intp
    return types.void(size, size, types.float64, x, x, x, size), codegen


@intrinsic
def prefetch(typingctx, pointer):
    """Prefetch the cache line at the pointer into the L2 cache."""

    def codegen(context, builder, signature, arguments):
        call_prefetch(builder, arguments[0])
        return context.get_dummy_value()

    return types.void(pointer), codegen


def call_prefetch(builder, pointer):
    """Emit the prefetch of a cache line; processors ignore an invalid address."""
    hints = [ir.Constant(ir.IntType(32), hint) for hint in (0, 2, 1)]  # read, L2 cache, data
    call_by_name(builder, "llvm.prefetch.p0", ir.VoidType(), pointer, *hints)


def disable_unrolling(module, block):
    """Keep LLVM from unrolling the loop whose body ends with a basic block."""
    disable = module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")])
    loop = ir.MDValue(module, [], name=str(len(module.metadata)))
    loop.operands = (loop, disable)  # the first operand of loop metadata refers to itself
    block.terminator.set_metadata("llvm.loop", loop)


@intrinsic
def float_of(typingctx, bits):
    """Return the float64 or float32 that has the bits of an int64 or int32."""
    number = types.float32 if bits == types.int32 else types.float64

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(number))

    return number(bits), codegen


@intrinsic
def bits_of(typingctx, number):
    """Return the bits of a float64 or float32 as an int64 or int32."""
    bits = types.int32 if number == types.float32 else types.int64

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(bits))

    return bits(number), codegen


@intrinsic
def null(typingctx, like):
    """Return the null pointer of the type of another pointer."""

    def codegen(context, builder, signature, arguments):
        return ir.Constant(context.get_value_type(signature.return_type), None)

    return like(like), codegen


@intrinsic
def size_of(typingctx, pointer):
    """Return the size of an element of the pointer's type, in bytes."""

    def codegen(context, builder, signature, arguments):
        element = context.get_data_type(signature.args[0].dtype)
        return ir.Constant(ir.IntType(64), context.get_abi_sizeof(element))

    return types.intp(pointer), codegen


@intrinsic
def convert(typingctx, value, pointer):
    """Return the number as an element of the pointer's type, rounded once."""
    element = pointer.dtype

    def codegen(context, builder, signature, arguments):
        return context.cast(builder, arguments[0], signature.args[0], element)

    return element(value, pointer), codegen
