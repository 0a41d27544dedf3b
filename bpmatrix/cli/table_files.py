"""Read tables with a progress bar, and write predictions."""

from __future__ import annotations

import csv
import io
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from bpmatrix import MLPClassifier, MLPRegressor, TableModel
from bpmatrix.array_types import Array
from bpmatrix.cli.destination import deliver
from bpmatrix.cli.scores import accuracy_in_words
from bpmatrix.cli.show import (
    announced,
    errors_reach_a_terminal,
    hand_over,
    percent,
    progress_bar,
    say,
    size_in_words,
)
from bpmatrix.errors import BpmatrixError
from bpmatrix.storage.files import write_parts
from bpmatrix.tables.files import TableFiles, reads_blocks
from bpmatrix.tables.reading import STANDARD_INPUT, Format, read_table
from bpmatrix.tables.targets import targets_of

if TYPE_CHECKING:  # where pyarrow is missing, bpmatrix.tables says so
    import pyarrow as pa

SECONDS_BETWEEN_DRAWINGS = 0.1
IN_BLOCKS = "the table is large, or in several files: it is read block by block"


def form_of(options: Mapping[str, Any]) -> Format:
    """Return what the options say about text files."""
    separator = options.get("separator")
    return Format(
        "\t" if separator in ("\\t", "tab") else separator,
        options.get("decimal"),
        options.get("encoding"),
    )


def read(
    source: str, form: Format, as_text: Sequence[str] = (), features: Sequence[str] = ()
) -> tuple[pa.Table, list[str]]:
    """Return the table in a file and what was assumed, with a bar or lines while it is read."""
    name = "standard input" if source == STANDARD_INPUT else size_in_words(source)
    if not errors_reach_a_terminal() or not os.path.isfile(source):  # noqa: PTH113 - also for "-"
        with announced(f"reading {name}"):
            return read_table(source, form, as_text=as_text, features=features)
    with progress_bar() as watch:
        start = drawn_at = time.monotonic()
        size = max(1, Path(source).stat().st_size)

        def progress(done: int) -> None:
            nonlocal drawn_at
            now = time.monotonic()
            if now - start > 1 and now - drawn_at > SECONDS_BETWEEN_DRAWINGS:
                watch(done / size, f"reading {name}")
                drawn_at = now

        return read_table(source, form, as_text=as_text, features=features, progress=progress)


def predict_table(
    model: TableModel | MLPClassifier | MLPRegressor,
    source: str,
    form: Format,
    output: Path | None,
    *,
    with_probabilities: bool,
) -> None:
    """Write the predictions for a table as CSV.

    The columns are found by name; other columns are ignored. If the table contains the target, the
    score is printed on standard error.

    Parameters
    ----------
    model : TableModel or estimator
        The model; an estimator has the names of its features.
    source : str
        The file, or "-".
    form : Format
        What is known about it.
    output : Path or None
        Where to write; None is standard output.
    with_probabilities : bool
        Whether to write the probability of each class, too.

    Raises
    ------
    BpmatrixError
        If the table does not fit the model.
    """
    model = model_of(model)
    if reads_blocks(source):
        _predict_blocks(model, source, form, output, with_probabilities=with_probabilities)
        return
    table = read_for(model, source, form)
    with announced(f"predicting {table.num_rows:,} rows"):
        p = model.predict_proba(table) if with_probabilities else None
        found = model.predict(table) if p is None else model.classes_[p.argmax(axis=1)]
        deliver(_lines(model, found, p), output)
    if model.target in table.column_names:
        say(_score_in_words(model, table, found, source), err=True)


def model_of(model: TableModel | MLPClassifier | MLPRegressor) -> TableModel:
    """Return a model of a table, or an estimator as one."""
    return model if isinstance(model, TableModel) else TableModel.of_estimator(model)


