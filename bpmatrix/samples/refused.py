"""Errors for common wrong input: dates, and tables that are not in memory."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from bpmatrix.errors import ArrayTypeError

DATES = (dt.date, dt.time, np.datetime64)
DURATIONS = (dt.timedelta, np.timedelta64)
ENCODER = "bpmatrix.TableEncoder turns columns of text, dates and missing values into numbers."
# The names of column types in NumPy, pandas, Arrow and Polars.
TYPES_OF_DATES = re.compile(r"date|time(?!delta)", re.IGNORECASE)
TYPES_OF_DURATIONS = re.compile(r"timedelta|duration", re.IGNORECASE)

# A method that identifies a lazy or remote table, and returns one in memory.
FETCHED = (
    "fetch_arrow_table",  # DuckDB before it had Arrow's capsule interface
    "toPandas",  # Spark
    "collect",  # Polars, of a LazyFrame
)


def check_is_fetched(values: Any, name: str) -> None:
    """Reject what holds no numbers in memory: a path, an iterator, a lazy table.

    Raises
    ------
    ArrayTypeError
        If it is one of these; the error says how to get the numbers.
    """
    if isinstance(values, str | os.PathLike):
        raise ArrayTypeError(
            f"{name} is a path, which is read only by Blocks",
            got=repr(values),
            cure='Pass Blocks("X.npy", "y.npy"), or Blocks("table.parquet", "y") for a column y.',
        )
    if any(hasattr(values, method) for method in ("__array__", "__arrow_c_stream__")):
        return
    for method in FETCHED:
        if hasattr(values, method):
            raise ArrayTypeError(
                f"{name} is a {type(values).__name__}, whose numbers must be fetched first",
                cure=f"Pass {name}.{method}().",
            )
    if isinstance(values, Iterator) or callable(values):
        raise ArrayTypeError(
            f"{name} is a {type(values).__name__}, and only Blocks read from functions",
            cure="Pass Blocks(function), where function() returns an iterator of blocks (X, y).",
        )


def check_no_dates(values: Any, name: str, where: str = "") -> None:
    """Reject dates, times and durations, which NumPy would convert to numbers in some unit.

    Parameters
    ----------
    values : object
        An array, a list, or anything else, which passes.
    name, where : str
        What an error calls it, and the column of a table.

    Raises
    ------
    ArrayTypeError
        If there are any; the error shows the first value.

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
    dtype = getattr(values, "dtype", None)
    if dtype is None or getattr(dtype, "kind", "O") in "biufc":  # fast, and nearly always true
        return
    if TYPES_OF_DURATIONS.match(str(dtype)):
        raise _no_numbers(name, where, str(dtype), are_durations=True)
    if TYPES_OF_DATES.match(str(dtype)):
        raise _no_numbers(name, where, str(dtype), are_durations=False)
    if str(dtype) == "object" and not hasattr(values, "toarray"):
        for cell in np.asarray(values).flat:
            if isinstance(cell, DATES + DURATIONS):
                are_durations = isinstance(cell, DURATIONS)
                raise _no_numbers(name, where, repr(cell), are_durations=are_durations)


def _no_numbers(name: str, where: str, got: str, *, are_durations: bool) -> ArrayTypeError:
    what, how = (
        ("durations", "x.astype('timedelta64[s]') / np.timedelta64(1, 'D')")
        if are_durations
        else ("dates or times", "(x - x.min()).astype('timedelta64[s]') / np.timedelta64(1, 'D')")
    )
    return ArrayTypeError(
        f"{name} does not hold real numbers, but {what}",
        got=f"{where} of {got}" if where else got,
        cure=f"Convert them to numbers first, for example to days: {how}."
        + f" {ENCODER}" * bool(where),
    )
