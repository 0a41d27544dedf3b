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
from bpmatrix.engine.threads import run_together
from bpmatrix.engine.workspace import (
    GradientSum,
    input_columns,
    sample_weight_columns,
    target_columns,
    workspace,
)
from bpmatrix.kernels.arguments import Evaluate
from bpmatrix.kernels.codes import CALLED_OFF, LABELS
from bpmatrix.samples.arrays import Targets, check_finite
from bpmatrix.samples.sparse import SparseColumns

__all__ = [
    "Scores",
    "asking",
    "call_for_columns",
    "cost_and_gradient",
    "gradient",
    "outputs",
    "scores",
    "writable",
]

Array = NDArray[Any]
Floats = NDArray[np.float64]

# Enough for whole tiles, and few enough that the work matrices stay in a cache.
COLUMNS_AT_A_TIME = 96
# Between two calls of the compiled program Python looks whether Ctrl-C was pressed.
MULTIPLICATIONS_PER_CALL = 1 << 29

NO_TARGETS = (0, 0, LABELS, 1.0)
NOT_CALLED_OFF = np.zeros(CALLED_OFF + 1, np.int64)
# Results that are not wanted are empty arrays; what is not given has address 0.
NOTHING: dict[str, dict[str, Any]] = {
    dtype: {
        "outputs": np.empty((0, 0), dtype),
        "Y": NO_TARGETS,
        "V": sample_weight_columns(None),
        "flushes": False,
        "costs": np.empty(0),
        "hits": np.empty(0, np.int64),
        "gradient": np.empty(0, dtype),
        "total": np.empty(0),
    }
    for dtype in ("float64", "float32")
}

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
    _evaluate(description, X, asking(description, theta, X, outputs=results))
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
    costs, hits = np.empty(n), np.empty(n, np.int64)
    Y = target_columns(targets)
    _evaluate(description, X, asking(description, theta, X, Y=Y, costs=costs, hits=hits))
    return Scores(_mean(costs, weights), _mean(hits, weights))


def gradient(
    description: Description,
    theta: Array,
    X: Array,
    targets: Targets,
    weights: Floats | None = None,
) -> Array:
    """Return the gradient of the mean cost over the columns of X, laid out as theta."""
    return _gradient(description, theta, X, targets, weights)


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
    slope = _gradient(description, theta, X, targets, weights, costs=costs, flushes=True)
    return _mean(costs, weights), slope


def _gradient(
    description: Description,
    theta: Array,
    X: Array | SparseColumns,
    targets: Targets,
    weights: Floats | None,
    **asked: Any,
) -> Array:
    """Return the gradient of the mean cost, with what else is asked for."""
    n = X.shape[1]
    sums = GradientSum.over(n, theta)
    Y, V = target_columns(targets), sample_weight_columns(weights)
    asked.update(Y=Y, V=V, gradient=sums.group, total=sums.total)
    _evaluate(description, X, asking(description, theta, X, **asked))
    return sums.mean(n, n if weights is None else float(weights.sum()))


def _mean(numbers: Array, weights: Floats | None) -> float:
    """Return the mean, each number with its weight; what has none counts nothing, if infinite."""
    with np.errstate(over="ignore"):
        if weights is None:
            return float(numbers.mean())
        counting = weights > 0
        return float(np.average(numbers[counting], weights=weights[counting]))


def asking(
    description: Description, theta: Array, X: Array | SparseColumns, **asked: Any
) -> Evaluate:
    """Return the arguments of `evaluate` for the named results, and no others."""
    data = input_columns(X, description.input_scale)
    return Evaluate(theta=writable(theta), X=data, **(NOTHING[description.dtype] | asked))


def _evaluate(description: Description, X: Array | SparseColumns, given: Evaluate) -> None:
    """Call the compiled program for all columns of X.

    Raises
    ------
    DataError
        If X holds NaN or infinity.
    """
    # A gradient is summed in the order of the columns; all else is a column's own.
    threads = 1 if given.gradient.size else None
    finite = call_for_columns("evaluate", description, X.shape[1], given, threads=threads)
    if not all(finite) and not isinstance(X, SparseColumns):  # X, or what came of finite inputs
        check_finite(X, description.dtype, "X")


def writable(theta: Array) -> Array:
    """Return theta, or a copy if it is read-only, for which numba would compile a program anew."""
    return theta if theta.flags.writeable else theta.copy()


def call_for_columns(
    name: str,
    description: Description,
    n: int,
    given: tuple[Any, ...],
    *,
    passes: int = 1,
    threads: int | None = None,
) -> list[Any]:
    """Call a program for all n columns, block by block, and return the results of the calls.

    Parameters
    ----------
    name : {"evaluate", "input_gradient"}
        The program.
    description : Description
        The network.
    n : int
        How many columns there are.
    given : tuple
        The fields of the program's structure in `kernels.arguments`.
    passes : int, default 1
        The multiplications per column and parameter.
    threads : int, optional
        The number of threads; by default as many as are worth starting.
    """
    program = load_program(name, description.dtype)
    work_of_a_column = passes * description.layout.size
    threads = threads or threads_worth_starting(n * work_of_a_column)
    columns = min(n, COLUMNS_AT_A_TIME)
    step = columns * max(1, MULTIPLICATIONS_PER_CALL // (work_of_a_column * columns))
    shared = tuple(given)
    answers: list[Any] = []

    def call_for_share(t: int, control: Array) -> None:
        table, work = _own_workspace(description, columns)
        last = n * (t + 1) // threads
        for start in range(n * t // threads, last, step):
            if control[CALLED_OFF] == 0:
                stop = min(last, start + step)
                answers.append(program(start, stop, table, work, shared))

    if threads == 1:
        call_for_share(0, NOT_CALLED_OFF)  # may take less time than new control words
    else:
        run_together(threads, call_for_share)
    return answers


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
