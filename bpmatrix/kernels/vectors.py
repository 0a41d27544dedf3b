"""The words of LLVM's vector language that the two tiles are written in."""

from llvmlite import ir
from numba.core import cgutils

from bpmatrix.kernels.instructions import call_fma

I1, I32, I64 = ir.IntType(1), ir.IntType(32), ir.IntType(64)

# A vector is 32 bytes on every processor: 4 lanes of float64, 8 of float32. The number of lanes
# sets the order of the sums, so it is part of the promise of equal bits, not of the tuning.
VECTOR_BYTES = 32


def index(value):
    """Return the integer constant that counts elements."""
    return ir.Constant(I64, value)


class Vectors:
    """Emits loads, stores and sums of vectors of one element type into one function."""

    def __init__(self, context, builder, pointer_type):
        self.builder = builder
        self.element = context.get_data_type(pointer_type.dtype)
        self.bytes = context.get_abi_sizeof(self.element)
        self.lanes = VECTOR_BYTES // self.bytes
        self.type = ir.VectorType(self.element, self.lanes)
        self.zero = ir.Constant(self.type, [0.0] * self.lanes)

    def move(self, pointer, count):
        """Return the pointer moved on by `count` elements."""
        return self.builder.gep(pointer, [count], source_etype=self.element)

    def first_lanes(self, count):
        """Return the mask of the first `count` lanes."""
        numbers = ir.Constant(ir.VectorType(I64, self.lanes), list(range(self.lanes)))
        return self.builder.icmp_signed("<", numbers, self._spread(count, numbers.type))

    def load(self, pointer, mask=None):
        """Load a vector; lanes outside of the mask are not touched and read as zero."""
        place = self._as_vector_pointer(pointer)
        if mask is None:
            return self.builder.load(place, align=self.bytes, typ=self.type)
        function = self._masked("load", self.type, [place.type, I32, mask.type, self.type])
        return self.builder.call(function, [place, ir.Constant(I32, self.bytes), mask, self.zero])

    def store(self, value, pointer, mask=None):
        """Store a vector; memory outside of the mask is not touched."""
        place = self._as_vector_pointer(pointer)
        if mask is None:
            self.builder.store(value, place, align=self.bytes)
            return
        function = self._masked("store", ir.VoidType(), [self.type, place.type, I32, mask.type])
        self.builder.call(function, [value, place, ir.Constant(I32, self.bytes), mask])

    def load_scalar(self, pointer):
        """Load one element."""
        return self.builder.load(pointer, align=self.bytes, typ=self.element)

    def store_scalar(self, value, pointer):
        """Store one element."""
        self.builder.store(value, pointer, align=self.bytes)

    def fma(self, x, y, z):
        """Return x * y + z, rounded once, lane by lane."""
        return call_fma(self.builder, self.type, x, y, z)

    def spread(self, scalar):
        """Return the vector that holds the scalar in every lane."""
        return self._spread(scalar, self.type)

    def tree_sum(self, vector):
        """Return the sum of all lanes: halves are added until one lane is left."""
        width = self.lanes
        while width > 1:
            width //= 2
            low, high = (self._part(vector, start, width) for start in (0, width))
            vector = self.builder.fadd(low, high)
        return self.builder.extract_element(vector, ir.Constant(I32, 0))

    def cell(self, value=None):
        """Return a local variable for one vector, which LLVM turns into a register."""
        cell = cgutils.alloca_once(self.builder, self.type)
        if value is not None:
            self.builder.store(value, cell)
        return cell

    def value(self, cell):
        """Return what a cell holds."""
        return self.builder.load(cell, typ=self.type)

    def _part(self, vector, start, width):
        lanes = ir.Constant(ir.VectorType(I32, width), list(range(start, start + width)))
        return self.builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), lanes)

    def _spread(self, scalar, vector_type):
        nowhere = ir.Constant(vector_type, ir.Undefined)
        first = self.builder.insert_element(nowhere, scalar, ir.Constant(I32, 0))
        lanes = ir.Constant(ir.VectorType(I32, vector_type.count), [0] * vector_type.count)
        return self.builder.shuffle_vector(first, nowhere, lanes)

    def _as_vector_pointer(self, pointer):
        return self.builder.bitcast(pointer, self.type.as_pointer())

    def _masked(self, verb, returned, arguments):
        suffix = f"v{self.lanes}{'f64' if isinstance(self.element, ir.DoubleType) else 'f32'}"
        name = f"llvm.masked.{verb}.{suffix}.p0"
        function_type = ir.FunctionType(returned, arguments)
        return cgutils.get_or_insert_function(self.builder.module, function_type, name)
