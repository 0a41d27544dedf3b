"""The reader of .csv files: headers, columns of numbers and text, the first bad line."""

from __future__ import annotations

import os
import sys
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpmatrix.datasets import tables
from bpmatrix.datasets.cells import cure_of
from bpmatrix.datasets.tables import class_numbers, open_table
from bpmatrix.errors import DataFileError

fuzz = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.csv"


def read_all(path, **how):
    """Read all columns as numbers."""
    table = open_table(path, **how)
    return table.read(range(len(table.first)))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("1,2,0\n3,4,1\n", ()),
        ("1,2,0\n\n3,4,1", ()),
        ("a,b,label\r\n1,2,0\r\n3,4,1\r\n", ("a", "b", "label")),
        ("\n\na,b,label\n1,2,0\n3,4,1\n", ("a", "b", "label")),
        ("\ufeffa, b ,label\n1,2,0\n3,4,1\n", ("a", "b", "label")),
        ('"a, or so",b,c\n"1",2.0,0\n 3 ,4e0,+1\n', ("a, or so", "b", "c")),
        ('"a\nb",b,c\n1,2,0\n3,4,1\n', ("a\nb", "b", "c")),
        ("0,1,label\n1,2,0\n3,4,1\n", ("0", "1", "label")),
        (",0,label\n1,2,0\n3,4,1\n", ("", "0", "label")),
    ],
)
def test_header_and_rows(path: Path, text: str, names: tuple[str, ...]) -> None:
    path.write_text(text, encoding="utf-8", newline="")
    assert open_table(path).names == names
    cells = read_all(path)
    np.testing.assert_array_equal(cells.numbers, [[1, 2, 0], [3, 4, 1]])
    last = 1 + text.rstrip().count("\n")
    assert cells.lines[-1] == last


def test_columns_are_read_in_the_given_order(path: Path) -> None:
    """In any order; other columns are ignored."""
    path.write_text("a,note,b,kind\n1,,2e1,x\n\n3,?, -4 , y \n")
    table = open_table(path)
    cells = table.read(table.columns(["b", "a"]), table.column("kind"))
    np.testing.assert_array_equal(cells.numbers, [[20, 1], [-4, 3]])
    assert cells.texts == ["x", "y"]
    assert cells.lines.tolist() == [2, 4]
    assert table.read([0], 1).texts == ["", "?"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,0\n3,4\n", "line 2 of .*: got 2 cells, expected 3, as in the first line.*quotes"),
        ("1,2,0\n\n3,4,1,1\n", "line 3 of .*: got 4 cells, expected 3"),
        ("a,b,c\n1,2,0\n3,x,1\n", "column 'b' has no number in line 3 of .*: got 'x', exp"),
        ("1,2,0\n3,x,1\n", "column 2 has no number in line 2 of .*: got 'x', exp"),
        ("1,2,0\n3,,1\n", "column 2 is missing a value in line 2 of .*: got ''.*Fill it in"),
        ("1,2,0\n3,nan,1\n", "column 2 is missing a value in line 2 of .*: got 'nan'"),
        ("1,2,0\n3,4,-inf\n", "column 3 .*line 2 .*: got '-inf', expected a finite number"),
        ("1,2,0\n3,1e999,1\n", "column 2 .*line 2 .*: got 'inf'"),
        ("1.5,oops,0\n3,4,1\n", "first line of .* got 'oops' beside numbers.*--target NAME"),
        ("1,2,0\n3,\0,1\n", r"column 2 .*line 2 .*: got '\\x00'"),
        ('1,2,0\n3,"4,1\n', "line 2 of .*: got unexpected end of data"),
        ('1,2,0\n3,"4"4,1\n', "line 2 of .*: got ',' expected after '\"'"),
        ("1,2,0\n3,__import__('os'),1\n", "column 2 has no number"),
        ("1,2,0\n" + "x" * 1000 + ",2,1\n", "got 'x{30}...', expected"),
        ("", "contains no rows"),
        ("\n\n", "contains no rows"),
        ("a,b,c\n", "contains no rows below its header"),
    ],
)
def test_messages(path: Path, text: str, message: str) -> None:
    path.write_text(text, newline="")
    with pytest.raises(DataFileError, match=message) as caught:
        read_all(path)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_first_bad_line_is_named(path: Path) -> None:
    path.write_text("a,b,c\n1,2,3\n1,x,3\n,2,3\n")
    with pytest.raises(DataFileError, match=r"'b' .* in line 3 of"):
        read_all(path)


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("1,0\n", "l", "has no header, so no column 'l': got '1', '0'. Insert a first line"),
        ("a,b\n1,0\n", "l", "no column 'l': got 'a', 'b'. Name a column of the header"),
        ("a,a\n1,0\n", "a", "2 columns 'a'. Rename"),
    ],
)
def test_missing_and_duplicate_names(path: Path, text: str, name: str, message: str) -> None:
    path.write_text(text)
    with pytest.raises(DataFileError, match=message):
        open_table(path).column(name)


def test_all_columns_of_a_model_are_needed(path: Path) -> None:
    path.write_text("b,c,a\n1,2,3\n")
    table = open_table(path)
    assert table.columns(["a", "b"]) == [2, 0]
    with pytest.raises(DataFileError, match=r"lacks 2 of the model's 3 features.*'A', 'z'"):
        table.columns(["A", "b", "z"])


def test_required_header(path: Path) -> None:
    """Numbers next to text are names, such as quantiles; numbers alone are not."""
    path.write_text("q,0.25,0.75\n1,2,3\n")
    assert open_table(path, header=True).names == ("q", "0.25", "0.75")
    path.write_text("1,2\n3,4\n")
    with pytest.raises(DataFileError, match=r"no header: got '1', '2'.*Insert a first line"):
        open_table(path, header=True)


