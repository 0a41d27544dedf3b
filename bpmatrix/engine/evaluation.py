"""Evaluate a network without changing it: outputs, cost, accuracy and gradient of any samples."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpmatrix.architecture.description import Description
from bpmatrix.array_types import Array, Floats, Integers
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
from bpmatrix.kernels.arguments import DataPointer, Evaluate
from bpmatrix.kernels.codes import CALLED_OFF, LABELS
from bpmatrix.samples.arrays import check_finite
from bpmatrix.samples.samples import Samples
from bpmatrix.samples.sparse import SparseColumns
from bpmatrix.samples.windows import AnySamples

# Enough columns for whole tiles, and few enough that the work matrices stay in a cache.
COLUMNS_AT_A_TIME = 96
# Python checks for Ctrl-C between two calls of the compiled program.
MULTIPLICATIONS_PER_CALL = 1 << 29

# Data that are not given have address 0; results that are not wanted are empty arrays.
NO_TARGETS = (0, 0, LABELS, 1.0)
NO_WEIGHTS = sample_weight_columns(None)
NO_COSTS, NO_HITS = np.empty(0), np.empty(0, np.int64)
NO_OUTPUTS = {dtype: np.empty((0, 0), dtype) for dtype in ("float64", "float32")}
NO_GRADIENT = {dtype: GradientSum(np.empty(0, dtype), np.empty(0)) for dtype in NO_OUTPUTS}
NOT_CALLED_OFF = np.zeros(CALLED_OFF + 1, np.int64)

# A thread reuses its last work array if it has at most this many elements: allocating one takes
# longer than a small network needs for a sample.
REUSABLE_ELEMENTS = 1 << 18


class _LastWorkspace(threading.local):
    """The last workspace of a thread and its description and columns: one value, set at once."""

    value: tuple[Description | None, int, tuple[Array, Array]] = None, 0, (np.empty(0), np.empty(0))


_last = _LastWorkspace()


@dataclass(frozen=True, slots=True)
class Scores:
    """The mean cost of some samples, and the fraction of them that are classified correctly."""

    cost: float
    accuracy: float


def outputs(description: Description, theta: Array, X: Array | SparseColumns) -> Array:
    """Return the output activations (n_L, n) of the columns of X, which passed `as_columns`."""
    results = np.empty((X.shape[1], description.sizes[-1]), description.dtype)
    _evaluate(description, X, evaluate_arguments(description, theta, X, outputs=results))
    return results.T


def scores(description: Description, theta: Array, samples: AnySamples) -> Scores:
    """Return the weighted mean cost and the weighted accuracy over some samples."""
    return scores_of_parts(description, theta, samples.parts())


def scores_of_parts(description: Description, theta: Array, parts: Iterable[Samples]) -> Scores:
    """Return the scores over all samples of some parts, the same bits as over one array."""
    costs, hits, weights = [], [], []
    for part in parts:
        of_part = costs_and_hits(description, theta, part)
        costs.append(of_part[0])
        hits.append(of_part[1])
        if part.weights is not None:
            weights.append(part.weights)
    all_weights = joined(weights) if weights else None
    return Scores(mean(joined(costs), all_weights), mean(joined(hits), all_weights))


def costs_and_hits(
    description: Description, theta: Array, samples: Samples
) -> tuple[Floats, Integers]:
    """Return the cost of each sample, and whether it is classified correctly."""
    n = samples.X.shape[1]
    costs, hits = np.empty(n), np.empty(n, np.int64)
    Y = target_columns(samples.targets)
    given = evaluate_arguments(description, theta, samples.X, Y, costs=costs, hits=hits)
    _evaluate(description, samples.X, given)
    return costs, hits


def joined(parts: list[Array]) -> Array:
    """Return the rows of some arrays, one after the other; a single array is not copied."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def gradient(
    description: Description,
    theta: Array,
    samples: Samples,
    *,
    costs: Floats = NO_COSTS,
    flushes: bool = False,
) -> Array:
    """Return the gradient of the mean cost over some samples, laid out as theta.

    `costs` is filled with the cost of each sample unless it is empty. With `flushes`, subnormal
    numbers are flushed to 0, as in training.
    """
    X, weights, n = samples.X, samples.weights, samples.X.shape[1]
    sums = GradientSum.over(n, theta)
    Y, V = target_columns(samples.targets), sample_weight_columns(weights)
    given = evaluate_arguments(description, theta, X, Y, V, costs=costs, sums=sums, flushes=flushes)
    _evaluate(description, X, given)
    return sums.mean(n, n if weights is None else float(weights.sum()))


