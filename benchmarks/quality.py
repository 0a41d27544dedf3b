"""Test scores on real tables, with scikit-learn's settings and with the recommended ones."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

import click
import numpy as np

import bpmatrix
from benchmarks.options import QUICK
from benchmarks.report import Report
from benchmarks.tables import TABLES, RealTable
from bpmatrix.array_types import Array
from bpmatrix.errors import BpmatrixError, MissingPackageError

SEEDS = 5
TARGET = "the target"
README_LINE = {"standardize": True, "early_stopping": True}


class Split:
    """A table in parts: a fifth of the rows is the test, a tenth of the others validation.

    Parameters
    ----------
    table : RealTable
        Classification or regression.
    frame, y : DataFrame (n, k) and array (n,)
        Features and targets.
    seed : int
        Determines the parts, and the weights of `score_of_table`.
    """

    def __init__(self, table: RealTable, frame: Any, y: Array, seed: int) -> None:
        self.regression, self.seed, self._frame, self._y = table.regression, seed, frame, y
        self.rows, self.test = self._drawn(np.arange(len(y)), 0.2)
        self.train, self.validation = self._drawn(self.rows, 0.1)

    def _drawn(self, rows: Array, share: float) -> tuple[Array, Array]:
        from sklearn.model_selection import train_test_split  # noqa: PLC0415

        classes = None if self.regression else self._y[rows]
        kept, drawn = train_test_split(
            rows, test_size=share, random_state=self.seed, stratify=classes
        )
        return kept, drawn

    def numbers(self, rows: Array) -> tuple[Array, Array]:
        """Return features, with one-hot columns for text, and targets."""
        import pandas as pd  # noqa: PLC0415 - of the extra dev

        return pd.get_dummies(self._frame).to_numpy(np.float64)[rows], self._y[rows]

    def score_of_table(self, **parameters: Any) -> float:
        """Return the test score of a `TableModel`."""
        table = self._frame.assign(**{TARGET: self._y})
        task = "regression" if self.regression else "classification"
        model = bpmatrix.TableModel(TARGET, task=task, seed=self.seed, **parameters)
        model.fit(table.iloc[self.train], table.iloc[self.validation])
        return model.score(table.iloc[self.test])


def _score(split: Split, library: Any, **parameters: Any) -> float:
    """Return the test score of an estimator fitted to all rows that are not the test."""
    name = "MLPRegressor" if split.regression else "MLPClassifier"
    model = getattr(library, name)(random_state=split.seed, **parameters)
    return float(model.fit(*split.numbers(split.rows)).score(*split.numbers(split.test)))


def _scikit_learn(split: Split) -> float:
    from sklearn import neural_network  # noqa: PLC0415

    return _score(split, neural_network)


def _recipe(split: Split) -> float:
    from bpmatrix.tables.model import RECIPE  # noqa: PLC0415

    kind = bpmatrix.MLPRegressor if split.regression else bpmatrix.MLPClassifier
    model = kind(random_state=split.seed, standardize=True, **RECIPE)
    model.fit(*split.numbers(split.train), None, *split.numbers(split.validation))
    return float(model.score(*split.numbers(split.test)))


def _trees(split: Split) -> float:
    from sklearn import ensemble  # noqa: PLC0415

    kind = "Regressor" if split.regression else "Classifier"
    model = getattr(ensemble, f"HistGradientBoosting{kind}")(random_state=split.seed)
    return float(model.fit(*split.numbers(split.rows)).score(*split.numbers(split.test)))


Way = Callable[[Split], float]
# The columns of the report.
WAYS: Mapping[str, Way] = {
    "scikit-learn": _scikit_learn,
    "bpmatrix, same settings": lambda split: _score(split, bpmatrix),
    "README's line": lambda split: _score(split, bpmatrix, **README_LINE),
    "recipe": _recipe,
    "TableModel": Split.score_of_table,
    "5 members": lambda split: split.score_of_table(n_members=5),
    "gradient boosting": _trees,
}


@click.command()
@QUICK
def quality(quick: bool) -> None:
    """Test scores over 5 seeds: scikit-learn, bpmatrix with its settings, and with better ones."""
    try:
        import_module("bpmatrix.estimators")
        import_module("bpmatrix.tables")
    except MissingPackageError as error:
        raise click.ClickException(str(error)) from error
    compare(WAYS, seeds=2 if quick else SEEDS)


def compare(ways: Mapping[str, Way], *, seeds: int) -> None:
    """Print the test scores of several models on all tables."""
    report = Report(f"Accuracy or R^2 on a fifth of the rows, mean and range of {seeds} seeds")
    report.columns("data", *ways)
    notes: list[str] = []
    means: dict[str, list[list[float]]] = {}
    for table, frame, y in _loaded(notes):
        splits = [Split(table, frame, y, seed) for seed in range(seeds)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = [[way(split) for split in splits] for way in ways.values()]
        of_table = [float(np.mean(scores)) for scores in found]
        ranges = [f"({min(scores):.3f} to {max(scores):.3f})" for scores in found]
        report.row(table.name, *map("{:.3f} {}".format, of_table, ranges))
        if " images" not in table.name:
            kind = "mean R^2" if table.regression else "mean accuracy"
            means.setdefault(kind, []).append(of_table)
    for kind, rows in means.items():
        report.row(
            f"**{kind} of {len(rows)} tables**", *map("{:.3f}".format, np.mean(rows, axis=0))
        )
    report.finish(notes)


def _loaded(notes: list[str]) -> Iterator[tuple[RealTable, Any, Array]]:
    """Return the tables on this machine, and note the others."""
    for table in TABLES:
        try:
            yield (table, *table.load())
        except BpmatrixError as error:
            notes.append(f"skipped {table.name}: {str(error).partition(':')[0]}")
