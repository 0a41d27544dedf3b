"""Tables and columns of other libraries as arrays: pandas, polars, pyarrow, anything in Arrow.

Every library converts a column to an array by its own `to_numpy`, and the array shows what the
column holds, so no library is imported, and their types need not be listed here. A table of a
library unknown to us, such as a relation of DuckDB, is read through Arrow's capsule interface.
"""

from __future__ import annotations

import decimal
import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpmatrix.array_types import Array
from bpmatrix.errors import ArrayTypeError, DataError, MissingPackageError, ShapeError
from bpmatrix.samples.refused import ENCODER, check_is_fetched, check_no_dates
from bpmatrix.terminal import say

TEXT = (str, bytes)
NUMBERS = (numbers.Real, decimal.Decimal, np.bool_)
LISTS = (list, tuple, dict, np.ndarray)
# The kinds of tables whose orientation `Network` has announced in this process.
_announced: set[str] = set()


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """A table or a single column, as an array.

    Attributes
    ----------
    array : (n, k) or (n,) array
        The table, whose rows are samples; or the column.
    names : list or None
        The names of the columns of a table; None for a single column.
    kind : str
        The library and the class.
    """

    array: Array
    names: list[Any] | None
    kind: str

    def as_columns(self, rows: int, name: str) -> Array:
        """Return the rows of a table as columns, and say so once for each kind of table.

        Parameters
        ----------
        rows : int
            The number of columns that the table must have.
        name : str
            What errors call it.

        Raises
        ------
        ShapeError
            If it has another number of columns.
        """
        if self.names is None:
            return self.array[None] if self.array.ndim == 1 and rows == 1 else self.array
        n, columns = self.array.shape
        if columns != rows:
            raise ShapeError(
                f"{name} is a {self.kind} with {_count(columns, 'column')}",
                expected=f"{rows}",
                cure="The rows of a table are samples: transpose it if yours are its columns."
                if n == rows
                else "Select the columns first.",
            )
        if self.kind not in _announced:
            _announced.add(self.kind)
            say(f"bpmatrix: each row of a {self.kind} is a sample (of an array, each column)")
        return self.array.T


def frame_of(values: Any, name: str, *, are_labels: bool = False) -> Frame | None:
    """Return a table or a column of another library as an array; None if it is something else.

    Numbers of several dtypes become those of the common one; decimal numbers become float64.

    Parameters
    ----------
    values : object
        Of pandas, polars or pyarrow, or with ``__arrow_c_stream__``; or anything else.
    name : str
        What errors call it.
    are_labels : bool, default False
        Whether the values are class labels of any type, not numbers.

    Raises
    ------
    ArrayTypeError
        If a column holds dates, text or lists, or the table is not in memory.
    DataError
        If a value is missing.
    MissingPackageError
        If pyarrow is needed to read the table, and missing.

    Examples
    --------
    >>> frame_of(np.ones(2), "X") is None
    True
    """
    if isinstance(values, np.ndarray | list | tuple):
        return None
    if isinstance(values, Frame):
        return values
    check_is_fetched(values, name)
    kind = f"{type(values).__module__.partition('.')[0]} {type(values).__name__}"
    if (whole := _whole(values)) is not None:
        return Frame(whole, list(values.columns), kind)
    found = _columns(values, name)
    if found is None:
        return None
    names, columns = found
    if names is None:
        return Frame(values_of(columns[0], name, are_labels=are_labels), None, kind)
    return Frame(joined(names, columns, name, are_labels=are_labels), names, kind)


def joined(
    names: list[Any], columns: list[Any], name: str, *, rows: int = 0, are_labels: bool = False
) -> Array:
    """Return columns, or `rows` rows without any, as an array (n, k); see `frame_of`."""
    arrays = [
        values_of(column, name, f"column {column_name!r}", are_labels=are_labels)
        for column_name, column in zip(names, columns, strict=True)
    ]
    dtype = np.result_type(*{array.dtype for array in arrays}) if arrays else np.float64
    table = np.empty((len(arrays[0]) if arrays else rows, len(arrays)), dtype)
    for j, array in enumerate(arrays):
        table[:, j] = array
    return table


