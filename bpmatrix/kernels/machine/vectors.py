"""LLVM vector operations, from which the tiles are built."""

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils, config
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

from bpmatrix.kernels.machine.instructions import call_by_name, call_fma

I32, I64 = ir.IntType(32), ir.IntType(64)

# Whether the processor has 32 registers of 64 bytes, not 16 of 32. Affects speed, never the bits.
WIDE = "+avx512f" in (config.CPU_FEATURES or get_host_cpu_features())
REGISTER_BYTES = 64 if WIDE else 32
# Whether it is an AMD processor: LLVM names these after their cores.
AMD = (config.CPU_NAME or binding.get_host_cpu_name()).startswith("znver")


@intrinsic
def long_vectors(typingctx):
    """Let LLVM vectorize the loops of the calling kernel with the longest registers.

    By default LLVM uses registers of half that length, since long ones may slow down the scalar
    code around them. Kernels have hardly any.
    """

    def codegen(context, builder, signature, arguments):
        width = f'"prefer-vector-width"="{8 * REGISTER_BYTES}"'
        # llvmlite's own `add` accepts no attribute with a value.
        set.add(builder.function.attributes, width)
        return context.get_dummy_value()

    return types.void(), codegen


def index(value):
    """Return an integer constant for an index or a count of elements."""
    return ir.Constant(I64, value)


class Vectors:
    """Emits loads, stores and sums of vectors of one length.

    `pointer_type` is numba's type of a pointer to their elements, `size` their length in bytes.
    """

    def __init__(self, context, builder, pointer_type, size):
        self.builder = builder
        self.element = context.get_data_type(pointer_type.dtype)
        self.bytes = context.get_abi_sizeof(self.element)
        self.lanes = size // self.bytes
        self.type = ir.VectorType(self.element, self.lanes)
        self.zero = ir.Constant(self.type, [0.0] * self.lanes)

    def move(self, pointer, count):
        """Return the pointer moved on by `count` elements."""
        return self.builder.gep(pointer, [count], source_etype=self.element)

    def first_lanes(self, count):
        """Return a mask of the first `count` lanes."""
        numbers = ir.Constant(ir.VectorType(I64, self.lanes), list(range(self.lanes)))
        return self.builder.icmp_signed("<", numbers, self._spread(count, numbers.type))

    def load(self, pointer, mask=None):
        """Load a vector; lanes outside the mask are not accessed, and are zero."""
        place = self._as_vector_pointer(pointer)
        if mask is None:
            return self.builder.load(place, align=self.bytes, typ=self.type)
        return self._masked("load", self.type, place, I32(self.bytes), mask, self.zero)

    def store(self, value, pointer, mask=None):
        """Store a vector; memory outside the mask is not accessed."""
        place = self._as_vector_pointer(pointer)
        if mask is None:
            self.builder.store(value, place, align=self.bytes)
            return
        self._masked("store", ir.VoidType(), value, place, I32(self.bytes), mask)

    def load_scalar(self, pointer):
        """Load one element."""
        return self.builder.load(pointer, align=self.bytes, typ=self.element)

    def load_few(self, pointer, count):
        """Load a vector of any length."""
        few = ir.VectorType(self.element, count)
        place = self.builder.bitcast(pointer, few.as_pointer())
        return self.builder.load(place, align=self.bytes, typ=few)

    def store_few(self, value, pointer):
        """Store a vector of any length."""
        place = self.builder.bitcast(pointer, value.type.as_pointer())
        self.builder.store(value, place, align=self.bytes)

    def fma(self, x, y, z):
        """Return x * y + z, rounded once, lane by lane, for vectors of any length."""
        return call_fma(self.builder, x, y, z)

    def spread(self, scalar):
        """Return a vector with the scalar in every lane."""
        return self._spread(scalar, self.type)

    def spread_flag(self, flag):
        """Return a mask of all lanes or of none."""
        return self._spread(flag, ir.VectorType(flag.type, self.lanes))

    def join(self, low, high):
        """Return both vectors concatenated."""
        return self._pick(low, high, range(2 * self.lanes))

    def pick(self, vector, lanes):
        """Return some lanes of a vector as a vector."""
        return self._pick(vector, vector, lanes)

    def transposed(self, rows):
        """Return the transposed square matrix whose rows are the vectors `rows`.

        Blocks of 1, 2, 4, ... lanes are swapped across the diagonal of blocks of twice their size.
        """
        rows, side = list(rows), 1
        while side < self.lanes:
            lanes = range(self.lanes)
            upper = [k + self.lanes - side if k & side else k for k in lanes]
            lower = [k + self.lanes if k & side else k + side for k in lanes]
            for i in lanes:
                if not i & side:
                    p, q = rows[i], rows[i + side]
                    rows[i], rows[i + side] = self._pick(p, q, upper), self._pick(p, q, lower)
            side *= 2
        return rows

    def tree_sums(self, vectors):
        """Return the vector of the sums over the lanes of each of 1, 2, 4 or 8 vectors.

        The halves of a vector are added until one lane is left; vectors share the additions.
        """
        width = self.lanes
        while width > 1:
            half = width // 2
            if len(vectors) == 1:
                vectors = [(vectors[0], vectors[0], vectors[0].type.count)]
            else:
                pairs = zip(vectors[::2], vectors[1::2], strict=True)
                vectors = [(low, high, 2 * low.type.count) for low, high in pairs]
            vectors = [
                self.builder.fadd(
                    self._pick(p, q, [k for k in range(count) if k % width < half]),
                    self._pick(p, q, [k for k in range(count) if k % width >= half]),
                )
                for p, q, count in vectors
            ]
            width = half
        return vectors

    def cell(self, vectors=1):
        """Return a local variable for `vectors` joined vectors, initially zero.

        LLVM keeps it in registers.
        """
        zero = ir.Constant(
            ir.VectorType(self.element, vectors * self.lanes), [0.0] * vectors * self.lanes
        )
        cell = cgutils.alloca_once(self.builder, zero.type)
        self.builder.store(zero, cell)
        return cell

    def value(self, cell, vectors=1):
        """Return the value of a cell."""
        return self.builder.load(cell, typ=ir.VectorType(self.element, vectors * self.lanes))

    def _pick(self, low, high, lanes):
        lanes = list(lanes)
        return self.builder.shuffle_vector(
            low, high, ir.Constant(ir.VectorType(I32, len(lanes)), lanes)
        )

    def _spread(self, scalar, vector_type):
        nowhere = ir.Constant(vector_type, ir.Undefined)
        first = self.builder.insert_element(nowhere, scalar, ir.Constant(I32, 0))
        lanes = ir.Constant(ir.VectorType(I32, vector_type.count), [0] * vector_type.count)
        return self.builder.shuffle_vector(first, nowhere, lanes)

    def _as_vector_pointer(self, pointer):
        return self.builder.bitcast(pointer, self.type.as_pointer())

    def _masked(self, verb, returned, *arguments):
        suffix = f"v{self.lanes}{'f64' if isinstance(self.element, ir.DoubleType) else 'f32'}"
        name = f"llvm.masked.{verb}.{suffix}.p0"
        return call_by_name(self.builder, name, returned, *arguments)
