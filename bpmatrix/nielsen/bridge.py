"""From the book's lists to the engine's matrices and back.

The book's data are lists of tuples of column vectors; the engine takes a matrix whose columns are
samples. The book's parameters are lists of matrices; the engine takes one vector.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from bpmatrix.architecture.description import Description, checked_sizes
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.array_types import Array, Integers
from bpmatrix.engine.memory import aligned_zeros
from bpmatrix.engine.processors import choose_threads, running, threads_worth_starting
from bpmatrix.errors import ArrayTypeError, DataError, DivergenceError, ShapeError
from bpmatrix.history import History
from bpmatrix.samples.arrays import KERNEL_TYPES, Targets, as_array, as_inputs, as_targets
from bpmatrix.training import endings
from bpmatrix.training.slices import NotFiniteError, SliceRunner

Shapes = tuple[tuple[int, ...], ...]

# The number of elements that are checked while they are still in the cache.
ELEMENTS_AT_A_TIME = 200_000
# Up to this number float64 is exact for whole numbers.
LARGEST_WHOLE = 2.0**53
LOADER = "Pass one of the three lists that mnist_loader.load_data_wrapper() returns."


def describe(weights: Sequence[Array], biases: Sequence[Array], cost: str) -> Description:
    """Return the network's description for the shapes of the matrices, which a script may replace.

    Raises
    ------
    ShapeError
        If the shapes do not fit together.
    """
    return _describe(tuple(map(np.shape, weights)), tuple(map(np.shape, biases)), cost)


@lru_cache(maxsize=64)  # the engine caches work matrices per description
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
    """Copy weights and biases into one new vector, and return it with its views."""
    theta = Parameters.of(aligned_zeros(description.layout.size, "float64"), description.layout)
    for view, matrix in zip((*theta.weights, *theta.biases), (*weights, *biases), strict=True):
        view[:] = matrix
    return theta


def as_list(data: Iterable[Any], name: str) -> list[Any]:
    """Return the data themselves if they are a list, else a new list.

    Raises
    ------
    ArrayTypeError
        If they are not iterable.
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
        If they are not pairs, or empty.

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
    """Describe a value in an error."""
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
        If one of them has another shape, there are none, or a number is not finite.

    Examples
    --------
    >>> as_columns([np.array([[1.0], [2.0]]), np.array([[3.0], [4.0]])], 2, "x")
    array([[1., 3.],
           [2., 4.]])
    """
    if len(vectors) == 0:
        raise DataError(f"the data are empty, so there is no {name}", expected="one pair or more")
    try:
        shapes = {v.shape for v in vectors}
    except AttributeError:  # nested lists or numbers, unlike in the book
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
        # As rows they are copied one after the other; as columns, element by element.
        np.concatenate(vectors[start : start + len(part)], out=part.reshape(-1, 1))
        as_inputs(part.T, rows, "float64", name=f"{name} of data[{start}:{start + len(part)}]")
    return table.T


def _no_column(name: str, shape: tuple[int, ...], rows: int) -> ShapeError:
    """Return the error for a vector of the wrong shape, with a cure for the likely cause."""
    size = math.prod(shape)
    if size == rows and shape:
        cure = f"Reshape it: numpy.reshape({name}, ({rows}, 1))."
    elif name == "y" and size == 1:
        cure = "For a label k pass mnist_loader.vectorized_result(k), or use accuracy and evaluate."
    else:
        layer = "first" if name == "x" else "last"
        cure = f"Create a network whose {layer} layer has as many units as {name} has numbers."
    return ShapeError(
        f"{name} must be a column vector that fits the network",
        got=f"shape {shape}", expected=f"({rows}, 1)", cure=cure,
    )  # fmt: skip


def as_labels(values: Sequence[Any]) -> Integers:
    """Return whole numbers, one for each sample, as an array (n,); 3.0 is one.

    Raises
    ------
    ArrayTypeError
        If one of them is a vector or not a whole number.

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
        cure="Pass test or validation data of load_data_wrapper; training data have vectors.",
    )


def _are_whole(numbers: Array) -> Array:
    whole: Array = (np.floor(numbers) == numbers) & (np.abs(numbers) < LARGEST_WHOLE)
    return whole


def _is_label(value: Any) -> bool:
    number = np.asarray(value)
    return number.size == 1 and number.dtype.kind in "biuf" and bool(_are_whole(number).all())


def as_outputs(Y: Array, description: Description) -> Targets:
    """Return desired outputs, a matrix or labels, checked for the network's cost."""
    if description.cost == "cross_entropy" and Y.ndim == 2 and not 0 <= Y.min() <= Y.max() <= 1:
        raise DataError(
            "y has numbers outside the range of the cost",
            got=f"{Y.min():g} to {Y.max():g}",
            expected="0 to 1",
            cure="Scale y, or create the network with cost=network2.QuadraticCost.",
        )
    return as_targets(Y, description.sizes[-1], Y.shape[-1], "float64", name="y")


def descend(
    description: Description,
    theta: Parameters,
    X: Array,
    Y: Targets,
    order: Integers,
    mini_batch_size: int,
    eta: float,
    weight_decay: float,
    epoch: int,
) -> None:
    """Take a step of theta for each mini-batch of the samples in `order`, in compiled code.

    `epoch`, counted from 1, is for an error message.

    Raises
    ------
    DivergenceError
        If a weight is not finite; theta is then that of the start of the slice.
    """
    m = min(mini_batch_size, order.size)
    # A script may take single steps, which take less time than starting a thread.
    worth = threads_worth_starting(3 * theta.flat.size * order.size)
    threads = min(choose_threads("auto", theta.flat.size, m), worth)
    with running(theta.flat):
        runner = SliceRunner(description, theta.flat, X, Y, m, threads)
        try:
            runner.run_epochs(order[None], eta, weight_decay)
        except NotFiniteError as error:
            raise diverged(error.what, epoch, error.step, eta) from None


def diverged(what: str, epoch: int, step: int, eta: float) -> DivergenceError:
    """Return the error for training that diverged; `what` is not finite."""
    # The book's programs have neither a seed nor a History.
    return endings.diverged(what, epoch, step, History(seed=0), f"Lower eta (it is {eta:g}).")
