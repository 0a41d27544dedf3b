"""Files that are not comma-separated text: the command in the error makes a table of them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import subprocess
import sys

import numpy as np
import pytest

from bpmatrix.datasets.foreign import check_is_text, check_separator
from bpmatrix.datasets.tables import open_table
from bpmatrix.errors import DataFileError

TABLE = "height,weight,kind\n1.5,-20,0\n2.25,30,1\n"
NUMBERS = [[1.5, -20, 0], [2.25, 30, 1]]
WITH_DECIMAL_COMMAS = TABLE.replace(",", ";").replace(".", ",")


def refusal(path):
    with pytest.raises(DataFileError) as caught:
        open_table(path).read(range(3))
    message = str(caught.value)
    assert "\n" not in message
    return message


def follow(command, folder):
    """Run the command at the end of an error; return the file that it writes."""
    program = command.split()[0]
    if sys.platform == "win32" or shutil.which(program) is None:
        pytest.skip(f"this machine has no {program}")
    before = set(folder.iterdir())
    subprocess.run(command, shell=True, check=True, cwd=folder)
    (new,) = set(folder.iterdir()) - before
    return new


@pytest.mark.parametrize("name", ["some.csv", "some.data", "of a cat's life.csv"])
@pytest.mark.parametrize(
    ("content", "got"),
    [
        (TABLE.replace(",", ";").encode(), "'height;weight;kind'"),
        (WITH_DECIMAL_COMMAS.encode(), "'height;weight;kind'"),
        (WITH_DECIMAL_COMMAS.split("\n", 1)[1].encode(), "'1,5;-20;0'"),
        (TABLE.replace(",", "\t").encode(), r"'height\tweight\tkind'"),
        (WITH_DECIMAL_COMMAS.replace(";", "\t").encode(), r"'height\tweight\tkind'"),
        (TABLE.replace(",", "|").encode(), "'height|weight|kind'"),
        (TABLE.replace(",", "  ").replace("\n", "\n ").encode(), "'height  weight  kind'"),
        (gzip.compress(TABLE.encode(), mtime=0), "got compressed by gzip"),
        (bz2.compress(TABLE.encode()), "got compressed by bzip2"),
        (lzma.compress(TABLE.encode()), "got compressed by xz"),
        (TABLE.encode("utf-16"), "got text in UTF-16"),
    ],
)
def test_the_command_in_the_error_makes_a_table(name, content, got, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(content)
    message = refusal(name)
    assert got in message

    made = follow(message.partition(": got ")[2].partition(": ")[2], tmp_path)
    assert made.suffix == ".csv"
    read = open_table(made)
    np.testing.assert_array_equal(read.read(range(3)).numbers, NUMBERS)
    assert (tmp_path / name).read_bytes() == content


def test_windows_encoding(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some.csv").write_bytes(TABLE.replace("height", "höhe").encode("cp1252"))
    message = refusal("some.csv")
    assert "not UTF-8 text: invalid" in message

    made = follow(message.partition("Windows: ")[2], tmp_path)
    assert open_table(made).names == ("höhe", "weight", "kind")


@pytest.mark.parametrize(
    ("beginning", "words"),
    [
        (b"PK\x03\x04", "Save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0", "Save the sheet as CSV"),
        (b"PAR1", "pandas.read_parquet('some.csv').to_csv('some-commas.csv', index=False)"),
        (b"ARROW1", "pandas.read_feather('some.csv').to_csv('some-commas.csv', index=False)"),
        (b"\x28\xb5\x2f\xfd", "zstd -dc some.csv > some-commas.csv"),
    ],
)
def test_other_formats_are_recognized_by_their_first_bytes(beginning, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some.csv").write_bytes(beginning + b"\0" * 20)

    assert words in refusal("some.csv")


def test_the_command_replaces_no_file(tmp_path, monkeypatch):
    """Neither the first choice of a name nor the second."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some.csv.gz").write_bytes(gzip.compress(TABLE.encode()))
    assert refusal("some.csv.gz").endswith("> some.csv")
    (tmp_path / "some.csv").touch()
    assert refusal("some.csv.gz").endswith("> some-commas.csv")
    (tmp_path / "some-commas.csv").touch()
    assert refusal("some.csv.gz").endswith("> some-commas-commas.csv")


def test_tables_pass(tmp_path):
    """A separator in one line only, or none; spaces in names."""
    path = tmp_path / "some.csv"
    path.write_text(TABLE)
    check_is_text(path)
    for lines in (("a;b,c", "1,2"), ("a b,c", "1,2"), ("a",), ("",), ()):
        check_separator(path, *lines) if lines else None
    check_separator(path, "my column", "5", spaces=True)
