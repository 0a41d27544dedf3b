"""The errors of models of tables."""

from __future__ import annotations

import datetime as dt
import gzip
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
from cures.of_others import without
from cures.table import Row

import bpmatrix
from bpmatrix import MLPClassifier, TableEncoder, TableModel
from bpmatrix.storage import tensor_files
from bpmatrix.tables import files
from bpmatrix.tables.files import TableFiles
from bpmatrix.tables.reading import Format, read_table
from bpmatrix.tables.splits import folds, held_out

__all__ = ["ROWS"]

DAYS = [dt.date(2024, 1, 1) + dt.timedelta(days=i) for i in range(40)]
TABLE: dict[str, Any] = {
    "x": [i / 7 for i in range(40)],
    "kind": ["a", "b"] * 20,
    "when": DAYS,
    "y": [float(i) + 0.5 for i in range(40)],
    "grade": ["low"] * 20 + ["high"] * 20,
}
CSV = "a,b,kind\n" + "".join(f"{i},{-i},{('no', 'yes')[i % 2]}\n" for i in range(12))


def encoded(drop: Any = (), **columns: Any) -> Callable[[Path], object]:
    """Return a function that learns from the table with other columns."""
    return lambda _: TableEncoder(drop).fit(TABLE | columns)


def applied(**columns: Any) -> Callable[[Path], object]:
    """Return a function that encodes a table with other columns than those learned from."""
    table = {name: values for name, values in (TABLE | columns).items() if values is not None}
    return lambda _: TableEncoder().fit(TABLE).transform(table)


def fitted(target: str = "y", task: str | None = None, **columns: Any) -> Callable[[Path], Any]:
    """Return a function that fits a model to the table with other columns."""
    return lambda _: TableModel(target, task=task, seed=1, tol=1e9).fit(TABLE | columns)


def read(content: str | bytes, **form: str) -> Callable[[Path], object]:
    """Return a function that reads a file."""

    def from_a_file(folder: Path) -> object:
        path = folder / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, Format(**form))

    return from_a_file


def in_blocks(*contents: str) -> Callable[[Path], object]:
    """Return a function that reads files block by block."""

    def from_files(folder: Path) -> object:
        (folder / "parts").mkdir(exist_ok=True)
        for path in (folder / "parts").iterdir():
            path.unlink()
        for i, content in enumerate(contents):
            (folder / "parts" / f"{i}.csv").write_text(content)
        with patch.object(files, "HEAD", 200):
            return list(TableFiles(folder / "parts"))

    return from_files


