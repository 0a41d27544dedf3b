"""What a table holds for an estimator: features, a target, and rows that are held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.datasets.cells import MISSING, cure_of, is_almost_a_number, number, shown
from bpmatrix.datasets.tables import Cells, Table, open_table
from bpmatrix.errors import DataFileError

__all__ = ["Rows", "check_no_hole", "read_parts", "targets"]

# A column of so few different whole numbers is taken for classes where nobody says --task.
MOST_CLASSES = 20
TEST_SHARE = 0.2
VALIDATION_SHARE = 0.1  # of what is not for the test
# Where float64 no longer holds every whole number.
LARGEST_WHOLE = 2.0**53


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of features, and what they should give."""

    X: NDArray[np.float64]
    y: NDArray[Any]


def read_parts(
    source: str, target: str, task: str | None, seed: int
) -> tuple[list[str], tuple[Rows, Rows, Rows]]:
    """Return the names of the features, and rows to train on, to stop by and for the test."""
    table = open_table(source, header=True)
    column = table.column(target)
    features = [table.column(name) for name in table.names if name != target]
    if not features:
        raise DataFileError(
            f"{source} has no column beside {target!r}",
            expected="features",
            cure="Write columns beside it to predict it from.",
        )
    cells = table.read(features, [column])
    check_no_hole(table, cells, column)
    y = targets(table, cells, column, task)
    parts = _split(cells.numbers, y, y.dtype.kind != "f", seed)
    return [table.names[feature] for feature in features], parts


def targets(table: Table, cells: Cells, column: int, task: str | None) -> NDArray[Any]:
    """Return the only text of `cells` as numbers for a regression, else as whole numbers or text.

    Numbers with a percent sign or a decimal comma are classes only where --task says so.
    """
    (texts,) = cells.texts
    numbers = np.array([np.nan if (n := number(cell)) is None else n for cell in texts])
    bad = np.flatnonzero(~np.isfinite(numbers))
    if bad.size and task != "classification":
        cell = texts[bad[0]]
        is_almost = all(is_almost_a_number(texts[row]) for row in bad)
        if task == "regression" or is_almost:
            other = "if its cells are classes, say --task classification"
            raise DataFileError(
                f"{table.called(column)} holds no number in line {cells.lines[bad[0]]} of "
                f"{table.path}",
                got=shown(cell),
                expected="numbers" if task else f"numbers; {other}",
                cure=cure_of(cell) or "Leave out --task regression: its words are classes.",
            )
    if task == "regression":
        return numbers
    if bad.size:
        return np.array(texts)
    whole = bool((numbers == np.floor(numbers)).all() and (np.abs(numbers) < LARGEST_WHOLE).all())
    if task is None and not (whole and np.unique(numbers).size <= MOST_CLASSES):
        return numbers
    return numbers.astype(np.int64) if whole else np.array(texts)


def check_no_hole(table: Table, cells: Cells, column: int) -> None:
    """Refuse a target that is missing in a row."""
    (texts,) = cells.texts
    row = next((i for i, cell in enumerate(texts) if cell.lower() in MISSING), None)
    if row is not None:
        raise DataFileError(
            f"{table.called(column)} misses a value in line {cells.lines[row]} of {table.path}",
            got=shown(texts[row]),
            cure="Drop the row; if that is the name of a class, give it another one.",
        )


def _split(
    X: NDArray[np.float64], y: NDArray[Any], classes: bool, seed: int | None
) -> tuple[Rows, Rows, Rows]:
    """Return rows to train on, to stop by and for the test, with each class in all of them."""
    from sklearn.model_selection import train_test_split  # noqa: PLC0415

    counts = np.unique(y, return_counts=True)[1] if classes else np.array([len(y)])
    if classes and counts.size < 2:
        raise DataFileError("the target has only one class", got=str(y[0]), expected="two or more")
    if len(y) < 20 or counts.min() < 3:
        raise DataFileError(
            "the table is too small to hold out rows for stopping and for the test",
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
        parts.append(Rows(X_out, y_out))
    test, validation = parts
    return Rows(X, y), validation, test
