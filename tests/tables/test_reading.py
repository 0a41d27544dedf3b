"""Tables as spreadsheets and databases write them."""

import gzip
import io
import sys

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from bpmatrix.errors import DataFileError
from bpmatrix.tables.reading import Format, read_table


@pytest.fixture
def read(tmp_path):
    def reader(content, form=None, **how):
        path = tmp_path / "table"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, form or Format(), **how)

    return reader


WORDS = ["größe", "naïve"]
TEXT = "größe,naïve\n1,é\n2.5,\n"


@pytest.mark.parametrize("mark", list(",;\t|"))
def test_the_separator_is_found(read, mark):
    table, notes = read(f"a{mark}b{mark}c\n1{mark}x y{mark}2.5\n2{mark}z{mark}3\n")
    assert table.to_pydict() == {"a": [1, 2], "b": ["x y", "z"], "c": [2.5, 3.0]}
    assert len(notes) == (mark != ",")


def test_excel_may_name_the_separator(read):
    assert read("sep=;\na;b\n1;2\n")[0].to_pydict() == {"a": [1], "b": [2]}


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", ""), ("utf-8-sig", ""), ("utf-16", "utf-16"), ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"), ("latin-1", "cp1252"), ("cp1252", "cp1252"),
    ],
)  # fmt: skip
def test_the_encoding_is_found(read, encoding, said):
    table, notes = read(TEXT.encode(encoding))
    assert table.to_pydict() == {"größe": [1.0, 2.5], "naïve": ["é", None]}
    assert notes == ([f"the text is in {said} (--encoding reads it otherwise)"] if said else [])


def test_a_letter_in_another_encoding_far_below_is_found(read):
    content = b"a,b\n" + b"1,x\n" * 200_000 + "2,größe\n".encode("latin-1")
    table, notes = read(content)
    assert (table.num_rows, table["b"][-1].as_py(), len(notes)) == (200_001, "größe", 1)


@pytest.mark.parametrize(
    ("cells", "decimal", "numbers"),
    [
        (["1,5", "-2", ",25"], ",", [1.5, -2, 0.25]),
        (["1.570,5", "3"], ",", [1570.5, 3]),
        (["1 234,5", "7"], ",", [1234.5, 7]),
        (["1,234.5", "7"], None, [1234.5, 7]),
        (["1,234,567", "7.5"], None, [1234567, 7.5]),
        (["1'234.5", "7"], None, [1234.5, 7]),
        (["$1,200.50", "$5"], None, [1200.5, 5]),
        (["5 %", "6.5%"], None, [5, 6.5]),
        (["12 kg", "3.5 kg"], None, [12, 3.5]),
        (["\N{MINUS SIGN}3", "- "], None, [-3, None]),
        (["1e3", " 2 "], None, [1000, 2]),
    ],
)
def test_numbers_are_understood_by_the_whole_column(read, cells, decimal, numbers):
    table, notes = read("a;b\n" + "".join(f"{cell};x\n" for cell in cells))
    assert table["a"].to_pylist() == numbers
    assert any("decimal comma" in note for note in notes) == (decimal == ",")


def test_a_decimal_comma_in_one_column_decides_for_all(read):
    table, _ = read("a;b\n1,5;1.570\n2,5;2.000\n")
    assert table["b"].to_pylist() == [1570.0, 2000.0]


def test_numbers_with_two_readings_need_the_user(read):
    content = 'a,b\n"1,570",x\n"2,000",y\n'
    with pytest.raises(DataFileError, match=r"two ways.*'1,570', which is 1570 or 1\.570"):
        read(content)
    assert read(content, Format(decimal="."))[0]["a"].to_pylist() == [1570.0, 2000.0]
    assert read(content, Format(decimal=","))[0]["a"].to_pylist() == [1.57, 2.0]


def test_mixed_forms_are_text(read):
    assert read('a,b\n1.5,x\n"1,5",y\n')[0]["a"].to_pylist() == ["1.5", "1,5"]


