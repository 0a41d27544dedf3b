"""From the book's lists to the engine's matrices and back.

The book's data are a list of tuples of column vectors; the engine takes a matrix whose columns are
the samples. The book's parameters are lists of matrices; the engine takes one vector.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from operator import is_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.architecture.description import Description, checked_sizes
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.engine.memory import aligned_zeros
from bpmatrix.engine.processors import choose_threads, running, threads_worth_starting
from bpmatrix.errors import ArrayTypeError, DataError, DivergenceError, ShapeError
from bpmatrix.history import History
from bpmatrix.samples.arrays import KERNEL_TYPES, Targets, as_array, as_inputs, as_targets
from bpmatrix.training import run
from bpmatrix.training.slices import NotFiniteError, SliceRunner

__all__ = [
    "Held", "as_columns", "as_labels", "as_list", "as_outputs", "as_pairs", "descend", "describe",
    "diverged", "flat_copy", "pack",
]  # fmt: skip

Array = NDArray[Any]
Shapes = tuple[tuple[int, ...], ...]

# So many are checked while they are still in the cache.
ELEMENTS_AT_A_TIME = 200_000
# Up to here float64 holds every whole number.
LARGEST_WHOLE = 2.0**53
LOADER = "Pass one of the three lists that mnist_loader.load_data_wrapper() returns."


def describe(weights: Sequence[Array], biases: Sequence[Array], cost: str) -> Description:
    """Return what the lists describe, read off the matrices: a script may put others there.

    Raises
    ------
    ShapeError
        If the matrices do not follow each other.
    """
    return _describe(tuple(map(np.shape, weights)), tuple(map(np.shape, biases)), cost)


@lru_cache(maxsize=64)  # the engine keeps its work matrices for a description that it has seen
def _describe(weights: Shapes, biases: Shapes, cost: str) -> Description:
    fit = len(weights) > 0 and all(len(shape) == 2 for shape in weights)
    sizes = [weights[0][1], *(shape[0] for shape in weights)] if fit else []
    wanted = tuple((rows, columns) for columns, rows in pairwise(sizes))
    if not fit or weights != wanted or biases != tuple((n, 1) for n in sizes[1:]):
        raise ShapeError(
            "weights and biases do not fit together",
            got=f"weights of {list(weights)}, biases of {list(biases)}",
            expected="weights (n_1, n_0), (n_2, n_1), ... and biases (n_1, 1), (n_2, 1), ...",
        )
    return Description(checked_sizes(sizes), ("sigmoid",) * len(weights), cost)


def pack(description: Description, weights: Sequence[Array], biases: Sequence[Array]) -> Parameters:
    """Return the numbers of the lists as one new vector with its views."""
    theta = Parameters.of(aligned_zeros(description.layout.size, "float64"), description.layout)
    for view, matrix in zip((*theta.weights, *theta.biases), (*weights, *biases), strict=True):
        view[:] = matrix
    return theta


def flat_copy(weights: Sequence[Array], biases: Sequence[Array]) -> Array:
    """Return the numbers of matrices that fit together as one new vector, to be read."""
    parts = [np.ravel(p) for layer in zip(weights, biases, strict=True) for p in layer]
    return np.concatenate(parts, dtype=np.float64, casting="unsafe")


class Held:
    """A vector whose views were put into the lists of a network.

    As long as they stand there, the vector has the numbers of the network, and nobody has to copy
    them. A copy of the network has matrices of its own, so what is kept here copies as None.
    """

    def __init__(self, theta: Parameters) -> None:
        self.flat = theta.flat
        self._views = (*theta.weights, *theta.biases)

    def is_in(self, weights: Sequence[Array], biases: Sequence[Array]) -> bool:
        """Whether the lists still hold the views."""
        now = (*weights, *biases)
        return len(now) == len(self._views) and all(map(is_, now, self._views))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy, and pickle, as None."""
        return type(None), ()


def as_list(data: Iterable[Any], name: str) -> list[Any]:
    """Return the data themselves if they are a list, and otherwise as a new one.

    Raises
    ------
    ArrayTypeError
        If nothing can be taken from them one by one.
    """
    if isinstance(data, list):
        return data
    if not hasattr(data, "__iter__"):
        raise _no_pairs(name, data)
    return list(data)


def as_pairs(data: Iterable[Any], name: str) -> list[tuple[Any, Any]]:
    """Return a new list of the pairs (x, y).

    Raises
    ------
    ArrayTypeError, DataError
        If they are something else than pairs, or none.

    Examples
    --------
    >>> as_pairs(zip("ab", (1, 2)), "data")
    [('a', 1), ('b', 2)]
    """
    items, pairs = as_list(data, name), []
    for item in items:
        try:
            x, y = item
        except (TypeError, ValueError):
            raise _no_pairs(name, item) from None
        pairs.append((x, y))
    if not pairs:
        raise DataError(f"{name} is empty", expected="one pair (x, y) or more")
    return pairs


def _no_pairs(name: str, found: object) -> ArrayTypeError:
    return ArrayTypeError(f"{name} must be a list of pairs (x, y)", got=_kind(found), cure=LOADER)


