"""The .csv reader: headers, label columns, and the first bad line of a damaged file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpmatrix.datasets.tables import read_csv
from bpmatrix.errors import DataFileError

fuzz = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.csv"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("1,2,0\n3,4,1\n", None),
        ("1,2,0\n\n3,4,1", None),
        ("a,b,label\r\n1,2,0\r\n3,4,1\r\n", ["a", "b", "label"]),
        ("\ufeffa, b ,label\n1,2,0\n3,4,1\n", ["a", "b", "label"]),
        ('"a, or so",b,c\n"1",2.0,0\n 3 ,4e0,+1\n', ["a, or so", "b", "c"]),
        ("0,1,label\n1,2,0\n3,4,1\n", ["0", "1", "label"]),
        (",0,label\n1,2,0\n3,4,1\n", ["", "0", "label"]),
    ],
)
def test_header_and_rows(path: Path, text: str, names: list[str] | None) -> None:
    path.write_text(text, encoding="utf-8", newline="")
    table = read_csv(path)
    assert table.names == names
    np.testing.assert_array_equal(table.values, [[1, 2, 0], [3, 4, 1]])
    inputs, labels = table.inputs_and_labels()
    np.testing.assert_array_equal(inputs, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(labels, [0, 1])
    assert labels.dtype == np.int64


def test_named_label_column(path: Path) -> None:
    path.write_text("label,p,q\n2,0.5,0.25\n")
    inputs, labels = read_csv(path).inputs_and_labels("label")
    np.testing.assert_array_equal(inputs, [[0.5, 0.25]])
    np.testing.assert_array_equal(labels, [2])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,0\n3,4\n", "line 2 of .*: got 2 cells, expected 3 as above"),
        ("1,2,0\n\n3,4,1,1\n", "line 3 of .*: got 4 cells, expected 3"),
        ("a,b,c\n1,2,0\n3,x,1\n", "line 3, column 2 of .*: got 'x', expected a number"),
        ("1,2,0\n3,,1\n", "line 2, column 2 of .*: got ''"),
        ("1,2,0\n3,nan,1\n", "line 2, column 2 of .*: got nan, expected a finite number"),
        ("1,2,0\n3,4,-inf\n", "line 2, column 3 of .*: got -inf"),
        ("1,2,0\n3,1e999,1\n", "line 2, column 2 of .*: got inf"),
        ("1.5,oops,0\n3,4,1\n", "line 1 of .*: got 'oops' beside numbers"),
        ("1,2,0\n3,\0,1\n", "line 2 of .*: got a NUL byte"),
        ('1,2,0\n3,"4,1\n', "line 2 of .*: got unexpected end of data"),
        ('1,2,0\n3,"4"4,1\n', "line 2 of .*: got ',' expected after '\"'"),
        ("1,2,0\n3,__import__('os'),1\n", "line 2, column 2"),
        ("1,2,0\n" + "x" * 1000 + ",2,1\n", "got 'x{30}...', expected"),
        ("", "holds no rows of numbers"),
        ("\n\n", "holds no rows of numbers"),
        ("a,b,c\n", "holds no rows of numbers"),
    ],
)
def test_messages(path: Path, text: str, message: str) -> None:
    path.write_text(text, newline="")
    with pytest.raises(DataFileError, match=message) as caught:
        read_csv(path)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("1,0.5\n", None, "line 1, column 2 of .* no class label: got 0.5, expected an integer"),
        ("1,0\n\n1,-1\n", None, "line 3, column 2 .*got -1"),
        ("1,0\n1,1e300\n", None, r"line 2, column 2 .*got 1e\+300"),
        ("l,x\n0,1\n.5,1\n", "l", "line 3, column 1 .*got 0.5"),
        ("1,0\n", "l", "no single column 'l': got no header"),
        ("a,b\n1,0\n", "l", "no single column 'l': got 'a, b'"),
        ("a,a\n1,0\n", "a", "no single column 'a'"),
        ("1\n0\n", None, "only one column"),
    ],
)
def test_label_messages(path: Path, text: str, column: str | None, message: str) -> None:
    path.write_text(text)
    with pytest.raises(DataFileError, match=message):
        read_csv(path).inputs_and_labels(column)


def test_no_utf_8(path: Path) -> None:
    path.write_bytes(b"1,2\n\xff,0\n")
    with pytest.raises(DataFileError, match="no text in UTF-8"):
        read_csv(path)


def test_missing_file(path: Path) -> None:
    with pytest.raises(DataFileError, match="cannot be read"):
        read_csv(path)


@fuzz
@given(
    st.lists(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3),
        min_size=1,
    )
)
def test_round_trip(path: Path, rows: list[list[float]]) -> None:
    path.write_text("\n".join(",".join(map(repr, row)) for row in rows))
    np.testing.assert_array_equal(read_csv(path).values, rows)


@fuzz
@given(st.binary(max_size=60) | st.text('0123456789.,-"\n\r ae\0', max_size=60).map(str.encode))
def test_any_bytes_give_numbers_or_a_clear_error(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        table = read_csv(path)
    except DataFileError:
        return
    assert np.isfinite(table.values).all()
