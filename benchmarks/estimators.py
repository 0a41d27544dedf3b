"""The estimators against scikit-learn's: fits, and the prediction of one row."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.options import DTYPE, JSON, QUICK
from benchmarks.report import Report, verdict
from bpmatrix import datasets
from bpmatrix.bench.comparing import compare_arms
from bpmatrix.bench.report import microseconds
from bpmatrix.bench.workers import SkippedError, Worker, thread_environment
from bpmatrix.engine.places import count_processors
from bpmatrix.errors import BpmatrixError

RowsAndLabels = tuple[NDArray[np.float64], NDArray[np.int64]]

# The order of sums differs, which leaves five digits of an epoch's loss in float32.
AGREEMENT = {"float64": 1e-6, "float32": 1e-3}
LEAST_GAIN_OF_A_ROW = 5.0


@dataclass(frozen=True, slots=True)
class TableCase:
    """A table, the epochs of a fit, and the target speed-up."""

    name: str
    load: Callable[[], RowsAndLabels]
    epochs: int
    least_gain: float


def _digits() -> RowsAndLabels:
    digits = datasets.load("digits").train
    return digits.X.T / 16, digits.labels


def _made_up() -> RowsAndLabels:
    rng = np.random.default_rng(1)
    X = rng.standard_normal((20_000, 50))
    y = (X @ rng.standard_normal((50, 5)) + rng.standard_normal((20_000, 5))).argmax(axis=1)
    return X, y


def _mnist() -> RowsAndLabels:
    try:
        mnist = datasets.load("mnist", download=False).train
    except BpmatrixError as error:
        raise SkippedError(f"MNIST: {error}") from None
    return mnist.X.T / 255, mnist.labels


CASES = (
    TableCase("digits", _digits, 10, 10.0),
    TableCase("20,000 x 50", _made_up, 2, 3.0),
    TableCase("MNIST", _mnist, 1, 3.0),
)


class Classifier:
    """The MLPClassifier of either library with scikit-learn's default settings."""

    def __init__(self, module: str, case: str, dtype: str) -> None:
        try:
            kind = import_module(module).MLPClassifier
        except ImportError as error:
            raise SkippedError(f"{module}: {error}") from None
        found = next(entry for entry in CASES if entry.name == case)
        X, self._y = found.load()
        self._X = np.ascontiguousarray(X, dtype)
        self._row = self._X[:1]
        self._model: Any = kind(max_iter=found.epochs, random_state=0)
        self.fit(1)

    def fit(self, times: int) -> None:
        """Fit this many times."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(times):
                self._model.fit(self._X, self._y)

    def predict_row(self, times: int) -> None:
        """Compute the probabilities of one row this many times."""
        for _ in range(times):
            self._model.predict_proba(self._row)

    def losses(self) -> list[float]:
        """Return the loss of each epoch."""
        return [float(loss) for loss in self._model.loss_curve_]


@click.command()
@DTYPE
@QUICK
@JSON
def estimators(dtypes: tuple[str, ...], quick: bool, json_file: str | None) -> None:
    """MLPClassifier with default settings: a fit, and predict_proba of one row."""
    report = Report("MLPClassifier with scikit-learn's default settings, microseconds", json_file)
    report.columns("", "type", "bpmatrix", "scikit-learn", "bpmatrix is faster", "target")
    notes: list[str] = []
    for case in CASES:
        for dtype in dtypes:
            try:
                for row in _rows(report, case, dtype, quick=quick):
                    report.row(*row)
            except SkippedError as error:
                notes.append(str(error))
    report.finish(notes)


def _rows(report: Report, case: TableCase, dtype: str, *, quick: bool) -> list[list[str]]:
    """Time fit and prediction, against the faster of scikit-learn's numbers of threads."""
    found: dict[str, Any] = {}
    for threads in sorted({1, count_processors()}):
        with (
            Worker("bpmatrix") as own,
            Worker("scikit-learn", thread_environment(threads)) as other,
        ):
            own.make(Classifier, "bpmatrix", case.name, dtype)
            other.make(Classifier, "sklearn.neural_network", case.name, dtype)
            if not np.allclose(
                own.call("losses"), other.call("losses"), rtol=AGREEMENT[dtype], atol=0
            ):
                return [[case.name, dtype, "excluded: the losses differ", "", "", ""]]
            for method in ("fit", "predict_row"):
                comparison = compare_arms(
                    other.arm(method), own.arm(method), quads=2 if quick else 10,
                    block_seconds=0.05,
                )  # fmt: skip
                best = found.get(method)
                if best is None or comparison.f < best.f:
                    found[method] = comparison
    rows = []
    for method, comparison in found.items():
        report.record(case=case.name, dtype=dtype, method=method, comparison=asdict(comparison))
        least = case.least_gain if method == "fit" else LEAST_GAIN_OF_A_ROW
        what = f"{case.name}, {case.epochs} epochs" if method == "fit" else f"{case.name}, one row"
        shown = str(comparison.ratio)
        target = verdict(comparison.ratio.median, least)
        times = microseconds(comparison.g), microseconds(comparison.f)
        rows.append([what, dtype, *times, shown, target])
    return rows
