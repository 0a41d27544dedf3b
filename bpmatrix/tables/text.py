"""Numbers and dates in columns of text, decided by the whole column.

A column is numbers only if every cell is one, and their form is the same for all: ``1,5`` and
``1.5`` in one column are text.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bpmatrix.errors import DataFileError

# How programs write a missing value.
MISSING = tuple(
    dict.fromkeys(
        form
        for word in ("", "?", "na", "n/a", "#n/a", "#na", "<na>", "nan", "nat", "null", "none")
        for form in (word, word.upper(), word.capitalize(), word.replace("n", "N"))
    )
)
# What stands for a missing number beside numbers.
DASHES = r"^(-|--|\.|\*)$"

_SIGN = r"^[+-]?"
_EXPONENT = r"([eE][+-]?\d+)?$"
# A number, by what separates its decimals: without groups, or in groups of three digits, of which
# the first does not begin with 0.
FORMS = {
    ".": rf"{_SIGN}(\d+\.?\d*|\.\d+){_EXPONENT}|{_SIGN}[1-9]\d{{0,2}}(,\d{{3}})+(\.\d*)?$"
    rf"|{_SIGN}[1-9]\d{{0,2}}([' ]\d{{3}})+(\.\d*)?$",
    ",": rf"{_SIGN}(\d+,?\d*|,\d+){_EXPONENT}|{_SIGN}[1-9]\d{{0,2}}(\.\d{{3}})+(,\d*)?$"
    rf"|{_SIGN}[1-9]\d{{0,2}}([' ]\d{{3}})+(,\d*)?$",
}
GROUPS = {".": "[,' ]", ",": "[.' ]"}
# Around a number: a currency before it; percent, a currency or a unit after it.
AROUND = r"^[$€£¥]\s*|\s*[$€£¥%]$|\s[A-Za-zµ°]{1,4}[23]?$"
SPACES = "[\u00a0\u202f\u2019]"

DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y",
    "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y",
)  # fmt: skip
TIMES = ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S")
LOOKS_LIKE_A_DATE = r"^\d{1,4}[-/. ][\dA-Za-z]{1,9}[-/. ,]+\d{2,4}|^[A-Za-z]{3,9} \d{1,2}, \d{4}"


def decimal_of(column: pa.ChunkedArray, name: str, decimal: str | None) -> str | None:
    """Return what separates the decimals of a column of text, or None if it is not numbers.

    Parameters
    ----------
    column : array of text
    name : str
        The name of the column, for the message.
    decimal : {".", ","} or None
        What the user said.

    Raises
    ------
    DataFileError
        If both are possible: ``1,570``.
    """
    plain = _plain(column)
    if plain.null_count == len(plain):
        return None
    fits = [
        mark
        for mark in ((decimal,) if decimal else FORMS)
        if pc.all(pc.match_substring_regex(plain, FORMS[mark])).as_py()
    ]
    if len(fits) > 1 and pc.any(pc.match_substring_regex(plain, "[.,]")).as_py():
        example = plain.filter(pc.match_substring_regex(plain, "[.,]"))[0].as_py()
        raise DataFileError(
            f"column {name!r} has numbers that can be read in two ways",
            got=f"{example!r}, which is {example.replace(',', '')} or {example.replace(',', '.')}",
            cure="Say which: --decimal . or --decimal ,",
        )
    return fits[0] if fits else None


def numbers_in(column: pa.ChunkedArray, decimal: str) -> pa.ChunkedArray:
    """Return a column of text, which `decimal_of` has found to be numbers, as float64."""
    plain = pc.replace_substring_regex(_plain(column), GROUPS[decimal], "")
    plain = pc.replace_substring(plain, ",", ".") if decimal == "," else plain
    return pc.cast(plain, pa.float64())


def moments_in(column: pa.ChunkedArray) -> tuple[pa.ChunkedArray, str] | None:
    """Return a column of text as moments with their format, or None if these are not dates.

    If several formats fit, the first of `DATES` is taken.
    """
    text = pc.utf8_trim_whitespace(column)
    known = text.drop_null()
    if not len(known) or not pc.all(pc.match_substring_regex(known, LOOKS_LIKE_A_DATE)).as_py():
        return None
    for date in DATES:
        for clock in TIMES:
            form = date + clock
            if pc.strptime(known[:100], form, unit="us", error_is_null=True).null_count:
                continue
            found = moments_like(text, form)
            if found.null_count == text.null_count:
                return found, form
    return None


def moments_like(column: pa.ChunkedArray, form: str) -> Any:
    """Return a column of text as moments; null where it does not have this format."""
    return pc.strptime(column, form, unit="us", error_is_null=True)


def _plain(column: pa.ChunkedArray) -> Any:
    """Return the text of numbers without what stands around them; dashes are missing."""
    text = pc.utf8_trim_whitespace(pc.replace_substring_regex(column, SPACES, "'"))
    text = pc.replace_substring_regex(pc.replace_substring_regex(text, AROUND, ""), AROUND, "")
    text = pc.replace_substring(text, "\N{MINUS SIGN}", "-")
    return pc.if_else(pc.match_substring_regex(text, DASHES), pa.scalar(None, pa.string()), text)


def with_plain_text(table: pa.Table) -> pa.Table:
    """Return a table whose text has one type: pyarrow cannot take rows of polars' string views."""
    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type) and _is_other_text(field.type.value_type):
            column = pa.chunked_array(
                [_as_plain_text(chunk.dictionary).take(chunk.indices) for chunk in table[i].chunks],
                pa.string(),
            )
        elif _is_other_text(field.type):
            column = pa.chunked_array(map(_as_plain_text, table[i].chunks), pa.string())
        else:
            continue
        table = table.set_column(i, field.name, column)
    return table


def _as_plain_text(texts: pa.Array) -> pa.Array:
    try:
        return texts.cast(pa.string())
    except pa.ArrowNotImplementedError:  # of string views, in old versions
        return pa.array(texts.to_pylist(), pa.string())


def _is_other_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
