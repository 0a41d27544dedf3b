"""Checks of arrays: shape, dtype, and that every number is finite.

The result has samples as columns, each contiguous in memory, in a dtype that the kernels read.
Arrays that need no change are not copied.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bpmatrix.array_types import Array
from bpmatrix.errors import ArrayTypeError, DataError, ShapeError
from bpmatrix.samples.frames import frame_of
from bpmatrix.samples.refused import check_no_dates

Interval = tuple[float | None, float | None]

KERNEL_TYPES = (np.dtype(np.uint8), np.dtype(np.float32), np.dtype(np.float64))
# Elements checked at a time, so that a check does not need memory for a copy of the data.
CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Targets:
    """Targets in the form that the kernels read.

    Attributes
    ----------
    array : array
        Labels (n,) of int64, a private copy; or Y (n_L, n) with contiguous columns, possibly the
        user's memory.
    are_labels : bool
        Whether `array` contains labels.
    are_classes : bool
        Whether each target is a class: labels, one-hot columns, or a row of 0 and 1.
    """

    array: Array
    are_labels: bool
    are_classes: bool


def as_inputs(X: ArrayLike, rows: int, dtype: str, *, name: str = "X") -> Array:
    """Return X as a matrix (rows, n) with contiguous columns; the rows of a table are samples.

    uint8, float32 and float64 are kept. bool becomes uint8, float16 becomes float32, and any other
    real dtype float64. A matrix with contiguous columns is not copied; a C-ordered one is, once.

    Parameters
    ----------
    X : (rows, n) array_like, or a table of n rows
        Samples as columns; as the rows of a table of pandas, polars, pyarrow or another library.
    rows : int
        The number of inputs of the network, n_0.
    dtype : str
        The network's dtype, in which all numbers must be finite.
    name : str
        The name of the array in errors.

    Raises
    ------
    ArrayTypeError
        If X is a sparse matrix, or does not contain real numbers.
    ShapeError
        If it is not a matrix with that many rows.
    DataError
        If it is empty or contains NaN or infinity.

    Examples
    --------
    >>> table = np.ones((3, 2))                # 3 samples, 2 features
    >>> np.shares_memory(as_inputs(table.T, 2, "float64"), table)
    True
    """
    array = as_columns(X, rows, name=name)
    check_finite(array, dtype, name)
    return array


def as_columns(X: ArrayLike, rows: int, *, name: str = "X") -> Array:
    """Return X as `as_inputs` does, for programs that detect NaN and infinity themselves.

    Checking all of X in advance can take as long as the computation.
    """
    if type(X) is not np.ndarray and (frame := frame_of(X, name)):
        X = frame.as_columns(rows, name)
    array = as_array(X, name)
    _check_matrix(array, rows, name, X)
    return _with_contiguous_columns(array)


def as_targets(
    targets: ArrayLike,
    n_outputs: int,
    n_samples: int,
    dtype: str,
    *,
    interval: Interval = (None, None),
    sum_to_one: bool = False,
    name: str = "targets",
    cure: str = "Scale the targets.",
) -> Targets:
    """Return targets as labels or as a matrix Y with contiguous columns.

    Parameters
    ----------
    targets : array_like
        (n_L, n): Y itself. (n,) of integers with n_L >= 2: labels, 0 to n_L - 1. (n,) with
        n_L = 1: the row of targets.
    n_outputs, n_samples : int
        The network's number of outputs, and the number of samples in X.
    dtype : str
        The network's dtype.
    interval : pair of float or None
        The lowest and the highest target for which the cost is defined.
    sum_to_one : bool
        Whether each column must be a distribution.
    name : str
        The name of the array in errors.
    cure : str
        What to do about a target outside the interval.

    Raises
    ------
    ArrayTypeError, ShapeError, DataError
        As `as_inputs`; DataError also for a label out of range or a target outside the interval.

    Examples
    --------
    >>> as_targets([0, 2, 1], 3, 3, "float64").are_labels
    True
    """
    if type(targets) is not np.ndarray and (frame := frame_of(targets, name)):
        is_table = frame.names is not None
        targets = frame.as_columns(n_outputs, name) if is_table else frame.array
    array = as_array(targets, name)
    if array.ndim == 1 and n_outputs == 1:
        array = array[None, :]
    if array.ndim == 1:
        return Targets(_as_labels(array, n_outputs, n_samples, name), True, True)
    _check_matrix(array, n_outputs, name, targets)
    if array.shape[1] != n_samples:
        raise _wrong_count(name, array.shape[1], n_samples)
    array = _with_contiguous_columns(array)
    check_finite(array, dtype, name)
    check_interval(array, interval, name, "for which the cost is not defined", cure)
    if sum_to_one:
        _check_sums(array, name)
    return Targets(array, False, are_classes(array))


def are_classes(Y: Array) -> bool:
    """Return whether Y (n_L, n) holds one-hot columns or, with one output, only 0 and 1."""
    is_binary = bool(((Y == 0) | (Y == 1)).all())
    return is_binary and (len(Y) == 1 or bool((Y.sum(axis=0) == 1).all()))


def as_array(values: ArrayLike, name: str) -> Array:
    """Return an array of real numbers, of any shape and dtype.

    The result may share memory with the user's array but is never the same object, whose shape or
    dtype could be changed while it is in use.

    Raises
    ------
    ArrayTypeError
        If it is sparse, masked or ragged, or does not contain real numbers.
    """
    array = values if type(values) is np.ndarray else _foreign_array(values, name)
    array = array.view()
    if array.dtype.kind not in "buif":
        check_no_dates(array, name)
        raise ArrayTypeError(
            f"{name} does not hold real numbers",
            got=f"an array of {array.dtype}",
            cure=_how_to_get_numbers(array, name),
        )
    return array


def _how_to_get_numbers(array: Array, name: str) -> str:
    if array.dtype.kind == "c":
        return f"Pass {name}.real, and {name}.imag as additional rows if it matters."
    text = f"Pass numpy.asarray({name}, float) if the numbers are stored as text or objects"
    if name.endswith("targets"):
        text += f", numpy.unique({name}, return_inverse=True)[1] if they are class names"
    return f"{text}."


def check_finite(array: Array, dtype: str, name: str) -> None:
    """Raise DataError unless all numbers are finite; it gives the first position and the count.

    For a float32 network, numbers too large for float32 count as infinite.
    """
    if array.dtype.kind != "f":
        return
    narrow = dtype == "float32" and array.dtype.itemsize > 4
    if array.size <= CHUNK and not narrow and np.isfinite(array).all():
        return
    table = array.T if array.ndim == 2 else array[:, None]
    rows = max(1, CHUNK // max(1, table.shape[1]))
    bad, first = 0, None
    for start in range(0, len(table), rows):
        part = table[start : start + rows]
        with np.errstate(over="ignore"):
            finite = np.isfinite(part.astype(np.float32) if narrow else part)
        if finite.all():
            continue
        if first is None:
            sample, row = np.argwhere(~finite)[0]
            first = (int(row), start + int(sample), part[sample, row])
        bad += int(finite.size - finite.sum())
    if first is not None:
        row, column, value = first
        place = f"row {row}, column {column}" if array.ndim == 2 else f"position {column}"
        raise DataError(
            f"{name} has {bad} value{'s' * (bad > 1)} that {'are' if bad > 1 else 'is'} NaN,"
            f" infinite or too large for {dtype}",
            got=f"{value} first, in {place} (counted from 0)",
            cure='Scale the numbers, or use dtype="float64".'
            if np.isfinite(value)
            else "Remove these samples or fill in the missing values first.",
        )


def check_interval(
    array: Array, interval: Interval, name: str, what: str, cure: str, *, slack: float = 0.0
) -> None:
    """Raise DataError unless all numbers are in a closed interval.

    Parameters
    ----------
    array : array
        A matrix of finite numbers.
    interval : pair of float or None
        The bounds; None for no bound.
    name, what, cure : str
        The name of the array, what is wrong with other numbers, and what to do about them.
    slack : float, default 0.0
        The allowed distance from the interval.
    """
    low = -math.inf if interval[0] is None else interval[0]
    high = math.inf if interval[1] is None else interval[1]
    if array.min() >= low - slack and array.max() <= high + slack:
        return
    outside = (array < low - slack) | (array > high + slack)
    row, column = np.argwhere(outside)[0]
    count = int(outside.sum())
    raise DataError(
        f"{name} has {count} number{'s' * (count > 1)} {what}",
        got=f"{array[row, column]} first, in row {row}, column {column}",
        expected=f"{low:g} to {high:g}" if high < math.inf else f"{low:g} or more",
        cure=cure,
    )


def _foreign_array(values: ArrayLike, name: str) -> Array:
    """Convert to an array what is not one; reject what NumPy would misinterpret."""
    if frame := frame_of(values, name):
        return frame.array
    if isinstance(values, np.ma.MaskedArray):
        raise ArrayTypeError(
            f"{name} is a masked array",
            cure=f"Pass {name}.filled(value), or leave the masked samples out.",
        )
    if hasattr(values, "toarray"):
        raise ArrayTypeError(
            f"{name} is a sparse matrix", cure=f"Pass {name}.toarray().T if its rows are samples."
        )
    try:
        return np.asarray(values)
    except ValueError:
        raise ArrayTypeError(
            f"{name} is not an array: its rows have different lengths",
            cure="Give all rows the same length.",
        ) from None


def _check_matrix(array: Array, rows: int, name: str, given: Any) -> None:
    expected, each = f"({rows}, m)", f"Each column is a sample of {rows} number{'s' * (rows > 1)}."
    if array.ndim == 1:
        cure = f"Samples are columns here: pass {name}"
        if rows == 1:
            cure += "[None, :]."
        elif array.size == rows:
            cure += "[:, None] for a single sample."
        else:
            cure = each
        raise ShapeError(f"{name} has one axis: shape {array.shape}", expected=expected, cure=cure)
    if array.ndim != 2 or array.shape[0] != rows:
        turn = array.ndim == 2 and array.shape[1] == rows
        turned = f"{name}.T" if hasattr(given, "T") else f"numpy.transpose({name})"
        raise ShapeError(
            f"{name} has shape {array.shape}",
            expected=expected,
            cure=f"Samples are columns here: pass {turned} if yours are rows." if turn else each,
        )
    if array.shape[1] == 0:
        raise DataError(f"{name} is empty: shape {array.shape}", expected="at least one column")


def _with_contiguous_columns(array: Array) -> Array:
    """Return the matrix in a dtype and memory order that the kernels read; copy only if needed."""
    step_is_right = array.shape[0] == 1 or array.strides[0] == array.itemsize
    if step_is_right and array.dtype in KERNEL_TYPES and array.flags.aligned:
        return array
    # Numbers too large for float64 become infinite here, and are rejected later.
    with np.errstate(over="ignore"):  # np.array always copies, asfortranarray does not
        return np.array(array, dtype=kernel_type(array.dtype), order="F")


def kernel_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which the kernels read numbers of a dtype."""
    native = dtype.newbyteorder("=")
    if native in KERNEL_TYPES:
        return native
    if native == np.bool_:
        return np.dtype(np.uint8)
    return np.dtype(np.float32) if native == np.float16 else np.dtype(np.float64)


