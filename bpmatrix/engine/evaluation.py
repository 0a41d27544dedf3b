"""Looking at a network without changing it: outputs, costs, hits and gradient of any samples."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.architecture.description import Description
from bpmatrix.engine.compilation import load_program
from bpmatrix.engine.processors import threads_worth_starting
from bpmatrix.engine.threads import CALLED_OFF, run_together
from bpmatrix.engine.workspace import (
    NO_SUM,
    ColumnsOf,
    GradientSum,
    input_columns,
    sample_weight_columns,
    target_columns,
    workspace,
)
from bpmatrix.kernels import codes
from bpmatrix.samples.arrays import Targets, check_finite
from bpmatrix.samples.sparse import SparseColumns

__all__ = ["Scores", "cost_and_gradient", "gradient", "outputs", "scores"]

Array = NDArray[Any]
Floats = NDArray[np.float64]

# Enough for whole tiles, and few enough that the work matrices stay in a cache.
COLUMNS_AT_A_TIME = 96
# Between two calls of the compiled program Python looks whether Ctrl-C was pressed.
MULTIPLICATIONS_PER_CALL = 1 << 29

NOTHING = {
    dtype: (np.empty((0, 0), dtype), np.empty(0), np.empty(0, np.int64), NO_SUM[dtype])
    for dtype in ("float64", "float32")
}
NOT_CALLED_OFF = np.zeros(CALLED_OFF + 1, np.int64)
NO_TARGETS = (0, 0, codes.LABELS, 1.0)
NO_WEIGHTS = sample_weight_columns(None)

# A thread keeps its last work array for the next call, if it has at most so many elements: to make
# one takes longer than to carry a sample through a small network.
WORTH_KEEPING = 1 << 18


class _Kept(threading.local):
    """What the last workspace of a thread is for, and the workspace: one value, so always whole."""

    last: tuple[Description | None, int, tuple[Array, Array]] = None, 0, (np.empty(0), np.empty(0))


_kept = _Kept()


@dataclass(frozen=True, slots=True)
class Scores:
    """The mean cost of some samples, and the fraction of them whose class was named."""

    cost: float
    accuracy: float


def outputs(description: Description, theta: Array, X: Array | SparseColumns) -> Array:
    """Return the output activations (n_L, n) of the columns of X, which passed `as_columns`."""
    results = np.empty((X.shape[1], description.sizes[-1]), description.dtype)
    _, costs, hits, gradient = NOTHING[description.dtype]
    _evaluate(description, theta, X, NO_TARGETS, results, costs, hits, gradient)
    return results.T


def scores(
    description: Description,
    theta: Array,
    X: Array | SparseColumns,
    targets: Targets,
    weights: Floats | None = None,
) -> Scores:
    """Return the mean cost and the accuracy over the columns of X, each with its weight."""
    n = X.shape[1]
    results, _, _, gradient = NOTHING[description.dtype]
    costs, hits = np.empty(n), np.empty(n, np.int64)
    _evaluate(description, theta, X, target_columns(targets), results, costs, hits, gradient)
    return Scores(_mean(costs, weights), _mean(hits, weights))


def gradient(
    description: Description,
    theta: Array,
    X: Array,
    targets: Targets,
    weights: Floats | None = None,
) -> Array:
    """Return the gradient of the mean cost over the columns of X, laid out as theta."""
    _, costs, _, _ = NOTHING[description.dtype]
    return _gradient(description, theta, X, targets, weights, costs)


def cost_and_gradient(
    description: Description,
    theta: Array,
    X: Array | SparseColumns,
    targets: Targets,
    weights: Floats | None = None,
) -> tuple[float, Array]:
    """Return the mean cost over the columns of X, and its gradient, in one pass, for a solver.

    As in training, what falls below the normal range on the way is 0.
    """
    costs = np.empty(X.shape[1])
    slope = _gradient(description, theta, X, targets, weights, costs, flushes=True)
    return _mean(costs, weights), slope


def _gradient(
    description: Description,
    theta: Array,
    X: Array | SparseColumns,
    targets: Targets,
    weights: Floats | None,
    costs: Floats,
    *,
    flushes: bool = False,
) -> Array:
    """Return the gradient of the mean cost; `costs` is filled if it has room."""
    results, _, hits, _ = NOTHING[description.dtype]
    n = X.shape[1]
    sums = GradientSum.over(n, theta)
    Y, V = target_columns(targets), sample_weight_columns(weights)
    _evaluate(description, theta, X, Y, results, costs, hits, sums, V, flushes=flushes)
    return sums.mean(n, n if weights is None else float(weights.sum()))


def _mean(numbers: Array, weights: Floats | None) -> float:
    """Return the mean, each number with its weight; what has none counts nothing, if infinite."""
    with np.errstate(over="ignore"):
        if weights is None:
            return float(numbers.mean())
        counting = weights > 0
        return float(np.average(numbers[counting], weights=weights[counting]))


def _evaluate(
    description: Description,
    theta: Array,
    X: Array | SparseColumns,
    Y: ColumnsOf,
    results: Array,
    costs: Array,
    hits: Array,
    gradient: GradientSum,
    V: ColumnsOf = NO_WEIGHTS,
    *,
    flushes: bool = False,
) -> None:
    """Call the compiled program for all columns of X; what has room is filled.

    Raises
    ------
    DataError
        If X holds NaN or infinity.
    """
    program = load_program("evaluate", description.dtype)
    if not theta.flags.writeable:
        theta = theta.copy()  # numba would compile the program anew for an array of another kind
    n, data = X.shape[1], input_columns(X, description.input_scale)
    work_of_a_column = description.layout.size
    # A gradient is summed in the order of the columns; all else is a column's own.
    threads = 1 if gradient.group.size else threads_worth_starting(n * work_of_a_column)
    columns = min(n, COLUMNS_AT_A_TIME)
    step = columns * max(1, MULTIPLICATIONS_PER_CALL // (work_of_a_column * columns))
    not_finite: list[int] = []

    def evaluate_share(t: int, control: Array) -> None:
        table, work = _own_workspace(description, columns)
        last = n * (t + 1) // threads
        for start in range(n * t // threads, last, step):
            if control[CALLED_OFF] == 0:
                stop = min(last, start + step)
                what = data, Y, V, start, stop, flushes
                if not program(table, theta, work, *what, results, costs, hits, *gradient):
                    not_finite.append(start)

    if threads == 1:
        evaluate_share(0, NOT_CALLED_OFF)  # a sample may take less time than new control words
    else:
        run_together(threads, evaluate_share)
    if not_finite and not isinstance(X, SparseColumns):  # X, or what came of finite inputs
        check_finite(X, description.dtype, "X")


def _own_workspace(description: Description, columns: int) -> tuple[Array, Array]:
    """Return a table and a work array that no other thread uses, those of the last call if alike.

    No program counts on what it finds in a work array, so that calls may follow each other in it.
    """
    owner, kept_columns, kept = _kept.last
    if owner is description and kept_columns == columns:
        return kept
    new = workspace(description, columns)
    if new[1].size <= WORTH_KEEPING:
        _kept.last = description, columns, new
    return new
