"""A network as integers: where each layer's numbers lie in theta and in the work matrices.

One compiled program serves every network, because all that it knows of one is a `Plan`. Slot 0
of every table is the input layer, as in the book: l runs from 1 to L.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

# Every work matrix begins on a cache line of 64 bytes, counted in elements of 4 bytes.
CACHE_LINE = 16

# The rows that a thread owns begin at whole tiles.
GRAIN = 4

# A panel of a product is so many lines of three registers, at most 64 bytes each: 24 KiB, which
# leaves some of the first cache to what the panel meets.
LINES_IN_PANEL = 64
PANEL_WIDTH = 48

# The work matrices of so many bytes stay in the second cache from layer to layer, on the way
# forward and back; weights of more than twice that should meet as many columns as there are.
BYTES_IN_CACHE = 128 * 1024
# The columns of a mini-batch that no cache holds make so many groups: 2, 4, 8 and 16 threads divide
# them, and no more than these have work.
GROUPS = 16
# A gradient that is looked at is summed over so many samples at a time, five blocks of columns. In
# float32 such a sum loses 5e-7; ten times as many samples would lose three times as much, and with
# fewer the time to add the sums of a large network would be felt.
COLUMNS_OF_A_SUM = 480
# So many bytes of weights and inputs stay in the second cache from step to step.
BYTES_OF_ONE_OWNER = 1024 * 1024
# Whole tiles of 3 and of 6 columns; a block is several of them.
BLOCK_GRAIN = 12


# Columns of a multiple of so many elements would lie a power of two of bytes apart, and would fight
# for the same few places of a cache.
CONFLICTING = 256


def pitch(n: int) -> int:
    """Return how many elements of a work matrix lie from one column of n elements to the next."""
    return n + CACHE_LINE if n % CONFLICTING == 0 else n


def whole_lines(elements: int) -> int:
    """Return the least multiple of CACHE_LINE that holds so many elements."""
    return -(-elements // CACHE_LINE) * CACHE_LINE


# Units are dropped with a probability that is a whole number of these parts.
OUT_OF = 1 << 32

# So many fields of a plan are vectors, one number for each layer.
VECTORS = 9


class Cost(NamedTuple):
    """What compiled code knows of a cost: its number of `codes` or the address of a block.

    `parameter` is 0 where the cost takes none; `cancels` is 1 where its slope cancels that of the
    output's activation function, else 0.
    """

    code: int
    parameter: float
    cancels: int


class Plan(NamedTuple):
    """What compiled code knows of a network.

    `sizes` counts the units n_0 ... n_L; `sigma` holds numbers of `codes` or addresses of blocks;
    `W` and `b` are offsets in theta (b is -1 in a network without biases); `a`, `z` and `delta` are
    offsets of (n_l, columns) matrices in the work array, and `seen` those of what the next layer
    sees of a: a itself unless units are dropped, which happens to `dropout` of 2^32. `y` is the
    offset of the (n_L, columns) targets, `sample_weights` that of the weights of the samples,
    `ones` and `zeros` those of two constant vectors. A thread carries `columns_in_cache` columns
    forward and back at a time. Where threads share the rows of the first layer, each has its own
    copy of a[0], `own_inputs` elements behind that of the thread before; otherwise that is 0. Each
    thread has `scratch_size` elements from `scratch` on, of which the first `panel_size` are for a
    packed panel.
    """

    sizes: Integers
    sigma: Integers
    W: Integers
    b: Integers
    a: Integers
    z: Integers
    delta: Integers
    seen: Integers
    dropout: Integers
    cost: Cost
    y: int
    sample_weights: int
    ones: int
    zeros: int
    columns: int
    columns_in_cache: int
    own_inputs: int
    scratch: int
    scratch_size: int
    panel_size: int

    def table(self) -> Integers:
        """Return the length of the vectors, the vectors and the numbers as one vector.

        numba takes it in a tenth of the time of a named tuple, which matters to a single sample.
        The parameter of the cost travels as the integer of the same bits.
        """
        vectors, numbers = self[:VECTORS], self[VECTORS + 1 :]
        code, parameter, cancels = self.cost
        cost = code, np.float64(parameter).view(np.int64), cancels
        return np.concatenate([[self.sizes.size], *vectors, cost, numbers], dtype=np.int64)


class Step(NamedTuple):
    """The numbers that an update rule takes a step with; rows of them go to a program.

    `rate` is the learning rate, or what the rule makes of it; `beta_1` and `beta_2` say how much of
    the moments stays, `epsilon` what is added to a root, `keep` how much of the weights stays;
    `l2` and `l1` are the factors of the penalties' gradients, `longest` is that of a gradient.
    """

    rate: float
    beta_1: float
    beta_2: float
    epsilon: float
    keep: float
    l2: float
    l1: float
    longest: float


class WorkSpace(NamedTuple):
    """The offsets of the work matrices, and the elements that they need together."""

    a: Integers
    z: Integers
    delta: Integers
    seen: Integers
    y: int
    sample_weights: int
    ones: int
    zeros: int
    own_inputs: int
    scratch: int
    scratch_size: int
    panel_size: int
    size: int


def columns_in_cache(sizes: Integers, parameters: int, itemsize: int, columns: int) -> int:
    """Return how many of so many columns are best carried through all layers at a time."""
    if parameters * itemsize > 2 * BYTES_IN_CACHE:
        return columns
    bytes_of_a_column = 2 * int(sizes.sum()) * itemsize
    return min(columns, max(4, BYTES_IN_CACHE // bytes_of_a_column // BLOCK_GRAIN) * BLOCK_GRAIN)


def columns_at_a_time(sizes: Integers, parameters: int, itemsize: int, columns: int) -> int:
    """Return for how many of a mini-batch's columns the work matrices should have room.

    As many as a cache holds, where that leaves each group of columns some blocks of them; else all.
    """
    block = columns_in_cache(sizes, parameters, itemsize, columns)
    return block if columns >= 2 * GROUPS * block else columns


def shares_rows(
    sizes: Integers, parameters: int, itemsize: int, columns: int, threads: int
) -> bool:
    """Return whether threads share the rows of the first layer on the way forward, too.

    A thread then keeps its rows of W[1], which is most of the network, in its own cache from step
    to step, and takes copies of all inputs for that; z[1] is what the threads exchange. The limits
    were measured with two threads (docs/decisions/0019).
    """
    inputs, units = int(sizes[0]), int(sizes[1])
    if threads < 2 or units < GRAIN * threads or columns > inputs:
        return False
    if 2 * inputs * units < parameters:
        return False
    return (columns + units // threads) * inputs * itemsize <= BYTES_OF_ONE_OWNER


def lay_out_work(
    sizes: Integers,
    keeps_z: NDArray[np.bool_],
    drops: NDArray[np.bool_],
    columns: int,
    threads: int,
    *,
    by_rows: bool = False,
) -> WorkSpace:
    """Return where the work matrices of `columns` columns lie, and the scratch of each thread.

    z[l] shares its memory with a[l] unless `keeps_z` says that sigma' or the cost needs it. Where
    layer l `drops` units, what is left of a[l] has a matrix of its own, as sigma' needs all of it;
    the inputs are dropped in place. `by_rows` is the answer of `shares_rows`.
    """
    end = 0

    def take(elements: int) -> int:
        nonlocal end
        start, end = end, end + whole_lines(elements)
        return start

    elements = [pitch(int(n)) * columns for n in sizes]
    own_inputs = 0
    if by_rows:
        own_inputs = whole_lines(elements[0])
        elements[0] = threads * own_inputs
    a = np.array(list(map(take, elements)), dtype=np.int64)
    z = a.copy()
    delta = np.zeros_like(a)
    seen = a.copy()
    for l in range(1, sizes.size):
        delta[l] = take(elements[l])
        if keeps_z[l]:
            z[l] = take(elements[l])
        if drops[l]:
            seen[l] = take(elements[l])
    y = take(elements[-1])
    sample_weights = take(columns)
    ones, zeros = take(columns), take(int(sizes.max()))
    panel_size = LINES_IN_PANEL * PANEL_WIDTH
    scratch_size = panel_size + PANEL_WIDTH * whole_lines(int(sizes.max()))
    scratch = take(threads * scratch_size)
    return WorkSpace(
        a, z, delta, seen, y, sample_weights, ones, zeros,
        own_inputs, scratch, scratch_size, panel_size, end,
    )  # fmt: skip