def read_for(model: TableModel, source: str, form: Format) -> pa.Table:
    """Return the table in a file for a model, and print what was assumed to read it."""
    features = model.encoder_.feature_names_in_.tolist()
    table, notes = read(source, form, model.columns_of_text, features)
    for note in notes:
        say(f"bpmatrix: {note}", err=True)
    return table


def _predict_blocks(
    model: TableModel, source: str, form: Format, output: Path | None, *, with_probabilities: bool
) -> None:
    """Write the predictions for a table larger than memory: each block is read, and written."""
    features = model.encoder_.feature_names_in_.tolist()
    table = TableFiles(source, form, model.columns_of_text, features)
    for note in [*table.notes, IN_BLOCKS]:
        say(f"bpmatrix: {note}", err=True)
    score = Score(model) if model.target in table.column_names else None

    def lines() -> Iterator[bytes]:
        for k, rows in enumerate(table):
            p = model.predict_proba(rows) if with_probabilities else None
            found = model.predict(rows) if p is None else model.classes_[p.argmax(axis=1)]
            if score is not None:
                score.add(rows, found)
            text = _lines(model, found, p, with_header=k == 0)
            yield text.encode(errors="replace")

    with announced(f"predicting {table.name}"):
        if output is None:
            for part in lines():
                hand_over(part)
        else:
            write_parts(output, lines())
    if score is not None:
        say(f"{score.in_words()} on {source}", err=True)


class Score:
    """The accuracy or R^2 of a model, summed up over blocks; rows without a target do not count."""

    def __init__(self, model: TableModel) -> None:
        self._model = model
        self._n = self._hits = 0
        self._sum = self._squares = self._errors = 0.0

    def add(self, table: pa.Table, found: Array) -> None:
        """Add the rows of a block with their predictions."""
        known = table[self._model.target].is_valid().to_numpy()
        y = targets_of(table.filter(known), self._model.target, self._model.task_)
        self._n += len(y)
        if self._model.task_ == "classification":
            self._hits += int(np.sum(y == found[known]))
            return
        off = y - self._model.center_  # near 0, so that squares keep their digits
        self._sum += float(off.sum())
        self._squares += float(off @ off)
        self._errors += float(np.sum((y - found[known]) ** 2))

    def in_words(self) -> str:
        """Return the score."""
        n = max(1, self._n)
        if self._model.task_ == "classification":
            return f"accuracy {percent(self._hits / n)} ({self._hits:,} of {self._n:,})"
        total = self._squares - self._sum**2 / n
        return f"R^2 {1 - self._errors / total if total else math.nan:.4f}"


def _lines(model: TableModel, found: Array, p: Array | None, *, with_header: bool = True) -> str:
    """Return a header and a line for each row."""
    text = io.StringIO()
    # csv.writer quotes only the characters of its own line end, and "\r" in a class name needs it.
    by_lines = SimpleNamespace(write=lambda line: text.write(line.removesuffix("\r\n") + "\n"))
    writer = csv.writer(by_lines, lineterminator="\r\n")
    if with_header:
        names = () if p is None else model.classes_.tolist()
        writer.writerow([model.target, *(f"p({name})" for name in names)])
    if p is None:
        writer.writerows([value] for value in found.tolist())
    else:
        rows = zip(found.tolist(), p.tolist(), strict=True)
        writer.writerows([value, *row] for value, row in rows)
    return text.getvalue()


def _score_in_words(model: TableModel, table: pa.Table, found: Array, source: str) -> str:
    """Return the score in words, or why there is none: rows may have no target yet."""
    try:
        y = targets_of(table, model.target, model.task_)
    except BpmatrixError as error:
        return f"not scored: {error}"
    if model.task_ == "regression":
        return f"R^2 {model._score(found, y):.4f} on {source}"  # noqa: SLF001
    if not np.isin(y, model.classes_).any():
        return f"not scored: column {model.target!r} contains none of the model's classes"
    return f"accuracy {accuracy_in_words(int(np.sum(found == y)), y, source)}"
