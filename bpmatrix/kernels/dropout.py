"""Dropout: in training, each unit of a layer is dropped for a sample with some probability.

Hinton et al. 2012, arXiv:1207.0580; Nielsen, ch. 3 and 6. The other activations are divided by the
probability of being kept, so that predictions need no correction. Whether a unit is dropped is a
function of seed, step, layer, column and unit only, so the bits do not depend on the number of
threads or on how columns are grouped.
"""

from collections import namedtuple

from numba import types

from bpmatrix.kernels.machine.instructions import convert, shift
from bpmatrix.kernels.machine.jit import kernel
from bpmatrix.kernels.machine.vectors import long_vectors
from bpmatrix.kernels.plan import OUT_OF

# The random bits of a step, and the mini-batch's column that is the first in the work matrices.
Draw = namedtuple("Draw", ["bits", "column"])  # noqa: PYI024 - numba's integers
NO_DRAW = Draw(0, 0)


@kernel
def drop(dropped, draw, l, first, a, out):
    """out[j, k] <- 0 if unit k of layer l is dropped for column first + j, else scale * a[j, k].

    The probability is dropped / 2^32. `a` and `out` may be the same memory.
    """
    long_vectors()
    scale = convert(OUT_OF / (OUT_OF - dropped), a.start)
    zero = convert(0, a.start)
    key = scrambled(types.uint64(draw.bits) + types.uint64(l))
    low, high = types.uint32(key), types.uint32(key >> types.uint64(32))
    limit = types.uint32(dropped)
    for j in range(a.count):
        x, y = shift(a.start, j * a.step), shift(out.start, j * out.step)
        number = types.uint32((draw.column + first + j) * a.length)
        for k in range(a.length):
            noise = _hash(types.uint32(_hash(types.uint32(number + types.uint32(k)) ^ low) + high))
            y[k] = x[k] * scale if noise >= limit else zero


@kernel
def draw_of(seed, step):
    """Return the draw of a step whose work matrices hold all columns of the mini-batch."""
    bits = types.int64(scrambled(scrambled(types.uint64(seed)) + types.uint64(step)))
    return Draw(bits, 0)


@kernel
def scrambled(x):
    """Return 64 pseudorandom bits. S. Vigna, splitmix64 (2015)."""
    x = types.uint64(x + types.uint64(0x9E3779B97F4A7C15))
    x = types.uint64((x ^ (x >> types.uint64(30))) * types.uint64(0xBF58476D1CE4E5B9))
    x = types.uint64((x ^ (x >> types.uint64(27))) * types.uint64(0x94D049BB133111EB))
    return x ^ (x >> types.uint64(31))


@kernel
def _hash(x):
    """Return 32 pseudorandom bits, in vector code. C. Wellons, lowbias32 (2018)."""
    x = types.uint32(x ^ types.uint32(x >> types.uint32(16)))
    x = types.uint32(x * types.uint32(0x7FEB352D))
    x = types.uint32(x ^ types.uint32(x >> types.uint32(15)))
    x = types.uint32(x * types.uint32(0x846CA68B))
    return types.uint32(x ^ types.uint32(x >> types.uint32(16)))