def cost_and_gradient(
    description: Description, theta: Array, samples: Samples
) -> tuple[float, Array]:
    """Return the mean cost over some samples and its gradient, in one pass, for a solver.

    As in training, subnormal numbers are flushed to 0.
    """
    costs = np.empty(samples.X.shape[1])
    slope = gradient(description, theta, samples, costs=costs, flushes=True)
    return mean(costs, samples.weights), slope


def mean(numbers: Array, weights: Floats | None) -> float:
    """Return the weighted mean; numbers of weight 0 are ignored, even infinite ones."""
    with np.errstate(over="ignore"):
        if weights is None:
            return float(numbers.sum(dtype=np.float64)) / numbers.size  # `mean` takes twice as long
        positive = weights > 0
        return float(np.average(numbers[positive], weights=weights[positive]))


def evaluate_arguments(
    description: Description,
    theta: Array,
    X: Array | SparseColumns,
    Y: DataPointer = NO_TARGETS,
    V: DataPointer = NO_WEIGHTS,
    *,
    outputs: Array | None = None,
    costs: Floats = NO_COSTS,
    hits: Integers = NO_HITS,
    sums: GradientSum | None = None,
    flushes: bool = False,
) -> Evaluate:
    """Return the arguments of the program `evaluate`; it fills the arrays that are passed here."""
    dtype = description.dtype
    group, total = NO_GRADIENT[dtype] if sums is None else sums
    return Evaluate(
        writable(theta),
        NO_OUTPUTS[dtype] if outputs is None else outputs,
        input_columns(X, description.input_scale),
        Y,
        V,
        flushes,
        costs,
        hits,
        group,
        total,
    )


def _evaluate(description: Description, X: Array | SparseColumns, given: Evaluate) -> None:
    """Call the compiled program for all columns of X.

    Raises
    ------
    DataError
        If X holds NaN or infinity.
    """
    # A gradient is summed over the columns in order; everything else is computed column by column.
    threads = 1 if given.gradient.size else None
    finite = call_for_columns("evaluate", description, X.shape[1], given, threads=threads)
    # z[1] may also overflow for finite inputs, so X itself is checked.
    if not all(finite) and not isinstance(X, SparseColumns):
        check_finite(X, description.dtype, "X")


def writable(theta: Array) -> Array:
    """Return theta, or a copy if it is read-only: numba would compile the program anew for that."""
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
    """Call a program for n columns, some of them at a time, and return the results of the calls.

    Parameters
    ----------
    name : {"evaluate", "input_gradient"}
        The program.
    description : Description
        The network.
    n : int
        The number of columns.
    given : tuple
        The fields of the program's structure in `kernels.arguments`.
    passes : int, default 1
        Multiplications per column and parameter.
    threads : int, optional
        The number of threads; by default as many as are worth starting.
    """
    program = load_program(name, description.dtype)
    work_of_a_column = passes * description.layout.size
    threads = threads or threads_worth_starting(n * work_of_a_column)
    columns = min(n, COLUMNS_AT_A_TIME)
    step = columns * max(1, MULTIPLICATIONS_PER_CALL // (work_of_a_column * columns))
    shared = tuple(given)
    results: list[Any] = []

    def call_for_share(t: int, control: Array) -> None:
        table, work = _own_workspace(description, columns)
        last = n * (t + 1) // threads
        for start in range(n * t // threads, last, step):
            if control[CALLED_OFF] == 0:
                stop = min(last, start + step)
                results.append(program(start, stop, table, work, shared))

    if threads == 1:
        call_for_share(0, NOT_CALLED_OFF)  # allocating control words may take longer than the call
    else:
        run_together(threads, call_for_share)
    return results


def _own_workspace(description: Description, columns: int) -> tuple[Array, Array]:
    """Return a table and a work array of this thread, the last ones if they fit.

    Programs write before they read, so a work array can be used by one call after another.
    """
    owner, last_columns, last = _last.value
    if owner is description and last_columns == columns:
        return last
    new = workspace(description, columns)
    if new[1].size <= REUSABLE_ELEMENTS:
        _last.value = description, columns, new
    return new