def _kind(value: object) -> str:
    """Return in a few words what came."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, bool | int | float | np.generic):
        return repr(value)
    return f"a {type(value).__name__}"


def as_columns(vectors: Sequence[Any], rows: int, name: str) -> Array:
    """Return column vectors (rows, 1) as one matrix (rows, n), each column contiguous.

    Raises
    ------
    ShapeError, ArrayTypeError, DataError
        If one of them has another shape, there is none, or numbers are not finite.

    Examples
    --------
    >>> as_columns([np.array([[1.0], [2.0]]), np.array([[3.0], [4.0]])], 2, "x")
    array([[1., 3.],
           [2., 4.]])
    """
    if len(vectors) == 0:
        raise DataError(f"there is no {name}: the data are empty", expected="one pair or more")
    try:
        shapes = {v.shape for v in vectors}
    except AttributeError:  # nested lists or numbers, as in no program of the book
        vectors = [as_array(v, name) for v in vectors]
        shapes = {v.shape for v in vectors}
    wrong = shapes - {(rows, 1)}
    if wrong:
        raise _no_column(name, min(wrong), rows)
    dtype = np.result_type(*{v.dtype for v in vectors})
    if dtype.kind not in "buif":
        raise ArrayTypeError(
            f"{name} does not hold real numbers",
            got=f"an array of {dtype}",
            cure=f"Pass {name}.real of complex numbers, and {name}.astype(float) of text.",
        )
    table = np.empty((len(vectors), rows), dtype if dtype in KERNEL_TYPES else np.float64)
    count = max(1, ELEMENTS_AT_A_TIME // rows)
    for start in range(0, len(vectors), count):
        part = table[start : start + count]
        # Below each other they are copied one after the other; side by side, element by element.
        np.concatenate(vectors[start : start + len(part)], out=part.reshape(-1, 1))
        as_inputs(part.T, rows, "float64", name=f"{name} of data[{start}:{start + len(part)}]")
    return table.T


def _no_column(name: str, shape: tuple[int, ...], rows: int) -> ShapeError:
    """Return the error for a vector of a wrong shape, with the cure for what it probably is."""
    size = math.prod(shape)
    if size == rows and shape:
        cure = f"Reshape it: numpy.reshape({name}, ({rows}, 1))."
    elif name == "y" and size == 1:
        cure = "For a label k pass mnist_loader.vectorized_result(k), or use accuracy and evaluate."
    else:
        layer = "first" if name == "x" else "last"
        cure = f"Make a network whose {layer} layer has as many units as {name} has numbers."
    return ShapeError(
        f"{name} must be a column vector that fits the network",
        got=f"shape {shape}", expected=f"({rows}, 1)", cure=cure,
    )  # fmt: skip


def as_labels(values: Sequence[Any]) -> NDArray[np.int64]:
    """Return whole numbers, one for each sample, as an array (n,); 3.0 is one.

    Raises
    ------
    ArrayTypeError
        If one of them is a vector or no whole number.

    Examples
    --------
    >>> as_labels([3, 1.0, np.uint8(2)])
    array([3, 1, 2])
    """
    try:
        labels = np.asarray(values)
    except ValueError:  # of different shapes
        labels = np.asarray(None)
    if labels.size == len(values):
        labels = labels.ravel()
        if labels.dtype.kind in "biu" or (labels.dtype.kind == "f" and _are_whole(labels).all()):
            return labels.astype(np.int64)
    wrong = next((v for v in values if not _is_label(v)), values)
    raise ArrayTypeError(
        "y must be a label",
        got=_kind(wrong),
        expected="a whole number, the class of x",
        cure="Pass test or validation data of load_data_wrapper; training data hold vectors.",
    )


def _are_whole(numbers: Array) -> Array:
    whole: Array = (np.floor(numbers) == numbers) & (np.abs(numbers) < LARGEST_WHOLE)
    return whole


def _is_label(value: Any) -> bool:
    number = np.asarray(value)
    return number.size == 1 and number.dtype.kind in "biuf" and bool(_are_whole(number).all())


def as_outputs(Y: Array, description: Description, columns: int) -> Targets:
    """Let wanted outputs, a matrix or labels, through the gate for the network's cost."""
    if description.cost == "cross_entropy" and Y.ndim == 2 and not 0 <= Y.min() <= Y.max() <= 1:
        raise DataError(
            "y has numbers that the cost has no meaning for",
            got=f"{Y.min():g} to {Y.max():g}",
            expected="0 to 1",
            cure="Scale y, or make the network with cost=network2.QuadraticCost.",
        )
    return as_targets(Y, description.sizes[-1], columns, "float64", name="y")


def descend(
    description: Description,
    theta: Parameters,
    X: Array,
    Y: Targets,
    order: NDArray[np.int64],
    mini_batch_size: int,
    eta: float,
    weight_decay: float,
    epoch: int,
) -> None:
    """Take a step of theta for each mini-batch of the samples in `order`, in compiled code.

    `epoch`, counted from 1, is for the message of an error.

    Raises
    ------
    DivergenceError
        If a weight is not finite; theta is then as it was a fraction of a second before.
    """
    m = min(mini_batch_size, order.size)
    # A script may call for a single step, which takes less time than to start a thread.
    worth = threads_worth_starting(3 * theta.flat.size * order.size)
    threads = min(choose_threads("auto", theta.flat.size, m), worth)
    with running(theta.flat):
        runner = SliceRunner(description, theta.flat, X, Y, m, threads)
        try:
            runner.run_epochs(order[None], eta, weight_decay)
        except NotFiniteError as error:
            raise diverged(error.what, epoch, error.step, eta) from None


def diverged(what: str, epoch: int, step: int, eta: float) -> DivergenceError:
    """Return the error of a training whose weights are not finite any more."""
    # The book's programs have neither seed nor history.
    return run.diverged(what, epoch, step, History(seed=0), f"Lower eta (it is {eta:g}).")
