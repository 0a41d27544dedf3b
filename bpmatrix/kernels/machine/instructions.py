"""The machine instructions that Python has no word for: fused multiply-add and typed pointers.

Kernels pass pointers to each other, not arrays: a pointer costs nothing to pass, and the machine
code does not depend on the flags and layout of the array that it came from. Element types are
taken from numba's signature, never from LLVM's pointer types, which carry none.
"""

import os

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

# With BPMATRIX_CHECKED=1, `at` raises IndexError where a block leaves its array. For tests only.
CHECKED = os.environ.get("BPMATRIX_CHECKED") == "1"

BYTES_OF_A_LINE = 64  # of the cache: what memory is asked for at a time


@intrinsic
def fma(typingctx, x, y, z):
    """Return x * y + z, rounded once."""
    if not isinstance(x, types.Float):
        return None

    def codegen(context, builder, signature, arguments):
        real = context.get_value_type(signature.return_type)
        return call_fma(builder, real, *arguments)

    return x(x, x, x), codegen


def call_fma(builder, value_type, x, y, z):
    """Emit the fused multiply-add of scalars or vectors. Named, so that no flag has to allow it."""
    scalar = value_type.element if isinstance(value_type, ir.VectorType) else value_type
    width = f"v{value_type.count}" if isinstance(value_type, ir.VectorType) else ""
    name = f"llvm.fma.{width}{'f64' if isinstance(scalar, ir.DoubleType) else 'f32'}"
    function_type = ir.FunctionType(value_type, [value_type] * 3)
    function = cgutils.get_or_insert_function(builder.module, function_type, name)
    return builder.call(function, [x, y, z])


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
        message = ("a kernel asked for a block outside of its array",)
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
def call_block(typingctx, address, what, parameter, x, y, out, n):
    """Call the block (`blocks.py`) at an address on `n` elements: VALUE or SLOPE of x, y."""

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
    """Ask the processor to bring the cache line at the pointer into its second cache."""

    def codegen(context, builder, signature, arguments):
        call_prefetch(builder, arguments[0])
        return context.get_dummy_value()

    return types.void(pointer), codegen


def call_prefetch(builder, pointer):
    """Emit the request for a cache line; one for memory that does not exist is ignored."""
    number = ir.IntType(32)
    function_type = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
    function = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0")
    hints = [ir.Constant(number, hint) for hint in (0, 2, 1)]  # to read, second cache, data
    builder.call(function, [pointer, *hints])


def keep_as_written(module, block):
    """Forbid LLVM to unroll the loop whose body ends with a block."""
    wish = module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")])
    loop = ir.MDValue(module, [], name=str(len(module.metadata)))
    loop.operands = (loop, wish)  # LLVM knows the mark of a loop by its first operand: itself
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
