"""The estimators against scikit-learn's: fits, and the prediction of one row."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import click
import numpy as np

from benchmarks.data import load_samples
from benchmarks.options import DTYPE, QUICK
from benchmarks.report import Report, verdict
from bpmatrix.bench.comparing import Comparison, compare_arms
from bpmatrix.bench.report import microseconds
from bpmatrix.bench.task import TrainingData
from bpmatrix.bench.workers import SkippedError, Worker, thread_environment
from bpmatrix.engine.places import count_processors

# The order of sums differs, which leaves five digits of an epoch's loss in float32.
AGREEMENT = {"float64": 1e-6, "float32": 1e-3}
LEAST_GAIN_OF_A_ROW = 5.0


@dataclass(frozen=True, slots=True)
class TableCase:
    """A table, the epochs of a fit, and the target speed-up."""

    name: str
    epochs: int
    least_gain: float

    def samples(self) -> TrainingData:
        """Return the data set of this name, or classes that depend linearly on normal inputs."""
        if self.name != "20,000 x 50":
            return load_samples(self.name)
        rng = np.random.default_rng(1)
        X, W = rng.standard_normal((20_000, 50)), rng.standard_normal((50, 5))
        labels = (X @ W + rng.standard_normal((20_000, 5))).argmax(axis=1)
        return TrainingData(X.T, 1.0, labels, "normal inputs")


CASES = (
    TableCase("digits", 10, 10.0),
    TableCase("20,000 x 50", 2, 3.0),
    TableCase("mnist", 1, 3.0),
)


class Classifier:
    """The MLPClassifier of either library with scikit-learn's default settings."""

    def __init__(self, module: str, samples: TrainingData, epochs: int, dtype: str) -> None:
        kind = import_module(module).MLPClassifier
        self._X = np.ascontiguousarray(samples.X.T * samples.scale, dtype)
        self._y, self._row = samples.targets, self._X[:1]
        self._model: Any = kind(max_iter=epochs, random_state=0)
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
def estimators(dtypes: tuple[str, ...], quick: bool) -> None:
    """MLPClassifier with default settings: a fit, and predict_proba of one row."""
    report = Report("MLPClassifier with scikit-learn's default settings, microseconds")
    report.columns("", "type", "bpmatrix", "scikit-learn", "bpmatrix is faster", "target")
    notes: list[str] = []
    for case in CASES:
        for dtype in dtypes:
            try:
                found = list(_comparisons(case, dtype, quads=2 if quick else 10))
            except (SkippedError, ValueError) as error:
                notes.append(f"{case.name} {dtype}: {error}")
                continue
            parts = (f"{case.epochs} epochs", case.least_gain), ("one row", LEAST_GAIN_OF_A_ROW)
            for k, (part, least) in enumerate(parts):
                # Against the faster of scikit-learn's numbers of threads.
                best = min((pair[k] for pair in found), key=lambda comparison: comparison.f)
                times = microseconds(best.g), microseconds(best.f)
                judged = verdict(best.ratio.median, least)
                report.row(f"{case.name}, {part}", dtype, *times, str(best.ratio), judged)
    report.finish(notes)


def _comparisons(
    case: TableCase, dtype: str, quads: int
) -> Iterator[tuple[Comparison, Comparison]]:
    """Yield the comparison of fits and that of predictions, for each number of threads."""
    rest = case.samples(), case.epochs, dtype
    for threads in sorted({1, count_processors()}):
        with (
            Worker("scikit-learn", thread_environment(threads)) as other,
            Worker("bpmatrix") as own,
        ):
            other.make(Classifier, "sklearn.neural_network", *rest)
            own.make(Classifier, "bpmatrix", *rest)
            losses = other.call("losses"), own.call("losses")
            if not np.allclose(*losses, rtol=AGREEMENT[dtype], atol=0):
                raise ValueError("excluded, since the losses differ")
            against = partial(compare_arms, quads=quads, block_seconds=0.05)
            yield (
                against(other.arm("fit"), own.arm("fit")),
                against(other.arm("predict_row"), own.arm("predict_row")),
            )
