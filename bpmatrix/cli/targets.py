"""Split a table into features and target, and into training, validation and test rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.datasets.cells import MISSING, cure_of, is_almost_a_number, number, shown
from bpmatrix.datasets.tables import Cells, Table, open_table
from bpmatrix.errors import DataFileError

# Without --task, a column with at most this many different values, all integers, holds classes.
MOST_CLASSES = 20
TEST_SHARE = 0.2
VALIDATION_SHARE = 0.1  # of the rest
# From here on, float64 does not represent every integer.
LARGEST_INTEGER = 2.0**53
# The longest class name: NumPy gives every row the memory of the longest. Null characters are not
# allowed, since NumPy drops them at the end.
LONGEST_NAME = 200


@dataclass(frozen=True, eq=False)
class TableRows:
    """Rows of features and their targets."""

    X: NDArray[np.float64]
    y: NDArray[Any]


def read_parts(
    source: str, target: str, task: str | None, seed: int
) -> tuple[list[str], tuple[TableRows, TableRows, TableRows]]:
    """Return the names of the features, and the training, validation and test rows."""
    table = open_table(source, header=True)
    column = table.column(target)
    features = [table.column(name) for name in table.names if name != target]
    if not features:
        raise DataFileError(
            f"{source} has no columns but {target!r}",
            expected="features",
            cure="Add columns to predict it from.",
        )
    cells = table.read(features, column)
    check_none_missing(table, cells, column)
    y = targets(table, cells, column, task)
    parts = _split(cells.numbers, y, y.dtype.kind != "f", seed)
    return [table.names[feature] for feature in features], parts


def targets(table: Table, cells: Cells, column: int, task: str | None) -> NDArray[Any]:
    """Return the text column of `cells` as floats for regression, else as integers or strings.

    Numbers with a percent sign or a decimal comma are classes only with --task classification.
    """
    texts = cells.texts
    numbers = np.array([np.nan if (n := number(cell)) is None else n for cell in texts])
    bad = np.flatnonzero(~np.isfinite(numbers))
    if bad.size and task != "classification":
        cell = texts[bad[0]]
        is_almost = all(is_almost_a_number(texts[row]) for row in bad)
        if task == "regression" or is_almost:
            other = "or use --task classification if they are classes"
            raise DataFileError(
                f"{table.called(column)} has no number in line {cells.lines[bad[0]]} of "
                f"{table.path}",
                got=shown(cell),
                expected="numbers" if task else f"numbers, {other}",
                cure=cure_of(cell) or "Leave out --task regression: words are classes.",
            )
    if task == "regression":
        return numbers
    if bad.size:
        return class_names(table, cells)
    small = np.abs(numbers) < LARGEST_INTEGER
    integers = bool((numbers == np.floor(numbers)).all() and small.all())
    if task is None and not (integers and np.unique(numbers).size <= MOST_CLASSES):
        return numbers
    return numbers.astype(np.int64) if integers else class_names(table, cells)


def class_names(table: Table, cells: Cells) -> NDArray[np.str_]:
    """Return the text column of `cells` as an array."""
    texts = cells.texts
    unfit = (i for i, text in enumerate(texts) if len(text) > LONGEST_NAME or "\0" in text)
    row = next(unfit, None)
    if row is not None:
        raise DataFileError(
            f"the class name in line {cells.lines[row]} of {table.path} cannot be used",
            got=f"{len(texts[row]):,} characters, {shown(texts[row])}",
            expected=f"at most {LONGEST_NAME}, none of them null",
            cure="Shorten it, without null characters; free text cannot be predicted.",
        )
    return np.array(texts)


def check_none_missing(table: Table, cells: Cells, column: int) -> None:
    """Reject a target column with missing values."""
    row = next((i for i, cell in enumerate(cells.texts) if cell.lower() in MISSING), None)
    if row is not None:
        raise DataFileError(
            f"{table.called(column)} is missing a value in line {cells.lines[row]} of {table.path}",
            got=shown(cells.texts[row]),
            cure="Drop the row; if this is the name of a class, rename the class.",
        )


def _split(
    X: NDArray[np.float64], y: NDArray[Any], classes: bool, seed: int | None
) -> tuple[TableRows, TableRows, TableRows]:
    """Return training, validation and test rows, with every class in each."""
    from sklearn.model_selection import train_test_split  # noqa: PLC0415

    counts = np.unique(y, return_counts=True)[1] if classes else np.array([len(y)])
    if classes and counts.size < 2:
        raise DataFileError("the target has only one class", got=str(y[0]), expected="2 or more")
    if len(y) < 20 or counts.min() < 3:
        raise DataFileError(
            "the table is too small to hold out validation and test rows",
            got=f"{len(y)} rows, {counts.min()} of the rarest class" if classes else f"{len(y)}",
            expected="20 rows, and 3 of each class",
            cure="Collect more rows, or merge or drop the rare classes."
            if classes
            else "Collect more rows.",
        )
    parts = []
    for share in (TEST_SHARE, VALIDATION_SHARE):
        rows = max(round(share * len(y)), counts.size)
        X, X_out, y, y_out = train_test_split(
            X, y, test_size=rows, random_state=seed, stratify=y if classes else None
        )
        parts.append(TableRows(X_out, y_out))
    test, validation = parts
    return TableRows(X, y), validation, test
