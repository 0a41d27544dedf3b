"""Tables in .csv files: one sample per line, with or without a header.

A file is read row by row, so it needs little more memory than its numbers.
"""

from __future__ import annotations

import csv
import io
import os
from array import array
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from shlex import quote

import numpy as np

from bpmatrix.array_types import Floats, Integers
from bpmatrix.datasets.cells import MISSING, cure_of, is_number, number, shown
from bpmatrix.datasets.foreign import check_is_text, check_separator
from bpmatrix.datasets.streams import open_file
from bpmatrix.errors import DataFileError

# A larger number is not a class, but a price or an identifier.
_MAX_LABEL = 2**31 - 1
_NAMED = 20  # columns at most in a message
_TRAIN = "bpmatrix train"


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of some columns of a table.

    Attributes
    ----------
    numbers : ndarray of shape (n, k), float64
        One row per sample; all finite.
    texts : list of str
        A column of text as in the file, stripped of spaces; empty if none was read.
    lines : ndarray of shape (n,), int64
        The line of the file on which each row ends, from 1.
    """

    numbers: Floats
    texts: list[str]
    lines: Integers


@dataclass(frozen=True, eq=False)
class Table:
    """A .csv file whose first line has been read.

    Attributes
    ----------
    path : Path
        The file.
    first : tuple of str
        The cells of the first line, stripped of spaces; every row must have as many.
    has_header : bool
        Whether they are the names of the columns.
    """

    path: Path
    first: tuple[str, ...]
    has_header: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns; empty without a header."""
        return self.first if self.has_header else ()

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """The columns by name: a search for each of a million names would take too long."""
        places: dict[str, list[int]] = {}
        for column, name in enumerate(self.names):
            places.setdefault(name, []).append(column)
        return places

    def column(self, name: str) -> int:
        """Return the index of the column with this name, or else with this number, from 1 on.

        Raises
        ------
        DataFileError
            If there is no such column, or more than one.
        """
        if name not in self._places and name.isdecimal() and 0 < int(name) <= len(self.first):
            return int(name) - 1
        if not self.has_header:
            raise DataFileError(
                f"{self.path} has no header, so no column {name!r}",
                got=", ".join(map(shown, self.first[:_NAMED])),
                cure="Insert a first line with the names of the columns.",
            )
        found = self._places.get(name, [])
        if len(found) > 1:
            raise DataFileError(
                f"{self.path} has {len(found)} columns {name!r}",
                cure="Rename all but one of them in the header, or drop them.",
            )
        if not found:
            raise DataFileError(
                f"{self.path} has no column {name!r}",
                got=", ".join(map(shown, self.names[:_NAMED])),
                cure="Name a column of the header; if these are not names, insert a first line "
                "with them.",
            )
        return found[0]

    def columns(self, names: Sequence[str]) -> list[int]:
        """Return the indices of the columns that a model was trained on.

        Raises
        ------
        DataFileError
            If one is missing or duplicated.
        """
        missing = [name for name in names if name not in self._places]
        if missing and self.has_header:
            raise DataFileError(
                f"{self.path} lacks {len(missing)} of the model's {len(names)} features",
                got=", ".join(map(shown, self.names[:_NAMED])),
                expected=", ".join(map(shown, missing[:_NAMED])),
                cure="Name the columns in the header as in the training file.",
            )
        return [self.column(name) for name in names]

    def called(self, column: int) -> str:
        """Return how messages call a column."""
        return f"column {shown(self.first[column]) if self.has_header else column + 1}"

    def prediction_of(self, column: int) -> str:
        """Return the command that learns to predict a column of numbers or words."""
        if self.has_header:
            return f"{_TRAIN} {quote(str(self.path))} --target {quote(self.first[column])}"
        return _with_header(self.path)

    def read(
        self,
        numbers: Sequence[int],
        text: int | None = None,
        *,
        cure_of_words: Callable[[int], str] | None = None,
    ) -> Cells:
        """Read some columns as numbers, and one as text.

        Parameters
        ----------
        numbers : sequence of int
            Indices of columns; others are ignored.
        text : int, optional
            Index of the column of text.
        cure_of_words : callable, optional
            Returns what to do about words in the column of numbers with this index.

        Raises
        ------
        DataFileError
            If the file cannot be read or has no rows, a row has another number of cells, or a cell
            of the numbers is missing, text or not finite; names the first such line.
        """
        # An array of doubles, since a list of Python floats takes four times the memory.
        values, lines = array("d"), array("q")
        texts: list[str] = []
        with _reading(self.path):
            for line, row in _rows(self.path, skip=self.has_header):
                if len(row) != len(self.first):
                    raise self._ragged(line, row)
                try:
                    values.extend(map(float, [row[column] for column in numbers]))
                except ValueError:
                    column = next(column for column in numbers if number(row[column]) is None)
                    check_separator(self.path, ",".join(self.first), row[column])
                    cell = row[column].strip()
                    raise self._bad_cell(line, column, cell, cure_of_words) from None
                if text is not None:
                    texts.append(row[text].strip())
                lines.append(line)
        if not lines:
            where = "below its header" if self.has_header else "of numbers"
            raise DataFileError(f"{self.path} contains no rows {where}")
        table = np.frombuffer(values, np.float64).reshape(len(lines), len(numbers))
        finite = np.isfinite(table)
        if not finite.all():
            i, j = np.argwhere(~finite)[0]
            raise self._bad_cell(lines[i], numbers[j], str(table[i, j]), cure_of_words)
        return Cells(table, texts, np.frombuffer(lines, np.int64))

    def _bad_cell(
        self, line: int, column: int, cell: str, cure_of_words: Callable[[int], str] | None
    ) -> DataFileError:
        is_missing = cell.lower() in MISSING
        what = "is missing a value" if is_missing else "has no number"
        words = (cure_of_words or _cure_of_categories)(column)
        return DataFileError(
            f"{self.called(column)} {what} in line {line} of {self.path}",
            got=shown(cell),
            expected="a finite number",
            cure=cure_of(cell) or words,
        )

    def _ragged(self, line: int, row: Sequence[str]) -> DataFileError:
        check_separator(self.path, ",".join(self.first), ",".join(row))
        return DataFileError(
            f"line {line} of {self.path} has a different number of cells",
            got=f"{len(row)} cells",
            expected=f"{len(self.first)}, as in the first line",
            cure="Remove commas from numbers (1570.0, not 1,570.0), put text with commas into "
            "quotes, and drop incomplete lines.",
        )


