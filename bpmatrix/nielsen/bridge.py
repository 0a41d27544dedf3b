"""From the book's lists to the engine's matrices and back.

The book's data are a list of tuples of column vectors; the engine takes a matrix whose columns are
the samples. The book's parameters are lists of matrices; the engine takes one vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.architecture.costs import find_cost
from bpmatrix.architecture.description import Description, checked_sizes
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.engine.memory import aligned_zeros
from bpmatrix.engine.processors import choose_threads, running
from bpmatrix.errors import ArrayTypeError, DataError, DivergenceError, ShapeError
from bpmatrix.history import History
from bpmatrix.samples.arrays import KERNEL_TYPES, Targets, as_inputs, as_targets
from bpmatrix.training.slices import NotFiniteError, SliceRunner

__all__ = ["as_columns", "as_labels", "as_outputs", "descend", "pack", "unpack"]

Array = NDArray[Any]

# So many are checked while they are still in the cache.
ELEMENTS_AT_A_TIME = 200_000


def pack(
    weights: Sequence[Array], biases: Sequence[Array], cost: str
) -> tuple[Description, Parameters]:
    """Return what the lists describe, and their numbers as one new vector with its views.

    The sizes are read off the matrices, since a script may put others into the lists.

    Raises
    ------
    ShapeError
        If the matrices do not follow each other.
    """
    shapes = [np.shape(W) for W in weights]
    fit = len(shapes) > 0 and all(len(shape) == 2 for shape in shapes)
    sizes = [shapes[0][1], *(shape[0] for shape in shapes)] if fit else []
    wanted = [(rows, columns) for columns, rows in pairwise(sizes)]
    if not fit or shapes != wanted or [np.shape(b) for b in biases] != [(n, 1) for n in sizes[1:]]:
        raise ShapeError(
            "weights and biases do not fit together",
            got=f"weights of {shapes}, biases of {[np.shape(b) for b in biases]}",
            expected="weights (n_1, n_0), (n_2, n_1), ... and biases (n_1, 1), (n_2, 1), ...",
        )
    description = Description(checked_sizes(sizes), ("sigmoid",) * len(shapes), cost)
    theta = Parameters.of(aligned_zeros(description.layout.size, "float64"), description.layout)
    for view, matrix in zip((*theta.weights, *theta.biases), (*weights, *biases), strict=True):
        view[:] = matrix
    return description, theta


def unpack(theta: Parameters) -> tuple[list[Array], list[Array]]:
    """Return weights and biases as lists of arrays of their own."""
    return [W.copy() for W in theta.weights], [b.copy() for b in theta.biases]


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
        raise DataError(f"there is no {name}: the data are empty", expected="one tuple or more")
    try:
        shapes = {v.shape for v in vectors}
    except AttributeError:  # nested lists, as in no program of the book
        vectors = [np.asarray(v) for v in vectors]
        shapes = {v.shape for v in vectors}
    wrong = shapes - {(rows, 1)}
    if wrong:
        raise ShapeError(
            f"{name} is no column vector of the network",
            got=f"shape {min(wrong)}",
            expected=f"({rows}, 1)",
            cure=f"Reshape it: numpy.reshape({name}, ({rows}, 1)).",
        )
    dtype = np.result_type(*{v.dtype for v in vectors})
    if dtype.kind not in "buif":
        raise ArrayTypeError(f"{name} does not hold real numbers", got=f"an array of {dtype}")
    table = np.empty((len(vectors), rows), dtype if dtype in KERNEL_TYPES else np.float64)
    count = max(1, ELEMENTS_AT_A_TIME // rows)
    for start in range(0, len(vectors), count):
        part = table[start : start + count]
        # Below each other they are copied one after the other; side by side, element by element.
        np.concatenate(vectors[start : start + len(part)], out=part.reshape(-1, 1))
        as_inputs(part.T, rows, "float64", name=f"{name} of data[{start}:{start + len(part)}]")
    return table.T


def as_labels(values: Sequence[Any]) -> NDArray[np.int64]:
    """Return whole numbers, one for each sample, as an array (n,).

    Raises
    ------
    ArrayTypeError
        If one of them is a vector or no whole number.
    """
    labels = np.asarray(values).ravel()
    if len(labels) != len(values) or labels.dtype.kind not in "iu":
        raise ArrayTypeError(
            "y is no label",
            got=f"an array of shape {np.shape(values[0])}" if len(values) else "no data",
            expected="a whole number, the class of x",
            cure="Pass test or validation data of load_data_wrapper; training data hold vectors.",
        )
    return labels.astype(np.int64)


def as_outputs(Y: Array, description: Description, columns: int) -> Targets:
    """Let wanted outputs, a matrix or labels, through the gate for the network's cost."""
    cost = find_cost(description.cost)
    interval = (cost.lowest_target, cost.highest_target)
    return as_targets(Y, description.sizes[-1], columns, "float64", interval=interval, name="y")


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
    threads = choose_threads("auto", theta.flat.size, m)
    with running(theta.flat):
        runner = SliceRunner(description, theta.flat, X, Y, m, threads)
        try:
            runner.run(order, eta, weight_decay)
        except NotFiniteError as error:
            raise DivergenceError(
                f"training diverged in epoch {epoch}, mini-batch {error.step}:"
                f" {error.what} is not finite",
                epoch=epoch,
                step=error.step,
                history=History(seed=0),  # the book's programs have neither seed nor history
                cure=f"Lower eta (it is {eta:g}).",
            ) from None
