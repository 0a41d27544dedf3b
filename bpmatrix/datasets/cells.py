"""Cells of a table that are not plain numbers, and what to do about them."""

from __future__ import annotations

import math
import re

# How programs write a missing value.
MISSING = ("", "?", "na", "n/a", "#n/a", "<na>", "nan", "null", "none")
# Missing values in columns of numbers only, since a class may have such a name.
DASHES = ("-", "--", ".")

TRUTHS = {"true": "false", "yes": "no"}
MOMENT = re.compile(
    r"\d{4}([-/.])\d{1,2}(\1\d{1,2}([T ].*)?)?"  # 2024-01-31 12:30
    r"|\d{1,2}([-/.])\d{1,2}\4\d{2,4}( .*)?"  # 31.01.2024
    r"|\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4}( .*)?"  # 31 Jan 2024
    r"|\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?"  # 12:30:05
)
# Around a number: currencies, percent, units after a space.
AROUND = re.compile(r"^[$€£¥]\s*|\s*[$€£¥%]$|\s+[A-Za-zµ°][\w/°]*$")
GROUPED = re.compile(r"[+-]?\d{1,3}(?:([,.' ])\d{3})(?:\1\d{3})*(?:[.,]\d+)?")
_SHOWN = 30
# Longer texts are words: the patterns take time that grows with the square of the length.
LONGEST = 100


def is_number(cell: str) -> bool:
    """Whether `float` reads a cell, including infinity and NaN."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def number(cell: str) -> float | None:
    """Return a cell as a finite number, or None.

    Examples
    --------
    >>> number(" 1.5e3 "), number("1,5"), number("inf")
    (1500.0, None, None)
    """
    return float(cell) if is_number(cell) and math.isfinite(float(cell)) else None


def cure_of(cell: str) -> str | None:
    """Return what to do about a cell that is not a finite number; None if it is a word.

    Examples
    --------
    >>> cure_of("32.1%")
    'Write plain numbers into the whole column, here 32.1.'
    >>> cure_of("red") is None
    True
    """
    text = cell.strip()
    if len(text) > LONGEST:
        return None
    lower = text.lower()
    if lower in MISSING or lower in DASHES:
        return "Fill it in, for example with the mean of the column, or drop the row."
    for yes, no in TRUTHS.items():
        if lower in {yes, no}:
            return f"Write 1 for {yes} and 0 for {no} into the whole column."
    if MOMENT.fullmatch(text):
        return (
            "Write numbers into the whole column, such as the days or seconds since the first one,"
            " or drop it."
        )
    plain = _plain(text)
    if plain:
        return f"Write plain numbers into the whole column, here {' or '.join(plain)}."
    return "Write a finite number, or drop the row." if is_number(text) else None


def shown(text: str) -> str:
    """Quote and shorten a text from a file, so that a message fits on one line."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def _plain(text: str) -> list[str]:
    """Return the numbers that a cell may mean: two if its comma may be a decimal one."""
    text = AROUND.sub("", AROUND.sub("", text)).replace("\N{MINUS SIGN}", "-")
    text = re.sub("[\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{RIGHT SINGLE QUOTATION MARK}]",
                  "'", text)  # fmt: skip
    found = []
    if grouped := GROUPED.fullmatch(text):
        whole = text.replace(grouped[1], "").replace(",", ".")
        found.append(whole)
    if text.count(",") == 1:
        found.append(text.replace(",", "."))
    found = found or [text]
    return [candidate for candidate in dict.fromkeys(found) if number(candidate) is not None]