def damaged(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    """Return a function that loads a file whose description was changed."""

    def load(folder: Path) -> object:
        TableModel("grade", seed=1, tol=1e9).fit(TABLE).save(folder / "model")
        with tensor_files.opened(folder / "model") as file:
            values, arrays = file.values, file.read()
        change(values)
        tensor_files.write(folder / "model", values, arrays)
        return bpmatrix.load(folder / "model")

    return load


def of_an_estimator(folder: Path, X: Any, table: Any) -> object:
    """Predict a table with an estimator that was fitted to X."""
    model = MLPClassifier(2, solver="lbfgs", max_iter=1, tol=1e9).fit(X, [0, 1] * 20)
    return TableModel.of_estimator(model).predict(table)


def frame(**columns: Any) -> Any:
    """Return a DataFrame."""
    pd = importlib.import_module("pandas")
    return pd.DataFrame(columns)


def split(by: Any) -> Callable[[Path], object]:
    """Return a function that splits the rows of the table by a column."""
    y = np.array(TABLE["y"])
    return lambda _: held_out(y, 0.2, 1, pa.chunked_array([pa.array(by)]), "when")


TWICE = pa.table([[1, 2], [3, 4]], names=["x", "x"])
IS_SAID = "What the system or pyarrow says is all there is to know."
LONG = ["x" * 201] * 20 + ["short"] * 20

ROWS = [
    Row("tables/__init__.py: ", "a table",
        lambda _: without("pyarrow", "bpmatrix.tables"), "pip install '.[tables]'",
        lambda _: importlib.import_module("bpmatrix.tables")),
    Row("tables/arrow.py: as_arrow", "a table needs named columns",
        lambda _: TableEncoder().fit(np.eye(2)), "use MLPClassifier or MLPRegressor for arrays",
        lambda _: (MLPClassifier(2, tol=1e9).fit(np.eye(2), [0, 1]), encoded()(_))),
    Row("tables/arrow.py: as_arrow", "a table needs named columns",
        lambda _: TableEncoder().fit("table.csv"), "Read the file first", encoded()),
    Row("foreign.py: _unknown", "{} has no argument{} {}",
        lambda _: TableModel("y", random_state=1, max_iter=5), "Write seed=1.",
        lambda _: TableModel("y", seed=1, max_iter=5)),
    Row("tables/model.py: TableModel._for_onnx",
        "only a model of scaled numbers can be written to an ONNX file as a whole",
        lambda folder: fitted("grade")(folder).to_onnx(folder / "x.onnx"),
        "Write its networks, for the numbers that encoder_.transform returns:"
        " model.members_[0].to_onnx(path).",
        lambda folder: fitted("grade")(folder).members_[0].to_onnx(folder / "x.onnx"),
        needs="onnx"),
    Row("tables/arrow.py: as_arrow", "a column of the table mixes types",
        encoded(x=[1, "a"] * 20), "Convert it to one type first.", encoded(x=["1", "a"] * 20)),
    Row("tables/arrow.py: as_arrow", "the table has several columns {}",
        lambda _: TableEncoder().fit(TWICE), "Rename all but one.", encoded()),
    Row("tables/columns.py: Plain.encode",
        "column {} has missing numbers, which this model cannot predict from",
        lambda folder: of_an_estimator(folder, frame(x=TABLE["x"]), {"x": [1.0, None]}),
        "Fill them in",
        lambda folder: of_an_estimator(folder, frame(x=TABLE["x"]), {"x": [1.0, 2.0]}),
        needs="pandas"),
    Row("tables/columns.py: _learned_category",
        "column {} names single rows: text like this cannot be learned from",
        encoded(name=[f"n{i}" for i in range(40)]), "Leave it out: drop=['name'].",
        encoded(["name"], name=[f"n{i}" for i in range(40)])),
    Row("tables/encoder.py: TableEncoder.fit", "drop must name columns of the table",
        encoded(["z"]), "expected 'x', 'kind'", encoded(["x", "kind"])),
    Row("tables/encoder.py: TableEncoder.fit", "the table has no column to learn from",
        lambda _: TableEncoder().fit({"x": [1, 1]}), None, encoded(), "It says what is missing."),
    Row("tables/encoder.py: TableEncoder.transform",
        "the table lacks {} of the model's {} columns", applied(x=None),
        "Name the columns as in the table that the model was trained on.", applied()),
    Row("tables/model.py: TableModel.of_estimator", "the model has no feature names",
        lambda folder: of_an_estimator(folder, np.ones((40, 1)), {"x": [1.0]}),
        "Fit it with a DataFrame, or a TableModel.",
        lambda folder: of_an_estimator(folder, frame(x=TABLE["x"]), {"x": [1.0]}), needs="pandas"),
    Row("tables/model.py: TableModel.predict_proba", "a regression has no probabilities",
        lambda _: fitted()(_).predict_proba(TABLE), "Call predict, or set task.",
        lambda _: (fitted()(_).predict(TABLE), fitted("grade")(_).predict_proba(TABLE))),
    # ---------------------------------------------------------------------------------- files
    Row("tables/parsing.py: _widen", "a row of {} has a different number of cells",
        read(CSV + "1,x, y,no\n"), "Put text with separators into quotes, and drop incomplete",
        lambda folder: (read(CSV + '1,"x, y",no\n')(folder), read(CSV)(folder))),
    Row("tables/reading.py: reading", "{} cannot be read as a table",
        read(b"PAR1 and no more"), None, read(CSV), IS_SAID),
    Row("tables/reading.py: reading", "{} cannot be read: {}",
        read(gzip.compress(CSV.encode())[:-9]), None, read(gzip.compress(CSV.encode())), IS_SAID),
    Row("tables/reading.py: reading", "{} does not have this encoding",
        read(CSV, encoding="utf-99"), "Leave out --encoding, or try --encoding cp1252.",
        lambda folder: (read(CSV)(folder), read(CSV, encoding="cp1252")(folder))),
    Row("tables/reading.py: read_table", "{} contains no rows",
        read("a,b\n"), "expected rows below the header", read(CSV)),
    Row("tables/reading.py: text_in", "{} is empty",
        read("\n"), "expected a table with a header", read(CSV)),
    Row("tables/reading.py: text_in", "{} is not a table",
        read(b"\x89PNG\r\n\0\0"), "text with a header, Parquet, Feather or Arrow", read(CSV)),
    Row("tables/files.py: TableFiles.__iter__", "{} contains no rows",
        in_blocks("a,b\n"), "expected rows below the header", in_blocks(CSV)),
    Row("tables/files.py: TableFiles._raw", "{} has another format than {}",
        in_blocks(CSV, "PAR1"), "expected files of one format", in_blocks(CSV, CSV)),
    Row("tables/files.py: TableFiles._check_columns", "{} has other columns than {}",
        in_blocks(CSV, CSV.replace("kind", "sort")), "expected 'a', 'b', 'kind'",
        in_blocks(CSV, CSV)),
    Row("tables/files.py: paths_of", "{} names no table",
        in_blocks(), "expected files ending with", in_blocks(CSV)),
    Row("tables/files.py: _changed", "column {} of {} changes its kind behind the first {} MB",
        in_blocks(CSV + "1,2,no\n" * 50 + "x,2,no\n"), "Correct the cells, leave the column out",
        in_blocks(CSV + "1,2,no\n" * 50)),
    Row("tables/sampling.py: Sampled.hold_out", "the table is too small to hold out rows",
        lambda folder: (in_blocks("a,b\n1,2\n3,4\n")(folder),
                        TableModel("b").fit(folder / "parts" / "0.csv")),
        "Collect more rows, or name a file of rows to hold out.",
        lambda folder: (in_blocks(CSV)(folder),
                        TableModel("kind", tol=1e9).fit(folder / "parts" / "0.csv"))),
    Row("tables/reading.py: check_names", "{} has {} columns {}",
        read("a,a\n1,2\n"), "Rename all but one of them in the header", read("a,b\n1,2\n")),
    Row("tables/text.py: decimal_of", "column {} has numbers that can be read in two ways",
        read("a;b\n1,570;x\n"), "Say which: --decimal . or --decimal ,",
        lambda folder: [read("a;b\n1,570;x\n", decimal=mark)(folder) for mark in ".,"]),
    # ----------------------------------------------------------------------------------- rows
    Row("tables/splits.py: folds", "the table is too small for {} folds",
        lambda _: list(folds(np.arange(3.0), 5, 1)), "Take fewer folds",
        lambda _: list(folds(np.arange(3.0), 3, 1))),
    Row("tables/splits.py: _at_random", "the target has only one class",
        fitted("grade", grade=["low"] * 40), "Name another column as the target.",
        fitted("kind", grade=["low"] * 40)),
    Row("tables/splits.py: _at_random", "the table is too small to hold out rows",
        fitted("grade", grade=["low"] * 39 + ["high"]), "merge or drop rare classes",
        fitted("grade")),
    Row("tables/splits.py: _known_seconds",
        "column {} has no date in {} rows: it cannot split them by time",
        split([None, *DAYS[1:]]), "Fill in the dates", split(DAYS)),
    Row("tables/splits.py: _too_few", "column {} has too few different {} to split the rows by",
        split([DAYS[0]] * 40), "Name another column, or none.", split(TABLE["kind"])),
    # ---------------------------------------------------------------------------- model files
    Row("tables/storage.py: restore", "{} does not describe a model of a table",
        damaged(lambda values: values["table"].pop("target")), "Save the model again",
        damaged(lambda _: None)),
    Row("tables/storage.py: _check", "{} contains networks that do not fit its columns",
        damaged(lambda values: values["table"].update(task="regression")), None,
        damaged(lambda _: None), "No one writes such a file by mistake."),
    # -------------------------------------------------------------------------------- targets
    Row("tables/targets.py: target_in", "the table has no column {}",
        fitted("z"), "Name one of its columns as the target.", fitted("y")),
    Row("tables/targets.py: task_of", "the target {} holds dates",
        fitted("when"), "Convert it to numbers first, such as the days until the date.",
        fitted("when", when=[float(i) for i in range(40)])),
    Row("tables/targets.py: numbers_in", "the target {} is not numbers",
        fitted("grade", "regression"), 'Leave out task="regression"', fitted("grade")),
    Row("tables/targets.py: classes_in", "the target {} holds numbers that are no classes",
        fitted("y", "classification"), 'Leave out task="classification".', fitted("y")),
    Row("tables/targets.py: classes_in", "the target {} has a class that cannot be used",
        fitted("grade", grade=LONG), "Shorten it",
        fitted("grade", grade=[text[:200] for text in LONG])),
    Row("tables/targets.py: _check_none_missing", "the target {} is missing in {} of {} rows",
        fitted(y=[None, *TABLE["y"][1:]]), "Drop these rows", fitted()),
    # --------------------------------------------------------------------------------- values
    Row("tables/values.py: kind_of", "column {} has values of a kind that cannot be learned from",
        encoded(x=[[1]] * 40), "Leave it out: drop=['x'].", encoded(["x"], x=[[1]] * 40)),
    Row("tables/values.py: numbers_of", "column {} has a number that is not finite",
        encoded(x=[np.inf, *TABLE["x"][1:]]), "Correct it, or leave the cell empty.",
        encoded(x=[None, *TABLE["x"][1:]])),
    Row("tables/values.py: _retyped", "column {} held {} when the model was trained",
        applied(x=["a"] * 40), "Correct its cells, or train again with this table.", applied()),
]  # fmt: skip