@pytest.mark.parametrize(
    ("cells", "first"),
    [
        (["31.01.2024", "1.2.2024"], "2024-01-31T00:00:00"),
        (["2024-01-31 12:30", ""], "2024-01-31T12:30:00"),
        (["31/12/2024", "01/02/2024"], "2024-12-31T00:00:00"),
        (["5 Jan 2020", "6 Feb 2020"], "2020-01-05T00:00:00"),
        (["20240131T1230", "x"], None),
    ],
)
def test_dates_are_understood(read, cells, first):
    table, _ = read("a;b\n" + "".join(f"{cell};1\n" for cell in cells))
    is_moment = pa.types.is_timestamp(table.schema.field("a").type)
    assert is_moment == (first is not None)
    if first:
        assert table["a"][0].as_py().isoformat() == first


@pytest.mark.parametrize("missing", ["", "NA", "n/a", "NaN", "null", "?", "#N/A", "None"])
def test_missing_values(read, missing):
    table, _ = read(f"a,b\n1,x\n{missing},{missing}\n")
    assert table.to_pydict() == {"a": [1, None], "b": ["x", None]}


def test_a_type_that_changes_far_below_is_found(read):
    rows = 1_500_000
    table, _ = read(b"a,b,c\n" + b"1,2,\n" * rows + b"1.5,word,3\n")
    assert [str(kind) for kind in table.schema.types] == ["double", "string", "int64"]
    assert table.slice(rows).to_pylist() == [{"a": 1.5, "b": "word", "c": 3.0}]


def test_quotes_may_hold_separators_and_lines(read):
    table, _ = read('a,b\n1,"x, ""y""\nz"\n2,w\n')
    assert table["b"].to_pylist() == ['x, "y"\nz', "w"]


def test_columns_can_be_kept_as_text(read):
    assert read("a,b\n01,2\n", as_text=["a"])[0].to_pydict() == {"a": ["01"], "b": [2]}


def test_text_has_no_spaces_around(read):
    """Also that of a column that has to stay text, as a model's categories are when it predicts."""
    for as_text in ([], ["a", "b"]):
        table, _ = read("a, b\nx , y\nz, ?\n", as_text=as_text)
        assert table.to_pydict() == {"a": ["x", "z"], "b": ["y", None]}


TABLE = pa.table({"a": [1, 2], "b": ["x", None]})


@pytest.mark.parametrize("write", [parquet.write_table, feather.write_feather])
def test_binary_files_are_known_by_their_first_bytes(tmp_path, write):
    write(TABLE, tmp_path / "any.name")
    assert read_table(tmp_path / "any.name") == (TABLE, [])


def test_compressed_text(read):
    assert read(gzip.compress(b"a,b\n1,x\n2,\n"))[0].to_pydict() == TABLE.to_pydict()


def test_standard_input(monkeypatch):
    with io.TextIOWrapper(io.BytesIO(b"a,b\n1,x\n2,\n")) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert read_table("-")[0].to_pydict() == TABLE.to_pydict()


def test_progress_counts_bytes(read):
    content, seen = b"a,b\n" + b"1,2\n" * 1_000_000, []
    read(content, progress=seen.append)
    assert len(seen) > 3
    assert max(seen) == len(content)


def test_one_column_without_separators(read):
    assert read("a\n1\n2\n")[0].to_pydict() == {"a": [1, 2]}


@pytest.mark.parametrize("seed", range(20))
def test_any_table_is_read_as_it_was_written(read, seed):
    """In each form of number and separator, with missing cells."""
    rng = np.random.default_rng(seed)
    mark, decimal = [(",", "."), (";", ","), (";", "."), ("\t", ","), ("|", ".")][seed % 5]
    numbers = np.round(rng.normal(0, 10.0 ** rng.integers(0, 6), 30), 2)
    words = rng.choice(["red", "blue, or so", 'the "green"', ""], 30)

    def cell(value):
        return f'"{value}"' if mark in value else value

    def quoted(word):
        return '"' + word.replace('"', '""') + '"' if word else ""

    lines = [
        mark.join([cell(f"{x:.2f}".replace(".", decimal)), quoted(word)])
        for x, word in zip(numbers, words, strict=True)
    ]
    table, _ = read("\n".join([f"number{mark}word", *lines, ""]))
    assert table["number"].to_pylist() == numbers.tolist()
    assert table["word"].to_pylist() == [word or None for word in words]