def _as_labels(labels: Array, n_outputs: int, n_samples: int, name: str) -> Array:
    if labels.size == 0:
        raise DataError(f"{name} is empty", expected="one label per sample")
    # Programs use labels as indices to write to: a callback that changes the user's array must not
    # change the checked labels.
    labels = labels.copy()
    if labels.shape[0] != n_samples:
        raise _wrong_count(name, labels.shape[0], n_samples)
    if labels.dtype.kind == "f":
        raise ArrayTypeError(
            f"{name} has one axis, so it must contain labels",
            got=f"an array of {labels.dtype}",
            expected=f"whole numbers from 0 to {n_outputs - 1}",
            cure=f"Pass {name}.astype(int) for labels, or Y of shape ({n_outputs}, {n_samples}).",
        )
    outside = np.flatnonzero((labels < 0) | (labels >= n_outputs))
    if outside.size:
        raise DataError(
            f"{name} has {outside.size} label{'s' * (outside.size > 1)} out of range",
            got=f"{labels[outside[0]]} first, at position {outside[0]}",
            expected=f"0 to {n_outputs - 1}, since the network has {n_outputs} outputs",
            cure="Number the classes from 0, or give the network one output per class.",
        )
    return labels.astype(np.int64, copy=False)


def _check_sums(array: Array, name: str) -> None:
    sums = array.sum(axis=0, dtype=np.float64)
    # The sum of a float32 distribution may differ from 1 by one rounding error per term.
    wrong = np.flatnonzero(np.abs(sums - 1) > 1e-6 * array.shape[0])
    if wrong.size:
        raise DataError(
            f"{name} has {wrong.size} columns that do not sum to 1",
            got=f"{sums[wrong[0]]:g} first, in column {wrong[0]}",
            expected="a distribution over the classes",
            cure="Divide each column by its sum, or pass labels.",
        )


def _wrong_count(name: str, got: int, expected: int) -> ShapeError:
    return ShapeError(
        f"{name} and X do not have the same number of samples",
        got=f"{got} targets",
        expected=f"{expected}, one per column of X",
    )
