"""Outputs for what a user passes: a short way for a few samples, the long one for all else.

A few samples take less time in compiled code than a look at an array takes in Python. So a thread
keeps what does not change while such predictions follow each other, and copies the samples to a
place of its own: that is quicker than to ask an array for its address.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bpmatrix.architecture.description import Description
from bpmatrix.engine import evaluation
from bpmatrix.engine.compilation import Program, load_program
from bpmatrix.engine.processors import threads_worth_starting
from bpmatrix.engine.workspace import workspace
from bpmatrix.samples.arrays import as_columns, check_finite

__all__ = ["outputs"]

Array = NDArray[Any]

# So many numbers are copied in about the time in which Python reads an address.
FEW = 1 << 12
# What a type of network holds without rounding; NumPy may convert it on the way.
EXACT = {
    "float64": frozenset(map(np.dtype, ("uint8", "float32", "float64"))),
    "float32": frozenset(map(np.dtype, ("uint8", "float32"))),
}


@dataclass(frozen=True, slots=True)
class _Desk:
    """Ready for samples of one shape: their place, and the arguments of the program.

    `before` are its arguments before theta and the results, `after` those behind them.
    """

    description: Description
    samples: Array
    types: frozenset[np.dtype[Any]]
    shape_of_results: tuple[int, int]
    program: Program
    before: tuple[int, int, Array, Array]
    after: tuple[Any, ...]


class _Kept(threading.local):
    """The desk of a thread's last prediction."""

    desk: _Desk | None = None


_kept = _Kept()


def outputs(description: Description, theta: Array, X: ArrayLike, *, name: str = "X") -> Array:
    """Return the output activations (n_L, n) of the columns of X, which pass the gate here.

    NaN and infinity in X are found by the program itself, and then raised as by the gate.
    `name` is what an error calls X.
    """
    # Nobody else finds the desk meanwhile: a signal handler may predict, too.
    desk, _kept.desk = _kept.desk, None
    if (
        desk is None
        or desk.description is not description
        or type(X) is not np.ndarray
        or X.shape != desk.samples.shape
        or X.dtype not in desk.types
    ):
        X = as_columns(X, description.sizes[0], name=name)
        if not _are_few(description, X):
            return evaluation.outputs(description, theta, X)
        desk = _new_desk(description, X.shape[1])
    if not theta.flags.writeable:
        theta = theta.copy()  # numba would compile the program anew for an array of another kind
    desk.samples[...] = X
    results = np.empty(desk.shape_of_results, theta.dtype)
    finite = desk.program(*desk.before, (theta, results, *desk.after))
    _kept.desk = desk
    if not finite:
        check_finite(X, description.dtype, name)
    return results.T


def _are_few(description: Description, X: Array) -> bool:
    """Whether samples are so few that they may be copied, and go through in one call."""
    n = X.shape[1]
    return (
        X.size <= FEW
        and n <= evaluation.COLUMNS_AT_A_TIME
        and X.dtype in EXACT[description.dtype]
        and threads_worth_starting(n * description.layout.size) == 1
    )


def _new_desk(description: Description, n: int) -> _Desk:
    dtype = description.dtype
    samples = np.empty((n, description.sizes[0]), dtype).T
    return _Desk(
        description,
        samples,
        EXACT[dtype],
        (n, description.sizes[-1]),
        load_program("evaluate", dtype),
        (0, n, *workspace(description, n)),
        evaluation.asking(description, samples[0], samples)[2:],  # behind theta and the results
    )
