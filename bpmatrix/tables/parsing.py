"""Parse a text file with pyarrow's reader, and understand its columns of text as a whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow

from bpmatrix.datasets.cells import shown
from bpmatrix.errors import DataFileError
from bpmatrix.tables.text import MISSING, decimal_of, moments_in, moments_like, numbers_in

# The types of columns are those of the first block; a later block of another type costs a reading.
BLOCK = 1 << 24

# What text is in if it is not UTF-8: Latin-1 with the letters that Windows adds.
WINDOWS = "cp1252"

# If a column does not have the type of its first block, it is read with the next one.
WIDER = {"int64": "float64", "null": "string", "bool": "string"}

WRONG_TYPE = re.compile(r"In CSV column #(\d+): (?:Row #\d+: )?CSV conversion error to (\S+):")


@dataclass
class How:
    """How a text file is parsed; `encoding` and `types` are what its contents turned out to be.

    `converters` are what `understood` does with the cells of columns of text.
    """

    name: str
    names: list[str]
    separator: str
    encoding: str
    skipped: int
    as_text: Collection[str]
    has_quotes: bool
    types: dict[str, str] = field(default_factory=dict)
    decimal: str = "."
    converters: dict[str, Callable[[Any], Any]] = field(default_factory=dict)


def decimal_of_sample(how: How, rows: Sequence[Sequence[str]]) -> str | None:
    """Return "," if a column of the first rows has decimal commas, else None."""
    whole = [row for row in rows if len(row) == len(how.names)]
    columns = [pa.array(list(cells), pa.string()) for cells in zip(*whole, strict=True)]
    cleaned = [without_missing(column) for column in columns]
    return decimal_of_columns(pa.table(cleaned, how.names[: len(cleaned)]), how)


def decimal_of_columns(table: pa.Table, how: How) -> str | None:
    """Return "," if a column of text has decimal commas, else None."""
    for name in table.column_names:
        if name not in how.as_text and _is_text(table[name]) and _has_comma(table[name]):
            with suppress(DataFileError):  # it can be read in two ways: others may decide
                if decimal_of(table[name], name, None) == ",":
                    return ","
    return None


def parsed(file: BinaryIO, how: How, decimal: str) -> pa.Table:
    """Return the table in a text file, with the narrowest types that all of its cells have."""
    how.types, how.decimal = dict.fromkeys(how.as_text, "string"), decimal
    while True:
        file.seek(0)
        try:
            table = arrow.read_csv(file, *options_of(how))
        except pa.ArrowInvalid as error:
            _widen(how, error)
        else:
            is_valid = not any(map(pa.types.is_binary, table.schema.types))
            if is_valid or how.encoding != "utf-8":
                return table
            how.encoding = WINDOWS


def options_of(how: How, block: int = BLOCK, *, use_threads: bool = True) -> tuple[Any, Any, Any]:
    """Return the options of pyarrow's reader, whose threads read many blocks ahead."""
    return (
        arrow.ReadOptions(
            column_names=how.names, skip_rows=how.skipped, encoding=how.encoding,
            block_size=block, use_threads=use_threads,
        ),
        arrow.ParseOptions(delimiter=how.separator, newlines_in_values=how.has_quotes),
        arrow.ConvertOptions(
            column_types={name: pa.type_for_alias(kind) for name, kind in how.types.items()},
            null_values=list(MISSING), strings_can_be_null=True, decimal_point=how.decimal,
            true_values=["true", "True", "TRUE"], false_values=["false", "False", "FALSE"],
        ),
    )  # fmt: skip


def _widen(how: How, error: Exception) -> None:
    """Change what an error of the reader complains about, or raise an error that says it better."""
    message = first_line(error)
    if wrong := WRONG_TYPE.search(message):
        name, kind = how.names[int(wrong[1])], wrong[2]
        if kind != "string":
            how.types[name] = WIDER.get(kind, "string")
            return
    if how.encoding == "utf-8" and "UTF8" in message:
        how.encoding = WINDOWS
        return
    if ragged := re.search(r"Expected (\d+) columns, got (\d+): (.*)", message):
        raise DataFileError(
            f"a row of {how.name} has a different number of cells",
            got=f"{ragged[2]} in {shown(ragged[3])}",
            expected=f"{ragged[1]}, as in the header",
            cure="Put text with separators into quotes, and drop incomplete lines.",
        ) from None
    raise error


def understood(table: pa.Table, how: How, decimal: str | None) -> tuple[pa.Table, list[str]]:
    """Return the table with numbers and moments for the columns of text that hold them."""
    notes = []
    for i, name in enumerate(table.column_names):
        column = table[name]
        if not _is_text(column):
            continue
        column = without_missing(column)
        if name in how.as_text:
            pass
        elif mark := decimal_of(column, name, decimal):
            column = numbers_in(column, mark)
            how.converters[name] = partial(numbers_in, decimal=mark)
        elif found := moments_in(column):
            column, form = found
            how.converters[name] = partial(moments_like, form=form)
            notes.append(f"column {name} has dates like {form}")
        table = table.set_column(i, name, column)
    return table, notes


def without_missing(column: Any) -> Any:
    """Return a column of text without spaces around, null where a value is missing."""
    text = pc.utf8_trim_whitespace(column)
    is_missing = pc.is_in(text, value_set=pa.array(MISSING))
    return pc.if_else(is_missing, pa.scalar(None, pa.string()), text)


def _is_text(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_string(column.type))


def _has_comma(column: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.match_substring(column, ",")).as_py())


def first_line(error: Exception) -> str:
    """Return the first line of a message, shortened."""
    return str(error).partition("\n")[0][:300]
