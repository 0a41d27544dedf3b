"""The values of a column as numbers, text or moments."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from bpmatrix.array_types import Floats
from bpmatrix.errors import DataError

NUMBER, CATEGORY, DATE = "number", "category", "date"


def kind_of(column: pa.ChunkedArray, name: str) -> str:
    """Return the kind of a column by its type: "number", "category" or "date".

    Raises
    ------
    DataError
        If its values are lists, structures or bytes.
    """
    types, kind = pa.types, column.type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return NUMBER
    if types.is_temporal(kind):
        return DATE
    is_text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    if is_text or any(ask(kind) for ask in (types.is_boolean, types.is_dictionary, types.is_null)):
        return CATEGORY
    raise DataError(
        f"column {name!r} has values of a kind that cannot be learned from",
        got=str(kind),
        expected="numbers, text, truth values or dates",
        cure=f"Leave it out: drop=[{name!r}].",
    )


def numbers_of(column: pa.ChunkedArray, name: str) -> Floats:
    """Return a column as numbers, NaN where they are missing."""
    kind = kind_of(column, name)
    if kind != NUMBER and column.null_count < len(column):
        raise _retyped(name, "numbers", column)
    numbers = column.cast(pa.float64(), safe=False).to_numpy()
    infinite = np.flatnonzero(np.isinf(numbers))
    if infinite.size:
        raise DataError(
            f"column {name!r} has a number that is not finite",
            got=f"{numbers[infinite[0]]} in row {infinite[0] + 1}",
            cure="Correct it, or leave the cell empty.",
        )
    return np.asarray(numbers, np.float64)


def texts_of(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Return a column of text, truth values or, at prediction, whole numbers as text."""
    kind = kind_of(column, name)
    if kind == DATE:
        raise _retyped(name, "text", column)
    return column.cast(pa.string())  # of 2.0, "2"


def seconds_of(column: pa.ChunkedArray, name: str) -> Floats:
    """Return the seconds since 1970, or since midnight for times of day; NaN where missing."""
    kind, types = column.type, pa.types
    if kind_of(column, name) != DATE and column.null_count < len(column):
        raise _retyped(name, "dates", column)
    if types.is_null(kind):
        return np.full(len(column), np.nan)
    if types.is_time(kind):
        column = column.cast(pa.time64("us"), safe=False)
    elif types.is_duration(kind):
        column = column.cast(pa.duration("us"), safe=False)
    elif kind_of(column, name) == DATE:
        column = column.cast(pa.timestamp("us"), safe=False)
    return np.asarray(column.cast(pa.int64()).cast(pa.float64()).to_numpy() / 1e6, np.float64)


def _retyped(name: str, was: str, column: pa.ChunkedArray) -> DataError:
    return DataError(
        f"column {name!r} held {was} when the model was trained",
        got=f"{column.drop_null()[0].as_py()!r}, of type {column.type}",
        expected=was,
        cure="Correct its cells, or train again with this table.",
    )
