"""Cells that are not plain numbers: the cure suggests a valid number."""

from __future__ import annotations

import re

import pytest

from bpmatrix.datasets.cells import MISSING, cure_of, number, shown


@pytest.mark.parametrize(
    ("cell", "plain"),
    [
        ("2,480.75", ["2480.75"]),
        ("2.480,75", ["2480.75"]),
        ("12,480,300", ["12480300"]),
        ("12.480.300", ["12480300"]),
        ("2'480.75", ["2480.75"]),
        ("2 480", ["2480"]),
        ("2\N{NO-BREAK SPACE}480,5", ["2480.5"]),
        ("2\N{NARROW NO-BREAK SPACE}480", ["2480"]),
        ("2\N{RIGHT SINGLE QUOTATION MARK}480", ["2480"]),
        ("7,25", ["7.25"]),
        ("-7,25e-3", ["-7.25e-3"]),
        ("2,480", ["2480", "2.480"]),  # either may be meant
        ("\N{MINUS SIGN}3", ["-3"]),
        ("87.5%", ["87.5"]),
        ("87,5 %", ["87.5"]),
        ("$ 19.90", ["19.90"]),
        ("1.250,00 €", ["1250.00"]),
        ("70 kg", ["70"]),
        ("9.8 m/s", ["9.8"]),
    ],
)
def test_numbers_in_other_notations(cell, plain):
    said = cure_of(f" {cell} ")

    assert re.fullmatch(r"Write plain numbers into the whole column, here (.*)\.", said)[1].split(
        " or "
    ) == plain  # fmt: skip
    assert all(number(text) is not None for text in plain)
    assert number(cell) is None


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("true", "Write 1 for true and 0 for false"),
        ("FALSE", "Write 1 for true and 0 for false"),
        ("No", "Write 1 for yes and 0 for no"),
        ("1999-12-31", "days or seconds since the first"),
        ("1999-12-31 23:59:59", "days or seconds since the first"),
        ("1999-12-31T23:59:59Z", "days or seconds since the first"),
        ("1999/12", "days or seconds since the first"),
        ("31.12.1999", "days or seconds since the first"),
        ("12/31/99 11:59 PM", "days or seconds since the first"),
        ("31 Dec 1999", "days or seconds since the first"),
        ("23:59", "days or seconds since the first"),
        ("-inf", "Write a finite number"),
        ("1e999", "Write a finite number"),
        *((cell.upper(), "Fill it in") for cell in (*MISSING, "-", ".")),
    ],
)
def test_the_cure_depends_on_the_cell(cell, words):
    assert cure_of(cell).startswith(words) or words in cure_of(cell)


@pytest.mark.parametrize("cell", ["red", "A1", "1.5.2", "3rd", "<5", "1,2,3", "two kg", "12kg"])
def test_words_have_no_cure_here(cell):
    assert cure_of(cell) is None


def test_a_long_cell_is_shortened():
    assert shown("x" * 100) == repr("x" * 30 + "...")
    assert shown("a\nb") == "'a\\nb'"
