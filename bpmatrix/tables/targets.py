"""The column that a model predicts: classes or numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from bpmatrix.array_types import Array, Floats
from bpmatrix.errors import DataError
from bpmatrix.tables.values import CATEGORY, NUMBER, kind_of, numbers_of, texts_of

# A column with at most this many different values, all whole numbers, holds classes.
MOST_CLASSES = 20
# NumPy gives every class the memory of the longest.
LONGEST_CLASS = 200


def named(table: pa.Table, column: str) -> str:
    """Return the name of a column that is called by its name, or by its number from 1 on."""
    names: list[str] = table.column_names
    is_number = column not in names and column.isdecimal() and 0 < int(column) <= len(names)
    return names[int(column) - 1] if is_number else column


def target_in(table: pa.Table, name: str) -> pa.ChunkedArray:
    """Return the column to predict.

    Raises
    ------
    DataError
        If the table has none of this name.
    """
    if name not in table.column_names:
        raise DataError(
            f"the table has no column {name!r}",
            got=", ".join(map(repr, table.column_names[:20])),
            cure="Name one of its columns as the target.",
        )
    return table[name]


def targets_of(table: pa.Table, name: str, task: str) -> Array:
    """Return the target of each row: classes, or floats.

    Raises
    ------
    DataError
        If a value is missing, or of another kind.
    """
    column = target_in(table, name)
    return (classes_in if task == "classification" else numbers_in)(column, name)


def task_of(column: pa.ChunkedArray, name: str) -> str:
    """Return "classification" or "regression", by the values of the target.

    Raises
    ------
    DataError
        If it holds dates, or nothing.
    """
    kind = kind_of(column, name)
    if kind == CATEGORY:
        return "classification"
    if kind != NUMBER:
        raise DataError(
            f"the target {name!r} holds dates",
            got=str(column.type),
            expected="numbers, or classes",
            cure="Convert it to numbers first, such as the days until the date.",
        )
    numbers = numbers_of(column.drop_null(), name)
    are_whole = bool((numbers == np.floor(numbers)).all())
    few = np.unique(numbers).size <= MOST_CLASSES
    return "classification" if are_whole and few else "regression"


def numbers_in(column: pa.ChunkedArray, name: str) -> Floats:
    """Return the target of a regression.

    Raises
    ------
    DataError
        If it is not numbers, or one is missing.
    """
    _check_none_missing(column, name)
    if kind_of(column, name) != NUMBER:
        raise DataError(
            f"the target {name!r} is not numbers",
            got=repr(column[0].as_py()),
            cure='Leave out task="regression": text is predicted as classes.',
        )
    return numbers_of(column, name)


def classes_in(column: pa.ChunkedArray, name: str) -> Array:
    """Return the target of a classification: integers, truth values as text, or text.

    Raises
    ------
    DataError
        If a class is missing, not a whole number, or too long.
    """
    _check_none_missing(column, name)
    if pa.types.is_integer(column.type):  # floats do not represent all of them
        return np.asarray(column.cast(pa.int64()).to_numpy())
    if kind_of(column, name) == NUMBER:
        numbers = numbers_of(column, name)
        if (numbers != np.floor(numbers)).any():
            raise DataError(
                f"the target {name!r} holds numbers that are no classes",
                got=f"{numbers[numbers != np.floor(numbers)][0]:g}",
                expected="whole numbers or text",
                cure='Leave out task="classification".',
            )
        return numbers.astype(np.int64)
    texts = texts_of(column, name).to_pylist()
    longest = max(texts, key=len)
    if len(longest) > LONGEST_CLASS or any("\0" in text for text in texts):
        raise DataError(
            f"the target {name!r} has a class that cannot be used",
            got=f"{len(longest):,} characters",
            expected=f"at most {LONGEST_CLASS}, none of them null",
            cure="Shorten it; free text cannot be predicted.",
        )
    return np.array(texts)


def _check_none_missing(column: pa.ChunkedArray, name: str) -> None:
    if column.null_count:
        place = int(np.argmax(column.is_null().to_numpy()))
        raise DataError(
            f"the target {name!r} is missing in {column.null_count:,} of {len(column):,} rows",
            got=f"none in row {place + 1}",
            cure="Drop these rows; or, if this is the name of a class, rename the class.",
        )
