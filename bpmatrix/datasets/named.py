"""Tables in .csv files whose columns are found by the names in the header."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bpmatrix.errors import DataFileError

__all__ = ["NamedTable", "read_named_table"]

# What programs write for a value that they do not have.
MISSING = ("", "?", "na", "n/a", "nan", "null", "none")
# What other programs put between the cells.
SEPARATORS = (";", "\t", "|")
_SHOWN = 30


@dataclass(frozen=True, eq=False)
class NamedTable:
    """The cells of a .csv file with a header.

    Attributes
    ----------
    path : Path
        The file, for messages.
    names : list of str
        The header.
    rows : list of list of str
        The cells, stripped of spaces.
    lines : list of int
        The line of the file on which each row ends, from 1.
    """

    path: Path
    names: list[str]
    rows: list[list[str]]
    lines: list[int]

    def numbers(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Return the named columns as numbers (n, len(names)).

        Raises
        ------
        DataFileError
            If there is no such column, or one with a missing value, text or no finite number.
        """
        columns = [self._column(name) for name in names]
        table = np.empty((len(self.rows), len(columns)))
        for i, row in enumerate(self.rows):
            for j, column in enumerate(columns):
                number = _number(row[column])
                if number is None:
                    raise self._no_number(i, column)
                table[i, j] = number
        return table

    def texts(self, name: str) -> list[str]:
        """Return the cells of a column.

        Raises
        ------
        DataFileError
            If there is no such column, or a cell is missing.
        """
        column = self._column(name)
        for i, row in enumerate(self.rows):
            if row[column].lower() in MISSING:
                raise DataFileError(
                    f"column {_shown(name)} misses a value in line {self.lines[i]} of {self.path}",
                    got=_shown(row[column]),
                    cure="Drop the row; if that is the name of a class, give it another one.",
                )
        return [row[column] for row in self.rows]

    def _column(self, name: str) -> int:
        if self.names.count(name) > 1:
            raise DataFileError(
                f"{self.path} has {self.names.count(name)} columns {name!r}",
                cure="Rename all but one of them in the header, or drop them.",
            )
        if name not in self.names:
            raise DataFileError(
                f"{self.path} has no column {name!r}",
                got=", ".join(_shown(other) for other in self.names[:20]),
                cure="Name a column of the header.",
            )
        return self.names.index(name)

    def _no_number(self, row: int, column: int) -> DataFileError:
        cell, name = self.rows[row][column], _shown(self.names[column])
        place = f"line {self.lines[row]} of {self.path}"
        if cell.lower() in MISSING:
            return DataFileError(
                f"column {name} misses a value in {place}",
                got=_shown(cell),
                cure="Fill it in, for example with the mean of the column, or drop the row.",
            )
        return DataFileError(
            f"column {name} holds no number in {place}",
            got=_shown(cell),
            expected="numbers in every column but the target",
            cure="Drop the column, or replace it by columns of 0 and 1, one for each category.",
        )


def read_named_table(path: str | os.PathLike[str]) -> NamedTable:
    r"""Read a table in UTF-8 whose first line names the columns, separated by commas.

    Raises
    ------
    DataFileError
        If the file cannot be read, has no header or no rows, or a row has another number of cells.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "and.csv"
    ...     _ = path.write_text("a,b,kind\n0,1,no\n1,1,yes\n")
    ...     table = read_named_table(path)
    >>> table.numbers(["b", "a"])[0], table.texts("kind")
    (array([1., 0.]), ['no', 'yes'])
    """
    path = Path(path)
    read: list[tuple[int, list[str]]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            read.extend((reader.line_num, [cell.strip() for cell in row]) for row in reader if row)
    except UnicodeDecodeError as error:
        raise DataFileError(
            f"{path} is no text in UTF-8: {error.reason} at byte {error.start}",
            cure="Save it as CSV in UTF-8.",
        ) from None
    except csv.Error as error:
        after = f"after line {read[-1][0]} of" if read else "in"
        raise DataFileError(f"there is no CSV {after} {path}", got=error) from None
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error}") from None
    if not read or all(_number(cell) is not None for cell in read[0][1]):
        raise DataFileError(
            f"{path} has no header", expected="the names of the columns in the first line"
        )
    names = read[0][1]
    separators = [mark for mark in SEPARATORS if len(names) == 1 and mark in names[0]]
    if separators:
        raise DataFileError(
            f"the columns of {path} are not separated by commas",
            got=_shown(names[0]),
            cure=f"Replace {separators[0]!r} by a comma; a cell with a comma in it needs quotes.",
        )
    for line, row in read:
        if len(row) != len(names):
            raise DataFileError(
                f"line {line} of {path} is no row of the table",
                got=f"{len(row)} cells",
                expected=f"{len(names)}, as in the header",
            )
    if len(read) == 1:
        raise DataFileError(f"{path} holds no rows below its header")
    return NamedTable(path, names, [row for _, row in read[1:]], [line for line, _ in read[1:]])


def _number(cell: str) -> float | None:
    """Return a cell as a finite number, or None."""
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _shown(text: str) -> str:
    """Quote a text from the file, shortened, so that a message stays one line."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
