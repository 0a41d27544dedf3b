from __future__ import annotations

import numpy as np
import pytest

from bpmatrix.datasets.named import read_named_table
from bpmatrix.errors import DataFileError


def table(tmp_path, text):
    (tmp_path / "table.csv").write_bytes(text.encode())
    return read_named_table(tmp_path / "table.csv")


def test_columns_are_found_by_their_names(tmp_path):
    read = table(tmp_path, '\ufeff b ,"a, c",kind\n1,2e1,x\n\n3,-4,y\n')

    np.testing.assert_array_equal(read.numbers(["a, c", "b"]), [[20, 1], [-4, 3]])
    assert read.texts("kind") == ["x", "y"]


@pytest.mark.parametrize("missing", ["", "?", "NA", "nan", " null "])
def test_a_missing_value_is_named(tmp_path, missing):
    read = table(tmp_path, f"a,b\n1,2\n3,{missing}\n")

    with pytest.raises(DataFileError, match=r"'b' misses a value in line 3.*mean"):
        read.numbers(["a", "b"])
    with pytest.raises(DataFileError, match="'b' misses"):
        read.texts("b")


@pytest.mark.parametrize("text", ["red", "1.5.2", "inf"])
def test_a_column_of_text_is_named(tmp_path, text):
    read = table(tmp_path, f"a,b\n1,2\n3,{text}\n")

    with pytest.raises(DataFileError, match=r"'b' holds no number in line 3.*0 and 1"):
        read.numbers(["b"])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no header"),
        ("1,2\n3,4\n", "no header"),
        ("a,b\n", "no rows"),
        ("a,b\n1\n", "line 2 .* 1 cells"),
        ('a,b\n"1,2\n', "no CSV"),
    ],
)
def test_what_is_no_table(tmp_path, text, complaint):
    with pytest.raises(DataFileError, match=complaint):
        table(tmp_path, text)


@pytest.mark.parametrize(("name", "words"), [("c", "no column 'c'"), ("a", "2 columns 'a'")])
def test_a_name_that_is_not_there_once(tmp_path, name, words):
    read = table(tmp_path, "a,a,b\n1,2,3\n")

    with pytest.raises(DataFileError, match=words):
        read.numbers([name])


def test_other_encodings_and_no_file(tmp_path):
    (tmp_path / "table.csv").write_bytes(b"a,\xe9\n1,2\n")
    with pytest.raises(DataFileError, match="UTF-8"):
        read_named_table(tmp_path / "table.csv")
    with pytest.raises(DataFileError, match="cannot be read"):
        read_named_table(tmp_path / "nowhere.csv")
