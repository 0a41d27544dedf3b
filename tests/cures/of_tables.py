"""The errors of tables in .csv files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

from cures.table import Row

from bpmatrix import datasets
from bpmatrix.cli import group
from bpmatrix.datasets.tables import _rows, open_table

__all__ = ["ROWS"]

# Six rows of each of two classes.
GOOD = "a,b,kind\n" + "".join(f"{i},{-i},{i % 2}\n" for i in range(12))
WORDS = "a,b,kind\n" + "".join(f"{i},{-i},{('no', 'yes')[i % 2]}\n" for i in range(60))
UMLAUT = GOOD.replace("a", "ä", 1)


def written(folder: Path, text: str | bytes) -> Path:
    """Write the table into a file."""
    path = folder / "table.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def csv(text: str | bytes, **options: str) -> Callable[[Path], object]:
    """Return a function that loads this table as a data set."""
    return lambda folder: datasets.load(written(folder, text), **options)


def named(text: str, *names: str) -> Callable[[Path], object]:
    """Return a function that reads columns of a table that must have a header."""

    def read(folder: Path) -> object:
        table = open_table(written(folder, text), header=True)
        return table.read(table.columns(names))

    return read


def shell(command: str, file: str) -> Callable[[Path], object]:
    """Return a function that runs a command and loads the file that it writes."""

    def load(folder: Path) -> object:
        with chdir(folder):
            subprocess.run(command, shell=True, check=True)
            return datasets.load(file)

    return load


def train(text: str) -> Callable[[Path], object]:
    """Return a function that trains on the column of words."""

    def command(folder: Path) -> object:
        arguments = ["train", str(written(folder, text)), "--target", "kind", "--epochs", "1"]
        return group.main(arguments, "bpmatrix", standalone_mode=False)

    return command


def several(*calls: Callable[[Path], object]) -> Callable[[Path], object]:
    """Return a function that tries all alternatives of a cure with "or"."""
    return lambda folder: [call(folder) for call in calls]


IS_SAID = "What the system says is all there is to know: a folder, a file that may not be read."


def shortened(folder: Path) -> object:
    """Read a table that is truncated after its first row has been read."""
    rows = _rows(written(folder, "1,0\n" * 100_000))
    next(rows)
    os.truncate(folder / "table.csv", 4 * 50_000)
    return list(rows)


ROWS = [
    Row("datasets/loading.py: _read_csv", "{} has only one column",
        csv("1\n" * 12), "Add columns of inputs.", csv("1,0\n" * 12)),
    Row("datasets/foreign.py: check_is_text", "{} is not comma-separated text",
        csv(GOOD.encode("utf-16")), "Write it in UTF-8: iconv -f UTF-16 -t UTF-8",
        shell("iconv -f UTF-16 -t UTF-8 table.csv > table-commas.csv", "table-commas.csv")),
    Row("datasets/foreign.py: check_separator", "the columns of {} are not separated by commas",
        csv(GOOD.replace(",", ";")), "Write commas between the cells: tr ';' ,",
        shell("tr ';' , < table.csv > table-commas.csv", "table-commas.csv")),
    # ------------------------------------------------------------------------------- columns
    Row("datasets/tables.py: Table.column", "{} has no header, so no column {}",
        csv(GOOD.split("\n", 1)[1], label_column="kind"),
        "Insert a first line with the names of the columns.", csv(GOOD, label_column="kind")),
    Row("datasets/tables.py: Table.column", "{} has {} columns {}",
        csv(GOOD.replace("a,b", "kind,b"), label_column="kind"),
        "Rename all but one of them in the header, or drop them.",
        csv(GOOD, label_column="kind")),
    Row("datasets/tables.py: Table.column", "{} has no column {}",
        csv(GOOD, label_column="class"), "Name a column of the header",
        csv(GOOD, label_column="kind")),
    Row("datasets/tables.py: Table.columns", "{} lacks {} of the model's {} features",
        named("a,c\n1,2\n", "a", "b"),
        "Name the columns in the header as in the training file.",
        named("a,b\n1,2\n", "a", "b")),
    # ---------------------------------------------------------------------------------- rows
    Row("datasets/tables.py: Table.read", "{} contains no rows {}",
        csv("a,b,kind\n"), None, csv(GOOD), "It says what is missing."),
    Row("datasets/tables.py: Table._bad_cell", "{} {} in line {} of {}",
        csv(GOOD + "1,?,0\n"), "Fill it in, for example with the mean of the column, or drop",
        several(csv(GOOD + "1,-5.5,0\n"), csv(GOOD))),
    Row("datasets/tables.py: Table._ragged", "line {} of {} has a different number of cells",
        csv(GOOD + "1,570.0,-2,0\n"), "Remove commas from numbers (1570.0, not 1,570.0)",
        several(csv(GOOD + "1570.0,-2,0\n"), csv(GOOD))),
    Row("datasets/tables.py: open_table", "{} contains no rows",
        csv(""), "one sample per line, cells separated by commas", csv(GOOD)),
    Row("datasets/tables.py: open_table", "{} has no header",
        named("1,2\n", "a"), "Insert a first line with the names.", named("a,b\n1,2\n", "a")),
    Row("datasets/tables.py: open_table",
        "the first line of {} is neither a header nor a row of numbers",
        csv("1.5,2,no\n" + WORDS.split("\n", 1)[1]),
        "to predict a column of words, insert a first line with the names of the columns",
        several(csv(GOOD), train(WORDS.replace("\n", "\n1.5,2,no\n", 1)))),
    Row("datasets/tables.py: class_numbers", "{} has no class number in line {} of {}",
        csv(GOOD.replace(",0\n", ",no\n")),
        "Name another column as label_column, number the classes 0, 1, 2, ... without gaps, or",
        several(csv(GOOD), csv(GOOD.replace("a,b,kind", "kind,b,a"), label_column="a"),
                train(WORDS))),
    Row("datasets/tables.py: _rows", "line {} of {} is not a valid row",
        csv(GOOD + '"1"2",0,1\n'), "a quote inside a quoted cell is written twice",
        csv(GOOD + "12,0,1\n")),
    Row("datasets/tables.py: _rows", "{} became shorter while it was read",
        shortened, "Read it again once nothing writes to it.", csv(GOOD)),
    Row("datasets/tables.py: _reading", "{} is not UTF-8 text: {} at byte {}",
        csv(UMLAUT.encode("cp1252")), "Or save it in UTF-8; if it is from Windows: iconv",
        several(shell("iconv -f CP1252 -t UTF-8 table.csv > utf8.csv", "utf8.csv"), csv(UMLAUT))),
    Row("datasets/tables.py: _reading", "{} cannot be read: {}",
        lambda folder: open_table(folder / "table.csv"), None,
        lambda folder: open_table(written(folder, GOOD)), IS_SAID),
]  # fmt: skip