def _whole(values: Any) -> Array | None:
    """Return a DataFrame of pandas with one dtype of NumPy, complete; None for all others.

    The rows of such a table, made from an array, are contiguous, and its columns slow to read.
    """
    is_table = getattr(values, "ndim", 1) == 2 and hasattr(values, "to_numpy")
    dtypes = {*values.dtypes} if is_table and hasattr(values, "dtypes") else set()
    dtype = dtypes.pop() if len(dtypes) == 1 else None
    if not isinstance(dtype, np.dtype) or dtype.kind not in "biuf":
        return None
    array = np.ascontiguousarray(values.to_numpy())
    return None if dtype.kind == "f" and np.isnan(array).any() else array


def _columns(values: Any, name: str) -> tuple[list[Any] | None, list[Any]] | None:
    """Return the names and columns of a table; None and a column; or None."""
    is_stream = hasattr(values, "__arrow_c_stream__")
    if hasattr(values, "to_numpy") and not hasattr(values, "__arrow_c_array__"):
        if not hasattr(values, "columns"):
            return None, [values]
        # Of pandas, whose columns may have equal names; of polars.
        columns = (column for _, column in values.items()) if hasattr(values, "items") else values
        return list(values.columns), list(columns)
    if not (is_stream or hasattr(values, "__arrow_c_array__")):
        return None
    try:
        import pyarrow as pa  # noqa: PLC0415 - loaded only for a table that needs it
    except ImportError:
        raise MissingPackageError.of_extra(
            f"{name}, a {type(values).__name__},", "pyarrow", "tables"
        ) from None
    column = pa.chunked_array(values if is_stream else [pa.array(values)])
    if not pa.types.is_struct(column.type):
        return None, [column]
    table = pa.Table.from_struct_array(column)
    return table.column_names, table.columns


def values_of(column: Any, name: str, where: str = "", *, are_labels: bool = False) -> Array:
    """Return a column as numbers, or as labels; raise an error that names it if it is neither."""
    array = np.asarray(column.to_numpy())
    kind = array.dtype.kind
    # Polars makes axes of lists and records; other libraries know an array of several axes.
    if kind in "biuf" and array.ndim == getattr(column, "ndim", 1):
        if kind == "f":
            _check_none_missing(np.isnan(array), name, where)
        return array
    if not are_labels:
        check_no_dates(array, name, where)
    if kind != "O" or array.ndim != 1:
        if are_labels and kind in "MmSTU" and array.ndim == 1:
            return array
        raise _no_numbers(name, where, next(iter(array), None))
    is_missing = np.fromiter(map(_is_missing, array), bool, array.size)
    known = array[~is_missing]
    for cell in known:
        if isinstance(cell, LISTS) if are_labels else not isinstance(cell, NUMBERS):
            raise _no_numbers(name, where, cell)
    _check_none_missing(is_missing, name, where)
    return array if are_labels else array.astype(np.float64)


def _is_missing(cell: Any) -> bool:
    """Return whether an object stands for a missing value in some library."""
    is_nan = isinstance(cell, float) and cell != cell  # noqa: PLR0124 - NaN
    return cell is None or is_nan or type(cell).__name__ in {"NAType", "NaTType"}


def _check_none_missing(is_missing: Array, name: str, where: str) -> None:
    count = int(is_missing.sum())
    if count:
        raise DataError(
            f"{name} has {_count(count, 'missing value')}",
            got=f"{where}{', ' * bool(where)}row {is_missing.argmax()} first (counted from 0)",
            cure=f"Fill them in, or leave these rows out.{f' {ENCODER}' * ('X' in name)}",
        )


def _no_numbers(name: str, where: str, cell: object) -> ArrayTypeError:
    if isinstance(cell, TEXT):
        holds, cure = "text", ENCODER if "X" in name else "Convert it to numbers."
        if name.endswith("targets"):
            cure = f"Pass numpy.unique({name}, return_inverse=True)[1] if they are class names."
        elif name.startswith("y"):
            cure = "Text is for the classes of MLPClassifier."
    elif isinstance(cell, LISTS):
        holds, cure = "lists", "Give each of their numbers a column of its own."
    else:
        holds, cure = "other values", "Convert them to numbers, or leave the column out."
    got = repr(cell)
    return ArrayTypeError(
        f"{name} does not hold real numbers, but {holds}",
        got=f"{where}{' with ' * bool(where)}{got if len(got) < 60 else type(cell).__name__}",
        cure=cure,
    )


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"
