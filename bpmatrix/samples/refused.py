"""Errors for common wrong input: dates, and tables of databases that are not in memory."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import numpy as np

from bpmatrix.errors import ArrayTypeError

DATES = (dt.date, dt.time, np.datetime64)
DURATIONS = (dt.timedelta, np.timedelta64)
# The names of column types in NumPy, pandas, Arrow and Polars.
TYPES_OF_DATES = re.compile(r"date|time(?!delta)", re.IGNORECASE)
TYPES_OF_DURATIONS = re.compile(r"timedelta|duration", re.IGNORECASE)

# A method that identifies a database table or a lazy query, and how to get its numbers, with rows
# as samples and with columns as samples.
FETCHED = {
    "fetchnumpy": (  # DuckDB
        "Pass {0}.df(), or np.column_stack(list({0}.fetchnumpy().values())) without pandas.",
        "Pass np.stack(list({0}.fetchnumpy().values())), whose columns are the samples.",
    ),
    "toPandas": ("Pass {0}.toPandas().", "Pass {0}.toPandas().to_numpy().T."),  # Spark
    "collect": ("Pass {0}.collect().", "Pass {0}.collect().to_numpy().T."),  # Polars LazyFrame
}


def check_is_fetched(values: Any, name: str, samples: str) -> None:
    """Reject a table whose numbers are not in memory.

    Parameters
    ----------
    values : object
        What was passed.
    name : str
        Its name in the error.
    samples : {"rows", "columns"}
        Whether the caller's samples are rows or columns, for the cure.

    Raises
    ------
    ArrayTypeError
        If it is such a table; the error says how to fetch the numbers.
    """
    if isinstance(values, np.ndarray | list | tuple) or hasattr(values, "__array__"):
        return
    for method, (of_rows, of_columns) in FETCHED.items():
        if hasattr(values, method):
            raise ArrayTypeError(
                f"{name} is a {type(values).__name__}, whose numbers must be fetched first",
                cure=(of_rows if samples == "rows" else of_columns).format(name),
            )


def check_no_dates(values: Any, name: str) -> None:
    """Reject dates, times and durations, which NumPy would convert to numbers in some unit.

    Raises
    ------
    ArrayTypeError
        If there are any; the error names the column, or shows the first value.

    Examples
    --------
    >>> check_no_dates([[1.5, 2], [3, 4]], "X")
    >>> leap_day = np.array(["2024-02-29"], "datetime64[D]")
    >>> try:
    ...     check_no_dates(leap_day, "X")
    ... except ArrayTypeError as error:
    ...     print(str(error).split(":")[0])
    X does not hold real numbers, but dates or times
    """
    if isinstance(values, list | tuple):
        try:
            values = np.asarray(values)
        except ValueError:  # rows of different lengths, an error elsewhere
            return
    if hasattr(values, "columns") and hasattr(values, "dtypes"):
        for column, dtype in zip(values.columns, values.dtypes, strict=True):
            where = f"column {column!r} of "
            _check_type(dtype, name, where)
            if str(dtype) in {"object", "Object"}:
                _check_cells(np.asarray(values[column]), name, where)
    elif hasattr(values, "dtype"):
        _check_type(values.dtype, name)
        if str(values.dtype) in {"object", "Object"} and not hasattr(values, "toarray"):
            _check_cells(np.asarray(values), name)


def _check_type(dtype: Any, name: str, where: str = "") -> None:
    if getattr(dtype, "kind", "O") in "biufc":  # fast, and nearly always true
        return
    if TYPES_OF_DURATIONS.match(str(dtype)):
        raise _no_numbers(name, f"{where}{dtype}", are_durations=True)
    if TYPES_OF_DATES.match(str(dtype)):
        raise _no_numbers(name, f"{where}{dtype}", are_durations=False)


def _check_cells(cells: Any, name: str, where: str = "") -> None:
    for cell in cells.flat:
        if isinstance(cell, DATES + DURATIONS):
            raise _no_numbers(name, f"{where}{cell!r}", are_durations=isinstance(cell, DURATIONS))


def _no_numbers(name: str, got: str, *, are_durations: bool) -> ArrayTypeError:
    what, how = (
        ("durations", "x.astype('timedelta64[s]') / np.timedelta64(1, 'D')")
        if are_durations
        else ("dates or times", "(x - x.min()).astype('timedelta64[s]') / np.timedelta64(1, 'D')")
    )
    return ArrayTypeError(
        f"{name} does not hold real numbers, but {what}",
        got=got,
        cure=f"Convert them to numbers first, for example to days: {how}.",
    )
