"""Tables of numbers in .csv files: one sample a line, the class in one of the columns."""

from __future__ import annotations

import csv
import os
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TextIO

import numpy as np
from numpy.typing import NDArray

from bpmatrix.errors import DataFileError

__all__ = ["Table", "read_csv"]

# Labels count classes; a number above is a price or an identifier that landed in the column.
_MAX_LABEL = 2**31 - 1
_SHOWN = 30


@dataclass(frozen=True, eq=False)
class Table:
    """The numbers of a .csv file.

    Attributes
    ----------
    path : Path
        The file, for messages.
    names : list of str, or None
        The header; None where the file has none.
    values : ndarray of shape (n, columns), float64
        One sample a row; all finite.
    lines : ndarray of shape (n,), int64
        The line of the file on which each row ends, from 1.
    """

    path: Path
    names: list[str] | None
    values: NDArray[np.float64]
    lines: NDArray[np.int64]

    def inputs_and_labels(
        self, label_column: str | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the inputs (n, n_0) and the labels (n,), of the last or the named column.

        Raises
        ------
        DataFileError
            If there is no such column, no other column, or a label is no integer from 0.
        """
        column = self._column(label_column)
        if self.values.shape[1] == 1:
            raise DataFileError(
                f"{self.path} has only one column",
                expected="inputs and a label, separated by commas",
            )
        labels = self.values[:, column]
        wrong = (labels < 0) | (labels > _MAX_LABEL) | (labels != np.floor(labels))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataFileError(
                f"line {self.lines[row]}, column {column + 1} of {self.path} holds no class label",
                got=f"{labels[row]:g}",
                expected="an integer from 0",
                cure="Number the classes 0, 1, 2, ..., or name another column as label_column.",
            )
        return np.delete(self.values, column, axis=1), labels.astype(np.int64)

    def _column(self, name: str | None) -> int:
        if name is None:
            return int(self.values.shape[1]) - 1
        if self.names is None or self.names.count(name) != 1:
            raise DataFileError(
                f"{self.path} has no single column {name!r}",
                got="no header" if self.names is None else _shown(", ".join(self.names)),
                cure="Name a column of the header, or put the label last and name none.",
            )
        return self.names.index(name)


def read_csv(path: str | os.PathLike[str]) -> Table:
    r"""Read a table of numbers, separated by commas, in UTF-8.

    A first line that holds text is the header, unless numbers stand beside it that are no plain
    integers, as a column's name may be: such a line is taken for a damaged row. Empty lines are
    skipped. A cell is read as `float` reads it; nothing is evaluated.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    Table
        All columns as float64, with the header and the line of each row.

    Raises
    ------
    DataFileError
        If a row has another number of cells, a cell is text, empty, NaN or infinite, or the file
        holds no numbers; names the first such line.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "and.csv"
    ...     _ = path.write_text("a,b,label\n0,1,0\n1,1,1\n")
    ...     read_csv(path).inputs_and_labels()
    (array([[0., 1.],
           [1., 1.]]), array([0, 1]))
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _parse(file, path)
    except UnicodeDecodeError as error:
        raise DataFileError(
            f"{path} is no text in UTF-8: {error.reason} at byte {error.start}",
            cure="Save it as CSV in UTF-8.",
        ) from None
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error}") from None


def _parse(file: TextIO, path: Path) -> Table:
    reader = csv.reader(_without_nul(file, path), strict=True)
    names: list[str] | None = None
    width = 0
    # A growing array of doubles: a list of Python floats would take four times the memory.
    values, lines = array("d"), array("q")
    try:
        for row in filter(None, reader):
            if not width:
                width = len(row)
                if _is_header(row, path, reader.line_num):
                    names = [name.strip() for name in row]
                    continue
            if len(row) != width:
                _refuse(path, reader.line_num, f"{len(row)} cells", f"{width} as above")
            try:
                values.extend(map(float, row))
            except ValueError:
                column = next(i for i, cell in enumerate(row) if not _is_number(cell))
                _refuse(path, reader.line_num, _shown(row[column]), "a number", column)
            lines.append(reader.line_num)
    except csv.Error as error:
        _refuse(path, reader.line_num, str(error), "cells separated by commas")
    if not lines:
        raise DataFileError(
            f"{path} holds no rows of numbers",
            expected="one sample a line, cells separated by commas",
        )
    table = Table(path, names, np.array(values).reshape(-1, width), np.array(lines, np.int64))
    _check_finite(table)
    return table


def _without_nul(file: TextIO, path: Path) -> Iterator[str]:
    for number, line in enumerate(file, start=1):
        if "\0" in line:
            _refuse(path, number, "a NUL byte", "text")
        yield line


def _is_header(row: list[str], path: Path, line: int) -> bool:
    """Tell whether the first row names the columns; refuse a row of numbers with text in it."""
    texts = [cell for cell in row if cell.strip() and not _is_number(cell)]
    if not texts:
        return False
    if any(_is_number(cell) and not cell.strip().isdigit() for cell in row):
        _refuse(path, line, f"{_shown(texts[0])} beside numbers", "a header, or numbers alone")
    return True


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _check_finite(table: Table) -> None:
    finite = np.isfinite(table.values)
    if not finite.all():
        row, column = divmod(int(np.argmin(finite)), table.values.shape[1])
        value = str(table.values[row, column])
        _refuse(table.path, int(table.lines[row]), value, "a finite number", column)


def _shown(text: str) -> str:
    """Quote a text from the file, shortened, so that a message stays one line."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def _refuse(path: Path, line: int, got: str, expected: str, column: int | None = None) -> NoReturn:
    place = f"line {line}" if column is None else f"line {line}, column {column + 1}"
    raise DataFileError(
        f"{place} of {path} is no row of numbers",
        got=got,
        expected=expected,
        cure="Mend or drop the line; cells are numbers separated by commas.",
    ) from None
