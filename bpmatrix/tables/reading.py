"""Read a table from a file of a spreadsheet, a database or another program.

The file says what it is: Parquet and Arrow files by their first bytes, text otherwise. What was
assumed about text is returned as lines to print, each with the option that overrides it.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import feather, parquet

from bpmatrix.datasets.cells import is_number
from bpmatrix.errors import DataFileError
from bpmatrix.tables.parsing import (
    WINDOWS,
    How,
    decimal_of_columns,
    decimal_of_sample,
    first_line,
    parsed,
    understood,
)
from bpmatrix.tables.text import with_plain_text

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
STANDARD_INPUT = "-"
# What is looked at to find encoding and separator.
HEAD = 1 << 18
LINES = 100
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

Progress = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Format:
    """What the user said about a text file; None where we look.

    Parameters
    ----------
    separator : str, optional
        What stands between cells: one of ``, ; tab |``, or another character.
    decimal : {".", ","}, optional
        What separates the decimals of a number.
    encoding : str, optional
        A name that Python knows, such as ``"utf-8"`` or ``"cp1252"``.
    """

    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None


def read_table(
    source: str | Path,
    form: Format = Format(),
    *,
    as_text: Sequence[str] = (),
    features: Sequence[str] = (),
    progress: Progress | None = None,
) -> tuple[pa.Table, list[str]]:
    """Return the table in a file, and what was assumed to read it.

    Parameters
    ----------
    source : path
        Text (``.csv``, also ``.gz``), Parquet, Feather or Arrow; ``"-"`` is standard input.
    form : Format, optional
        What is known about a text file.
    as_text : sequence of str, optional
        Columns that are not to be read as numbers.
    features : sequence of str, optional
        The names for a text file that has no header and as many columns; others are called
        "column 1", "column 2", ...
    progress : callable, optional
        Called with the number of bytes read so far.

    Returns
    -------
    table : pyarrow.Table
        Columns of integers, floats, booleans, moments or text; missing values are null.
    notes : list of str

    Raises
    ------
    DataFileError
        If the file cannot be read as a table; names the line where there is one.
    """
    name = "standard input" if str(source) == STANDARD_INPUT else str(source)
    with reading(name), opened(source, progress) as file:
        start = file.read(6)
        file.seek(0)
        if start.startswith((b"PAR1", b"ARROW1", b"FEA1")):
            table, notes = _binary(file, name, form, as_text)
        else:
            table, notes, _ = text_in(file, name, form, as_text, features)
    if not table.num_rows:
        raise DataFileError(f"{name} contains no rows", expected="rows below the header")
    return table, notes


class _Counted(io.RawIOBase):
    """A file that tells how many of its bytes were read."""

    def __init__(self, file: io.BufferedIOBase | io.RawIOBase, progress: Progress) -> None:
        super().__init__()
        self._file, self._progress = file, progress

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = 0) -> int:
        return self._file.seek(place, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int | None:
        found = self._file.readinto(buffer)
        self._progress(self._file.tell())
        return found

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def opened(source: str | Path, progress: Progress | None) -> Iterator[BinaryIO]:
    """Open a file, without its compression by gzip, that can be read again from its start."""
    with ExitStack() as files:
        file: Any
        if str(source) == STANDARD_INPUT:
            file = pa.BufferReader(sys.stdin.buffer.read())
        elif not Path(source).is_file():  # a pipe cannot be read twice; a folder raises an error
            file = pa.BufferReader(Path(source).read_bytes())
        elif progress is None:  # pyarrow's threads read it without Python's lock
            file = files.enter_context(pa.OSFile(str(source)))
        else:
            file = files.enter_context(Path(source).open("rb"))
            file = io.BufferedReader(_Counted(file, progress), 1 << 20)
        start = file.read(2)
        file.seek(0)
        if start == b"\x1f\x8b":
            file = files.enter_context(gzip.open(file))
        yield file


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Convert errors of the system, of gzip, and of pyarrow to ours."""
    try:
        yield
    except pa.ArrowInvalid as error:
        raise DataFileError(f"{name} cannot be read as a table", got=first_line(error)) from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataFileError(f"{name} cannot be read: {error}") from None
    except (UnicodeDecodeError, LookupError) as error:
        raise DataFileError(
            f"{name} does not have this encoding",
            got=str(error),
            cure="Leave out --encoding, or try --encoding cp1252.",
        ) from None


