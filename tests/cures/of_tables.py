"""The errors of tables in .csv files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cures.table import Row

from bpmatrix import datasets
from bpmatrix.datasets.named import read_named_table
from bpmatrix.datasets.tables import read_csv

__all__ = ["ROWS"]

# Six rows of each of two classes.
GOOD = "a,b,kind\n" + "".join(f"{i},{-i},{i % 2}\n" for i in range(12))
ALL = ("a", "b", "kind")


def written(folder: Path, text: str | bytes) -> Path:
    """Write the table into a file."""
    path = folder / "table.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def csv(text: str | bytes, **options: str) -> Callable[[Path], object]:
    """Return what loads this table as a data set."""
    return lambda folder: datasets.load(written(folder, text), **options)


def named(text: str | bytes, *names: str) -> Callable[[Path], object]:
    """Return what reads columns of this table by their names."""
    return lambda folder: read_named_table(written(folder, text)).numbers(names)


def texts(text: str, name: str) -> Callable[[Path], object]:
    """Return what reads a column of this table as text."""
    return lambda folder: read_named_table(written(folder, text)).texts(name)


IS_SAID = "What the system says is all there is to know: a folder, a file that may not be read."

ROWS = [
    Row("datasets/tables.py: Table.inputs_and_labels", "{} has only one column",
        csv("1\n" * 12), "expected inputs and a label, separated by commas", csv("1,0\n" * 12)),
    Row("datasets/tables.py: Table.inputs_and_labels",
        "line {}, column {} of {} holds no class label",
        csv(GOOD.replace(",0\n", ",0.5\n")), "Number the classes 0, 1, 2, ...", csv(GOOD)),
    Row("datasets/tables.py: Table._column", "{} has no single column {}",
        csv(GOOD, label_column="class"), "Name a column of the header",
        lambda folder: (csv(GOOD, label_column="kind")(folder), csv(GOOD)(folder))),
    Row("datasets/tables.py: read_csv", "{} is no text in UTF-8: {} at byte {}",
        csv(GOOD.replace("a", "ä", 1).encode("latin1")), "Save it as CSV in UTF-8.",
        csv(GOOD.replace("a", "ä", 1).encode())),
    Row("datasets/tables.py: _parse", "{} holds no rows of numbers",
        csv("a,b,kind\n"), "one sample a line, cells separated by commas", csv(GOOD)),
    Row("datasets/tables.py: _refuse", "{} of {} is no row of numbers",
        csv(GOOD + "1,,0\n"), "Mend or drop the line", csv(GOOD)),
    Row("datasets/tables.py: read_csv", "{} cannot be read: {}",
        read_csv, None, lambda folder: read_csv(written(folder, GOOD)), IS_SAID),
    # ------------------------------------------------------------------ columns by their names
    Row("datasets/named.py: NamedTable.texts", "column {} misses a value in line {} of {}",
        texts(GOOD + "1,1,\n", "kind"), "Drop the row", texts(GOOD, "kind")),
    Row("datasets/named.py: NamedTable._column", "{} has {} columns {}",
        named("a,a,kind\n1,2,0\n", "a"), "Rename all but one of them in the header",
        named("a,b,kind\n1,2,0\n", "a")),
    Row("datasets/named.py: NamedTable._column", "{} has no column {}",
        named(GOOD, "c"), "Name a column of the header.", named(GOOD, "a")),
    Row("datasets/named.py: NamedTable._no_number", "column {} misses a value in {}",
        named(GOOD + "1,NA,1\n", "b"), "Fill it in, for example with the mean of the column",
        lambda folder: (named(GOOD, "b")(folder), named(GOOD + "1,-5.5,1\n", "b")(folder))),
    Row("datasets/named.py: NamedTable._no_number", "column {} holds no number in {}",
        named("a,hue\n1,red\n2,blue\n", "a", "hue"), "replace it by columns of 0 and 1",
        lambda folder: (named("a\n1\n2\n", "a")(folder),
                        named("a,red,blue\n1,1,0\n2,0,1\n", "a", "red", "blue")(folder))),
    Row("datasets/named.py: read_named_table", "{} is no text in UTF-8: {} at byte {}",
        named(GOOD.replace("a", "ä", 1).encode("latin1")), "Save it as CSV in UTF-8.",
        named(GOOD.replace("a", "ä", 1).encode())),
    Row("datasets/named.py: read_named_table", "there is no CSV {} {}",
        named(GOOD + '"1,2,0\n'), None, named(GOOD + '"1",2,0\n'),
        "It says what is wrong with the quotes, and where."),
    Row("datasets/named.py: read_named_table", "{} cannot be read: {}",
        read_named_table, None, lambda folder: read_named_table(written(folder, GOOD)), IS_SAID),
    Row("datasets/named.py: read_named_table", "{} has no header",
        named("1,2,0\n"), "expected the names of the columns in the first line",
        named("a,b,kind\n1,2,0\n", *ALL)),
    Row("datasets/named.py: read_named_table", "the columns of {} are not separated by commas",
        named(GOOD.replace(",", ";")), "Replace ';' by a comma", named(GOOD, *ALL)),
    Row("datasets/named.py: read_named_table", "line {} of {} is no row of the table",
        named(GOOD + "1,2\n"), "expected 3, as in the header", named(GOOD + "1,2,0\n", *ALL)),
    Row("datasets/named.py: read_named_table", "{} holds no rows below its header",
        named("a,b,kind\n"), None, named(GOOD, *ALL), "It says what is missing."),
]  # fmt: skip
