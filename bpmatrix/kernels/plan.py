"""A network as integers: where the numbers of each layer are in theta and in the work array.

One compiled program serves every network, since all that it knows about one is a `Plan`. Element 0
of every vector is the input layer, as in the book: l runs from 1 to L.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

# Every work matrix begins on a cache line of 64 bytes, counted in elements of 4 bytes.
CACHE_LINE = 16

# The rows that a thread owns begin at multiples of this, so that tiles are whole.
GRAIN = 4

# A panel has at most this many lines of three registers of at most 64 bytes: 24 KiB, which leaves
# room in the L1 cache for the lines that are multiplied with it.
LINES_IN_PANEL = 64
PANEL_WIDTH = 48

# Work matrices of this size stay in the L2 cache from layer to layer, forward and back. Weights of
# more than twice this size should be multiplied with as many columns as possible.
BYTES_IN_CACHE = 128 * 1024
# The columns of a mini-batch that exceeds the caches form this many groups, which 2, 4, 8 and 16
# threads divide evenly. More threads than groups have no work.
GROUPS = 16
# The gradient of an evaluation is summed over this many samples at a time, five times
# COLUMNS_AT_A_TIME. In float32 such a sum loses 5e-7; sums ten times as long would lose three times
# as much, and with shorter ones the time to add the sums of a large network would be noticeable.
COLUMNS_OF_A_SUM = 480
# Weights and inputs of this size stay in the L2 cache from step to step.
BYTES_OF_ONE_OWNER = 1024 * 1024
# A multiple of the 3 and 6 columns of a tile; blocks of columns are multiples of this.
BLOCK_GRAIN = 12

# If columns were a multiple of this many elements apart, they would be a power of two of bytes
# apart, and compete for the same sets of a cache.
CONFLICTING = 256

# Dropout probabilities are multiples of 1 / OUT_OF.
OUT_OF = 1 << 32

# The first VECTORS fields of a plan are vectors, one number per layer.
VECTORS = 9


def pitch(n: int) -> int:
    """Return the distance, in elements, between columns of n elements in a work matrix."""
    return n + CACHE_LINE if n % CONFLICTING == 0 else n


def whole_lines(elements: int) -> int:
    """Return the number of elements rounded up to a multiple of CACHE_LINE."""
    return -(-elements // CACHE_LINE) * CACHE_LINE


class CompiledCost(NamedTuple):
    """The cost as compiled code knows it: a code from `codes`, or the address of a C function.

    `parameter` is 0 if the cost has none. `cancels` is 1 if dC/da cancels sigma' of the output, so
    that delta = a - y, else 0.
    """

    code: int
    parameter: float
    cancels: int


class Plan(NamedTuple):
    """Everything that compiled code knows about a network.

    `sizes` are the units n_0 ... n_L. `sigma` are codes from `codes` or addresses of C functions.
    `W` and `b` are offsets in theta; b is -1 in a network without biases. `a`, `z` and `delta` are
    offsets of (n_l, columns) matrices in the work array. `seen` is the offset of what layer l + 1
    reads of a[l]: a[l] itself, or a copy in which units are dropped. A unit of layer l is dropped
    with probability dropout[l] / 2^32.

    `y` is the offset of the (n_L, columns) targets, `sample_weights` that of the sample weights,
    `ones` and `zeros` those of two constant vectors. `columns` is the number of columns that the
    work matrices have room for; a thread carries `columns_in_cache` of them forward and back at a
    time. If threads share the rows of the first layer, each has its own copy of a[0], `own_inputs`
    elements after that of the thread before; otherwise `own_inputs` is 0. From `scratch` on, each
    thread has `scratch_size` elements, the first `panel_size` of them for a packed panel.
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
    cost: CompiledCost
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
        """Return one vector: the length of the vectors, the vectors, and the numbers.

        numba takes it in a tenth of the time of a named tuple, which matters for a single sample.
        The bits of the cost's parameter are stored as an integer.
        """
        vectors, numbers = self[:VECTORS], self[VECTORS + 1 :]
        code, parameter, cancels = self.cost
        cost = code, np.float64(parameter).view(np.int64), cancels
        return np.concatenate([[self.sizes.size], *vectors, cost, numbers], dtype=np.int64)


class Hyperparameters(NamedTuple):
    """The numbers that the update rule reads in one step; programs take one row per step.

    `rate` is the learning rate, with the bias correction of the step; `beta_1` and `beta_2` are the
    decay rates of the moments, `epsilon` is added to a root, and `keep` is the factor of the
    weights in decoupled weight decay. `l2` and `l1` are the factors of the penalties, `clip_norm`
    is the limit of the gradient's norm.
    """

    rate: float
    beta_1: float
    beta_2: float
    epsilon: float
    keep: float
    l2: float
    l1: float
    clip_norm: float


def columns_in_cache(sizes: Integers, parameters: int, itemsize: int, columns: int) -> int:
    """Return how many of the columns are best carried through all layers at a time."""
    if parameters * itemsize > 2 * BYTES_IN_CACHE:
        return columns
    bytes_of_a_column = 2 * int(sizes.sum()) * itemsize
    return min(columns, max(4, BYTES_IN_CACHE // bytes_of_a_column // BLOCK_GRAIN) * BLOCK_GRAIN)


def groups_of_columns(
    sizes: Integers, parameters: int, itemsize: int, columns: int, groups: int | None
) -> tuple[int, int]:
    """Return how many groups a mini-batch forms, and how many columns the work matrices hold.

    With None, GROUPS groups if each then has at least two blocks of `columns_in_cache`, else one.
    """
    if groups is None:
        block = columns_in_cache(sizes, parameters, itemsize, columns)
        groups = GROUPS if columns >= 2 * GROUPS * block else 1
    if groups == 1:
        return 1, columns
    return groups, columns_in_cache(sizes, parameters, itemsize, -(-columns // groups))


def shares_rows(
    sizes: Integers, parameters: int, itemsize: int, columns: int, threads: int
) -> bool:
    """Return whether threads share the rows of the first layer in the forward pass, too.

    Then each thread keeps its rows of W[1], which is most of the network, in its own cache from
    step to step. It needs a copy of all inputs for that, and the threads exchange z[1]. The limits
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
) -> tuple[dict[str, Any], int]:
    """Return the fields of a `Plan` that describe the work array, and its number of elements.

    z[l] shares its memory with a[l] unless sigma' or the cost needs it (`keeps_z`). If layer l
    `drops` units, the remaining activations are a matrix of their own, since sigma' needs all of
    a[l]; the inputs are dropped in place. `by_rows` is the result of `shares_rows`.
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
    fields = {"a": a, "z": z, "delta": delta, "seen": seen, "own_inputs": own_inputs}
    fields["y"] = take(elements[-1])
    fields["sample_weights"] = take(columns)
    fields["ones"], fields["zeros"] = take(columns), take(int(sizes.max()))
    panel_size = LINES_IN_PANEL * PANEL_WIDTH
    scratch_size = panel_size + PANEL_WIDTH * whole_lines(int(sizes.max()))
    fields["scratch"] = take(threads * scratch_size)
    return fields | {"scratch_size": scratch_size, "panel_size": panel_size}, end
