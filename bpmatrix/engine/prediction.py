"""Outputs for what a user passes: a fast path for a few samples, the general one for the rest.

A few samples take less time in compiled code than Python takes to check an array. So each thread
keeps the arguments of its last prediction, and copies the next samples into the same array, which
is faster than asking a new array for its address.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bpmatrix.architecture.description import Description
from bpmatrix.array_types import Array
from bpmatrix.engine import evaluation
from bpmatrix.engine.compilation import Program, load_program
from bpmatrix.engine.processors import threads_worth_starting
from bpmatrix.engine.workspace import workspace
from bpmatrix.errors import DataError
from bpmatrix.samples.ahead import Ahead
from bpmatrix.samples.arrays import as_columns, check_finite
from bpmatrix.samples.blocks import Blocks

# Copying this many numbers takes about as long as reading an address in Python.
FEW = 1 << 12
# The dtypes that a network's dtype holds without rounding; NumPy may convert them in the copy.
EXACT = {
    "float64": frozenset(map(np.dtype, ("uint8", "float32", "float64"))),
    "float32": frozenset(map(np.dtype, ("uint8", "float32"))),
}


@dataclass(frozen=True, slots=True)
class _PreparedCall:
    """A call of `evaluate` for samples of one shape, complete but for theta and the outputs.

    `own` are the arguments that belong to one thread, `rest` the fields of `Evaluate` after theta
    and the outputs.
    """

    description: Description
    shape: tuple[int, ...]
    samples: Array
    dtypes: frozenset[np.dtype[Any]]
    shape_of_outputs: tuple[int, int]
    program: Program
    own: tuple[int, int, Array, Array]
    rest: tuple[Any, ...]


class _LastPrediction(threading.local):
    """The call that a thread's last prediction prepared."""

    call: _PreparedCall | None = None


_last = _LastPrediction()


def outputs(
    description: Description, theta: Array, X: ArrayLike | Blocks, *, name: str = "X"
) -> Array:
    """Return the output activations (n_L, n) of the columns of X, which are checked here.

    The rows of `Blocks` are samples.

    NaN and infinity in X are found by the program itself, and then raise the usual error. `name`
    is what an error calls X.

    Raises
    ------
    DataError
        If X is not finite, or if an output is NaN.
    """
    # A signal handler may predict meanwhile, and must not find the call in use.
    call, _last.call = _last.call, None
    if (
        call is None
        or call.description is not description
        or type(X) is not np.ndarray
        or X.shape != call.shape
        or X.dtype not in call.dtypes
    ):
        if isinstance(X, Blocks):
            with Ahead(X.with_samples()) as ahead:
                rows = [outputs(description, theta, block.X.T, name=name).T for _, block in ahead]
            return evaluation.joined(rows).T
        X = as_columns(X, description.sizes[0], name=name)
        if not _are_few(description, X):
            return check_results(evaluation.outputs(description, theta, X), "an output")
        call = _prepare(description, X.shape[1])
    if not theta.flags.writeable:
        theta = theta.copy()  # numba would compile the program anew for a read-only array
    call.samples[...] = X
    results = np.empty(call.shape_of_outputs, theta.dtype)
    finite = call.program(*call.own, (theta, results, *call.rest))
    _last.call = call
    if not finite:
        check_finite(X, description.dtype, name)
        check_results(results, "an output")
    return results.T


def check_results(results: Array, what: str) -> Array:
    """Return the results, unless one is NaN; `what` is their name in the error.

    For example, the largest of several outputs is not a prediction if one of them is NaN.
    """
    if np.isnan(results).any():
        raise DataError(
            f"{what} is NaN: weights or inputs are so large that sums overflow, or a weight is NaN",
            cure="Scale the inputs to about -1 to 1; if training has made the weights large, train"
            " a new network with a lower learning rate.",
        )
    return results


def _are_few(description: Description, X: Array) -> bool:
    """Return whether the samples are few enough to be copied and evaluated in one call."""
    n = X.shape[1]
    return (
        X.size <= FEW
        and n <= evaluation.COLUMNS_AT_A_TIME
        and X.dtype in EXACT[description.dtype]
        and threads_worth_starting(n * description.layout.size) == 1
    )


def _prepare(description: Description, n: int) -> _PreparedCall:
    dtype = description.dtype
    samples = np.empty((n, description.sizes[0]), dtype).T
    return _PreparedCall(
        description,
        samples.shape,
        samples,
        EXACT[dtype],
        (n, description.sizes[-1]),
        load_program("evaluate", dtype),
        (0, n, *workspace(description, n)),
        evaluation.evaluate_arguments(description, samples[0], samples)[2:],
    )
