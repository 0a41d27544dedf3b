"""Test scores on real tables: the same settings as scikit-learn's, and the recommended ones."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import bpmatrix
from benchmarks.options import JSON, QUICK
from benchmarks.report import Report
from bpmatrix import datasets
from bpmatrix.cli.tables import RECIPE
from bpmatrix.errors import BpmatrixError, MissingPackageError
from bpmatrix.storage.files import write_whole

Array = NDArray[Any]

SEEDS = 5
IMAGES = 10_000  # so many tell the ways apart, and take minutes rather than an hour
MARKS = re.compile(r"(<!-- quality -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RealTable:
    """A data set, and whether it is a regression."""

    name: str
    load: Callable[[], tuple[Array, Array]]
    regression: bool = False


def _shipped(name: str) -> Callable[[], tuple[Array, Array]]:
    def load() -> tuple[Array, Array]:
        from sklearn import datasets as shipped  # noqa: PLC0415 - a package of the extra sklearn

        X, y = getattr(shipped, f"load_{name}")(return_X_y=True)
        return X, y

    return load


def _images(name: str) -> Callable[[], tuple[Array, Array]]:
    def load() -> tuple[Array, Array]:
        rows = datasets.load(name, download=False).train
        return rows.X[:, :IMAGES].T / 255, rows.labels[:IMAGES]

    return load


TABLES = (
    RealTable("iris", _shipped("iris")),
    RealTable("wine", _shipped("wine")),
    RealTable("breast_cancer", _shipped("breast_cancer")),
    RealTable("digits", _shipped("digits")),
    RealTable("diabetes", _shipped("diabetes"), regression=True),
    RealTable("linnerud", _shipped("linnerud"), regression=True),
    RealTable(f"mnist, {IMAGES:,} images", _images("mnist")),
    RealTable(f"fashion-mnist, {IMAGES:,} images", _images("fashion-mnist")),
)


@click.command()
@QUICK
@JSON
@click.option(
    "--write", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="Also write the table between <!-- quality --> and <!-- end --> of this page.",
)  # fmt: skip
def quality(quick: bool, json_file: str | None, write: Path | None) -> None:
    """Test scores over 5 seeds: scikit-learn's defaults, the same here, and the recipe."""
    try:
        import_module("bpmatrix.estimators")
    except MissingPackageError as error:
        raise click.ClickException(str(error)) from error
    report = Report("Accuracy or R^2 on a fifth of the rows, mean and range of 5 seeds", json_file)
    rows = report.table("data", "scikit-learn", "bpmatrix, same settings", "recipe")
    lines, notes = [], []
    for table in TABLES:
        try:
            X, y = table.load()
        except BpmatrixError as error:
            notes.append(f"{table.name} is not here: {error}")
            continue
        report.tell(table.name)
        found = _scores(table, X, y, seeds=2 if quick else SEEDS)
        report.record(table=table.name, scores=found)
        cells = [
            f"{np.mean(scores):.3f} ({min(scores):.3f} to {max(scores):.3f})"
            for scores in found.values()
        ]
        rows.add_row(table.name, *cells)
        lines.append(f"| {table.name} | {' | '.join(cells)} |")
    report.finish(rows, notes)
    if write is not None:
        _write(write, lines, notes, report.machine)


def _scores(table: RealTable, X: Array, y: Array, *, seeds: int) -> dict[str, list[float]]:
    """Return the test scores of each way, over splits and weights of so many seeds."""
    from sklearn import neural_network  # noqa: PLC0415
    from sklearn.model_selection import train_test_split  # noqa: PLC0415

    own = bpmatrix.MLPRegressor if table.regression else bpmatrix.MLPClassifier
    theirs = getattr(neural_network, own.__name__)
    found: dict[str, list[float]] = {"scikit-learn": [], "same": [], "recipe": []}

    def classes(targets: Array) -> Array | None:
        return None if table.regression else targets

    for seed in range(seeds):
        parts = train_test_split(X, y, test_size=0.2, random_state=seed, stratify=classes(y))
        models = theirs(random_state=seed), own(random_state=seed), own(random_state=seed, **RECIPE)
        X_train, X_val, y_train, y_val = train_test_split(
            parts[0], parts[2], test_size=0.1, random_state=seed, stratify=classes(parts[2])
        )
        fits = (parts[0], parts[2]), (parts[0], parts[2]), (X_train, y_train, None, X_val, y_val)
        for scores, model, rows in zip(found.values(), models, fits, strict=True):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(*rows)
            scores.append(float(model.score(parts[1], parts[3])))
    return found


def _write(path: Path, lines: list[str], notes: list[str], machine: dict[str, Any]) -> None:
    """Put the table between the marks of a page."""
    head = (
        "| data | scikit-learn | bpmatrix, same settings | recipe |\n| --- | ---: | ---: | ---: |\n"
    )
    about = ", ".join(f"{name} {value}" for name, value in machine.items() if "load" not in name)
    rest = "".join(f"\n{note}\n" for note in notes if os.sep not in note)
    text = head + "\n".join(lines) + f"\n\n{about}\n{rest}"
    page = MARKS.sub(lambda found: f"{found[1]}{text}{found[2]}", path.read_text(encoding="utf-8"))
    write_whole(path, page.encode())
