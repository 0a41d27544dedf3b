"""Test scores on real tables, with scikit-learn's settings and with the recommended ones."""

import warnings
from importlib import import_module

import click
import numpy as np

import bpmatrix
from benchmarks.options import QUICK
from benchmarks.report import Report
from benchmarks.tables import TABLES, RealTable
from bpmatrix.array_types import Array
from bpmatrix.errors import BpmatrixError, MissingPackageError

SEEDS = 5


# The columns of the table.
WAYS = {
    "scikit-learn": "scikit-learn",
    "same": "bpmatrix, same settings",
    "line": "README's line",
    "recipe": "recipe",
    "trees": "gradient boosting",
}
README_LINE = {"standardize": True, "early_stopping": True}


@click.command()
@QUICK
def quality(quick: bool) -> None:
    """Test scores over 5 seeds: scikit-learn, bpmatrix with its settings, and with better ones."""
    try:
        import_module("bpmatrix.estimators")
    except MissingPackageError as error:
        raise click.ClickException(str(error)) from error
    report = Report("Accuracy or R^2 on a fifth of the rows, mean and range of 5 seeds")
    report.columns("data", *WAYS.values())
    notes: list[str] = []
    means: dict[str, list[list[float]]] = {}
    for table in TABLES:
        try:
            X, y = table.load()
        except BpmatrixError as error:
            notes.append(f"skipped {table.name}: {error}")
            continue
        found = _scores(table, X, y, seeds=2 if quick else SEEDS).values()
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


def _scores(table: RealTable, X: Array, y: Array, *, seeds: int) -> dict[str, list[float]]:
    """Return the test scores of each column; a seed determines the split and the weights."""
    from sklearn import ensemble, neural_network  # noqa: PLC0415
    from sklearn.model_selection import train_test_split  # noqa: PLC0415
    from sklearn.multioutput import MultiOutputRegressor  # noqa: PLC0415

    from bpmatrix.tables.model import RECIPE  # noqa: PLC0415

    recipe = {"standardize": True, **RECIPE}  # these tables are numbers

    own = bpmatrix.MLPRegressor if table.regression else bpmatrix.MLPClassifier
    theirs = getattr(neural_network, own.__name__)
    trees = ensemble.HistGradientBoostingRegressor
    if not table.regression:
        trees = ensemble.HistGradientBoostingClassifier
    several = y.ndim > 1  # several outputs, which gradient boosting fits one by one

    def classes(targets: Array) -> Array | None:
        return None if table.regression else targets

    found: dict[str, list[float]] = {name: [] for name in WAYS}
    for seed in range(seeds):
        parts = train_test_split(X, y, test_size=0.2, random_state=seed, stratify=classes(y))
        rows = parts[0], parts[2]
        X_train, X_val, y_train, y_val = train_test_split(
            *rows, test_size=0.1, random_state=seed, stratify=classes(parts[2])
        )
        boosted = trees(random_state=seed)
        models = {
            "scikit-learn": (theirs(random_state=seed), rows),
            "same": (own(random_state=seed), rows),
            "line": (own(random_state=seed, **README_LINE), rows),
            "recipe": (own(random_state=seed, **recipe), (X_train, y_train, None, X_val, y_val)),
            "trees": (MultiOutputRegressor(boosted) if several else boosted, rows),
        }
        for name, (model, given) in models.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(*given)
            found[name].append(float(model.score(parts[1], parts[3])))
    return found