def test_labels(path: Path) -> None:
    path.write_text("label,p\n2,0.5\n0.0,1\n")
    table = open_table(path)
    labels = class_numbers(table, table.read([1], 0), 0)
    assert labels.tolist() == [2, 0]
    assert labels.dtype == np.int64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "p,l\n1,0.5\n",
            r"column 'l' .* line 2 of .*: got '0.5', expected an integer.*--target l$",
        ),
        ("p,l\n1,0\n\n1,-1\n", "line 4 of .*: got '-1'"),
        ("p,l\n1,0\n1,1e300\n", "line 3 of .*: got '1e300'"),
        ("p,a kind\n1,rose\n", r"got 'rose'.*label_column.*bpmatrix train \S+ --target 'a kind'$"),
        ("1,0.5\n", r"column 2 .* insert a first line.*--target NAME$"),
        ("p,l\n1,\n", "line 2 .*: got ''.*Drop the row"),
    ],
)
def test_invalid_labels(path: Path, text: str, message: str) -> None:
    path.write_text(text)
    table = open_table(path)
    with pytest.raises(DataFileError, match=message):
        class_numbers(table, table.read([0], 1), 1)


def test_words_have_the_cure_of_the_caller(path: Path) -> None:
    path.write_text("a,b\n1,red\n")
    with pytest.raises(DataFileError, match="columns of 0 and 1, one per category"):
        read_all(path)
    with pytest.raises(DataFileError, match=r"\. Paint column 1\.$"):
        open_table(path).read([0, 1], cure_of_words=lambda column: f"Paint column {column}.")


def test_not_utf_8_and_not_a_file(path: Path) -> None:
    path.write_bytes(b"a,b\n1,2\n\xff,0\n")
    with pytest.raises(DataFileError, match="not UTF-8 text: invalid start byte at byte 8"):
        open_table(path).read([0])
    with pytest.raises(DataFileError, match="cannot be read"):
        open_table(path.with_name("nowhere.csv"))
    with pytest.raises(DataFileError, match="not a regular file: got a folder"):
        open_table(path.parent)


def test_memory_is_little_more_than_the_numbers(path: Path) -> None:
    """As text a cell would take 55 bytes or more, seven times as much."""
    row = ",".join(["-1.2345"] * 30)
    with path.open("w") as file:
        file.write(",".join(f"x{i}" for i in range(30)) + ",kind\n")
        file.writelines(f"{row},{i % 5}\n" for i in range(20_000))
    table = open_table(path)
    tracemalloc.start()
    try:
        cells = table.read(range(30), 30)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    texts = sys.getsizeof("0") * len(cells.lines)
    # The buffer grows by an eighth or less, is copied once where it cannot grow in place, and the
    # look at what is finite takes a byte for each number.
    assert peak < 2.5 * cells.numbers.nbytes + texts


def shortened_while_read(path: Path) -> list:
    """Read a file of 100,000 rows that is cut to 50,000 once the first has been read."""
    path.write_text("1,0\n" * 100_000)
    rows = tables._rows(path)
    next(rows)
    os.truncate(path, 4 * 50_000)
    return list(rows)


def test_a_file_that_becomes_shorter_is_not_a_smaller_table(path: Path) -> None:
    with pytest.raises(DataFileError, match=r"got 200,000 bytes, expected 400,000"):
        shortened_while_read(path)


def seconds_of(call) -> float:
    """Return the processor time of a call that raises a DataFileError, or returns."""
    start = time.process_time()
    with suppress(DataFileError):
        call()
    return time.process_time() - start


@pytest.mark.parametrize("cell", ["1" + 120_000 * " " + "!", "1" * 120_000 + "x", 120_000 * "1,"])
def test_long_cells_take_no_longer_than_reading_them(path: Path, cell: str) -> None:
    """The patterns for dates and units would take minutes."""
    path.write_text(f'a,b\n0,"{cell}"\n')
    assert seconds_of(lambda: open_table(path).read([0, 1])) < 1
    assert seconds_of(lambda: cure_of(cell)) < 1


def test_wide_tables_take_a_time_in_proportion(path: Path) -> None:
    """Each of 50,000 columns is found by its name."""
    names = [f"x{k}" for k in range(50_000)]
    path.write_text(",".join(names) + "\n" + ",".join("1" * len(names)) + "\n")
    table = open_table(path)
    assert seconds_of(lambda: table.columns(names[::-1])) < 1
    assert seconds_of(lambda: [table.column(name) for name in names]) < 1
    assert table.columns(["x7", "x49999"]) == [7, 49_999]


@fuzz
@given(
    st.lists(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3),
        min_size=1,
    )
)
def test_round_trip(path: Path, rows: list[list[float]]) -> None:
    path.write_text("\n".join(",".join(map(repr, row)) for row in rows))
    np.testing.assert_array_equal(read_all(path).numbers, rows)


@fuzz
@given(
    st.binary(max_size=60) | st.text('0123456789.,;-"\n\r ae\0', max_size=60).map(str.encode),
    st.booleans(),
)
def test_any_bytes_give_numbers_or_a_clear_error(path: Path, content: bytes, header: bool) -> None:
    path.write_bytes(content)
    try:
        table = open_table(path, header=header)
        cells = table.read(range(len(table.first)), 0)
    except DataFileError:
        return
    assert np.isfinite(cells.numbers).all()
    assert cells.numbers.shape == (len(cells.texts), len(table.first))