def open_table(path: str | os.PathLike[str], *, header: bool = False) -> Table:
    r"""Read the first line of a comma-separated table in UTF-8.

    A first line with text is the header. With a number other than digits only, which may be the
    name of a column, it is a damaged row.

    Parameters
    ----------
    path : path-like
        The file.
    header : bool, default False
        Whether the first line must be a header; any text makes it one.

    Raises
    ------
    DataFileError
        If the file cannot be read, is empty or has another format, or the first line is damaged or
        not a header.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "and.csv"
    ...     _ = path.write_text("a,b,kind\n0,1,no\n1,1,yes\n")
    ...     table = open_table(path)
    ...     cells = table.read([table.column("b"), table.column("a")], 2)
    >>> cells.numbers[0], cells.texts
    (array([1., 0.]), ['no', 'yes'])
    """
    path = Path(path)
    with _reading(path):
        check_is_text(path)
        with closing(_rows(path)) as rows:
            two = [row for _, row in islice(rows, 2)]
    if not two:
        raise DataFileError(
            f"{path} contains no rows", expected="one sample per line, cells separated by commas"
        )
    first = tuple(cell.strip() for cell in two[0])
    check_separator(path, *[",".join(row) for row in two], spaces=len(first) == 1)
    texts = [cell for cell in first if cell and not is_number(cell)]
    if header and not texts:
        raise DataFileError(
            f"{path} has no header",
            got=", ".join(map(shown, first[:_NAMED])),
            expected="the names of the columns in the first line",
            cure="Insert a first line with the names.",
        )
    if texts and not header and any(is_number(cell) and not cell.isdigit() for cell in first):
        raise DataFileError(
            f"the first line of {path} is neither a header nor a row of numbers",
            got=f"{shown(texts[0])} beside numbers",
            cure=f"Correct it; or, to predict a column of words, {_with_header(path)}",
        )
    return Table(path, first, has_header=bool(texts))


def class_numbers(table: Table, cells: Cells, column: int) -> Integers:
    """Return the labels (n,) in the text column of `cells`.

    Raises
    ------
    DataFileError
        If one of them is not an integer from 0 on; names the line.
    """
    labels = np.array([np.nan if (n := number(cell)) is None else n for cell in cells.texts])
    right = (labels >= 0) & (labels <= _MAX_LABEL) & (labels == np.floor(labels))
    if not right.all():
        row = int(np.argmin(right))
        text = cells.texts[row]
        raise DataFileError(
            f"{table.called(column)} has no class number in line {cells.lines[row]} of "
            f"{table.path}",
            got=shown(text),
            expected="an integer from 0 on",
            cure="Drop the row." if text.lower() in MISSING else cure_of_labels(table, column),
        )
    return labels.astype(np.int64)


def cure_of_labels(table: Table, column: int) -> str:
    """Return what to do about labels that are not the numbers 0, 1, 2, ..."""
    return (
        "Name another column as label_column, number the classes 0, 1, 2, ... without gaps, or "
        f"predict the column as it is: {table.prediction_of(column)}"
    )


def _with_header(path: Path) -> str:
    command = f"{_TRAIN} {quote(str(path))} --target NAME"
    return f"insert a first line with the names of the columns, then: {command}"


def _cure_of_categories(column: int) -> str:
    del column
    return "Drop the column, or replace it by columns of 0 and 1, one per category."


def _rows(path: Path, *, skip: bool = False) -> Generator[tuple[int, list[str]], None, None]:
    """Yield the line on which each row ends, and its cells; empty lines are skipped."""
    with io.TextIOWrapper(open_file(path), encoding="utf-8-sig", newline="") as file:
        size, reader = os.fstat(file.fileno()).st_size, csv.reader(file, strict=True)
        try:
            for row in reader:
                if row and not skip:
                    yield reader.line_num, row
                skip = skip and not row
        except csv.Error as error:
            raise DataFileError(
                f"line {reader.line_num} of {path} is not a valid row",
                got=str(error),
                expected="cells separated by commas",
                cure='Correct it: a quote inside a quoted cell is written twice ("").',
            ) from None
        if file.buffer.tell() < size:
            raise DataFileError(
                f"{path} became shorter while it was read",
                got=f"{file.buffer.tell():,} bytes",
                expected=f"{size:,}",
                cure="Read it again once nothing writes to it.",
            )


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Convert errors of decoding and of the system to `DataFileError`."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise DataFileError(
            f"{path} is not UTF-8 text: {error.reason} at byte {error.start}",
            cure=f"Name the column to predict: {_TRAIN} {quote(str(path))} --target NAME. Or save"
            " it in UTF-8; if it is from Windows: "
            f"iconv -f CP1252 -t UTF-8 {quote(str(path))} > utf8.csv",
        ) from None
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error}") from None