def _binary(
    file: BinaryIO, name: str, form: Format, as_text: Sequence[str]
) -> tuple[pa.Table, list[str]]:
    """Return the table in a Parquet, Feather or Arrow file; its text is understood as another's."""
    start = file.read(4)
    file.seek(0)
    table = (parquet.read_table if start == b"PAR1" else feather.read_table)(file)
    check_names(table.column_names, name)
    table = with_plain_text(table)
    how = How(name, table.column_names, ",", "utf-8", 0, {*as_text}, has_quotes=False)
    return understood(table, how, form.decimal)


def text_in(
    file: BinaryIO, name: str, form: Format, as_text: Sequence[str], features: Sequence[str]
) -> tuple[pa.Table, list[str], How]:
    """Return the table in a text file, what was assumed, and how it was parsed."""
    head = file.read(HEAD)
    if not head.strip():
        raise DataFileError(f"{name} is empty", expected="a table with a header")
    encoding = form.encoding or _encoding_of(head)
    text = head.decode(encoding, errors="replace")
    if "\0" in text:
        raise DataFileError(
            f"{name} is not a table", expected="text with a header, Parquet, Feather or Arrow"
        )
    lines = text.splitlines(keepends=True)
    lines = lines[: max(1, min(LINES, len(lines) - (len(head) == HEAD)))]
    told = re.fullmatch('"?sep=(.)"?\\s*', lines[0])  # a first line that Excel understands
    lines = lines[1:] if told else lines
    separator = form.separator or (told[1] if told else _separator_of(lines))
    rows = list(csv.reader(lines, delimiter=separator))
    first = [cell.strip() for cell in rows[0]] if rows else []
    has_header = _is_header(first)
    names = [has_header * cell or f"column {i}" for i, cell in enumerate(first, start=1)]
    if not has_header and len(features) == len(names):
        names = list(features)
    check_names(names, name)
    how = How(name, names, separator, encoding, has_header + bool(told), {*as_text}, b'"' in head)
    decimal = form.decimal or decimal_of_sample(how, rows[has_header:])
    table = parsed(file, how, decimal or ".")
    if decimal is None and decimal_of_columns(table, how) == ",":
        decimal = ","  # numbers with a point in the other columns have groups of digits
        table = parsed(file, how, decimal)
    table, notes = understood(table, how, decimal)
    if form.decimal is None and decimal == ",":
        notes.insert(0, "numbers have a decimal comma (--decimal . reads them otherwise)")
    if form.separator is None and separator != ",":
        notes.insert(0, f"cells are separated by a {SEPARATORS[separator]} (--separator)")
    if form.encoding is None and not how.encoding.startswith("utf-8"):
        notes.insert(0, f"the text is in {how.encoding} (--encoding reads it otherwise)")
    if not has_header:
        notes.insert(0, f"there is no header: the columns are called {names[0]} to {names[-1]}")
    return table, notes, how


def _is_header(cells: Sequence[str]) -> bool:
    """Whether the first line has names: text, and no number but a whole one, such as a year."""
    numbers = [cell for cell in cells if is_number(cell)]
    return len(numbers) < len(cells) and all(map(str.isdigit, numbers))


def _encoding_of(head: bytes) -> str:
    """Return the encoding of a text by its first bytes: UTF-8 if they are valid in it."""
    for mark, encoding in MARKS.items():
        if head.startswith(mark):
            return encoding
    zeros = head[:200].count(0)  # of text in UTF-16, every second byte of most letters
    if zeros > len(head[:200]) / 4:
        return "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # its last letter may be cut
    except UnicodeDecodeError:
        return WINDOWS
    return "utf-8"


def _separator_of(lines: Sequence[str]) -> str:
    """Return the separator that cuts the most lines into the same number of cells."""

    def quality(mark: str) -> tuple[float, int]:
        counts = [len(row) for row in csv.reader(lines, delimiter=mark) if row]
        usual = max(set(counts), key=counts.count) if counts else 1
        return (counts.count(usual) / len(counts) if usual > 1 else 0.0), usual

    found = {mark: quality(mark) for mark in SEPARATORS}
    best = max(found, key=found.__getitem__)
    return best if found[best][0] else ","


def check_names(names: Sequence[str], name: str) -> None:
    """Check that no two columns have the same name."""
    twice = next((column for column in names if names.count(column) > 1), None)
    if twice is not None:
        raise DataFileError(
            f"{name} has {names.count(twice)} columns {twice!r}",
            cure="Rename all but one of them in the header, or drop them.",
        )
