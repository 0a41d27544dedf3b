"""Tables with a header through the estimators: ``bpmatrix train FILE.csv --target COLUMN``."""

from __future__ import annotations

import csv
import io
import math
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

import bpmatrix
from bpmatrix import progress
from bpmatrix.cli.destination import check_destination, deliver
from bpmatrix.cli.options import INTERRUPTED
from bpmatrix.cli.scores import accuracy_in_words, warn_of_a_ruling_class
from bpmatrix.cli.show import announced, facts, quoted, say, size_in_words
from bpmatrix.cli.targets import Rows, check_no_hole, read_parts, targets
from bpmatrix.cli.wording import ESTIMATOR_PARAMETERS
from bpmatrix.datasets.tables import Cells, Table, open_table
from bpmatrix.errors import ArgumentError, DataFileError

if TYPE_CHECKING:
    from bpmatrix.estimators import MLPClassifier, MLPRegressor

    Estimator = MLPClassifier | MLPRegressor

__all__ = ["facts_of", "predict_table", "train_on_table"]

# What `python -m benchmarks quality` shows beside scikit-learn's defaults. An epoch of a small
# table should be more than the single step that mini-batches of 200 leave of it.
RECIPE = {
    "standardize": True, "batch_size": 32,
    "early_stopping": True, "max_iter": 1000, "n_iter_no_change": 20,
}  # fmt: skip

# What scikit-learn takes for random_state.
LARGEST_SEED = 2**32 - 1

# Beside the parameters of an estimator; others have no meaning for a table.
OTHERS = ("data", "target", "task", "save")


def train_on_table(
    source: str, target: str, task: str | None, save: Path | None, said: Mapping[str, Any]
) -> None:
    """Train an estimator on a table, test it on rows that were held out, and save it.

    Parameters
    ----------
    source : str
        The .csv file.
    target : str
        The column to predict.
    task : {"classification", "regression"} or None
        None chooses by the column.
    save : Path or None
        Where to save the model.
    said : mapping
        The options of `bpmatrix train` that were given, by their names.

    Raises
    ------
    BpmatrixError
        If the table or an option cannot be used.
    """
    parameters = _parameters(said)
    # Before the table is read: they may be missing.
    from bpmatrix.estimators import MLPClassifier, MLPRegressor  # noqa: PLC0415

    kinds = MLPClassifier, MLPRegressor
    if save is not None:
        check_destination(save, "--save", source)
    with announced(f"reading {size_in_words(source)}"):
        features, parts = read_parts(source, target, task, parameters["random_state"])
    train, validation, test = parts
    classes = train.y.dtype.kind != "f"
    size = {"batch_size": min(RECIPE["batch_size"], len(train.y))}
    model = kinds[0 if classes else 1](**RECIPE | size | parameters)
    _introduce(source, target, model, parts)
    if classes:
        warn_of_a_ruling_class(train.y)
    start = time.perf_counter()
    with _interruptions() as interrupted, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the solver reached max_iter")
        model.set_params(callbacks=[progress.lines()])
        model.fit(train.X, train.y, X_val=validation.X, y_val=validation.y)
    seconds = time.perf_counter() - start
    model.set_params(callbacks=None)
    model.feature_names_in_ = np.array(features, dtype=object)
    model.target_name_ = target
    _conclude(model, test, save, seconds)
    if interrupted:
        raise click.exceptions.Exit(INTERRUPTED)


def predict_table(model: Estimator, source: str, output: Path | None) -> None:
    """Write the predictions for a raw table as CSV, with probabilities where there are classes.

    The columns are found by their names; others are not looked at. Where the table has the target
    too, the score goes to standard error.
    """
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        raise ArgumentError(
            "the model does not know the names of its features",
            cure="Fit it with a DataFrame, or use bpmatrix train --target.",
        )
    target = getattr(model, "target_name_", "prediction")
    with announced(f"reading {size_in_words(source)}"):
        table = open_table(source, header=True)
        features = table.columns(list(names))
        scored = [table.names.index(target)] if table.names.count(target) == 1 else []
        cells = table.read(features, scored)
    with (
        announced(f"predicting {len(cells.lines):,} rows"),
        warnings.catch_warnings(),  # the names were looked at above
    ):
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        _write(model, cells.numbers, target, output)
        if scored:
            say(_said_of_the_score(model, table, cells, scored[0]), err=True)


def _said_of_the_score(model: Estimator, table: Table, cells: Cells, column: int) -> str:
    """Return how right the predictions are, or why nobody knows: rows may have no target yet."""
    task = "classification" if _has_classes(model) else "regression"
    in_words = _has_classes(model) and model.classes_.dtype.kind in "OU"
    try:
        check_no_hole(table, cells, column)
        y = np.array(cells.texts[0]) if in_words else targets(table, cells, column, task)
    except DataFileError as error:
        return f"not scored: {error}"
    if _has_classes(model) and not np.isin(y, model.classes_).any():
        name = table.names[column]
        return f"not scored: column {name!r} of {table.path} has not the model's classes"
    return _score(model, Rows(cells.numbers, y), str(table.path))


def facts_of(model: Estimator) -> list[tuple[str, object]]:
    """Return what there is to say of a model, as names and values."""
    names = getattr(model, "feature_names_in_", None)
    units = [model.n_features_in_, *(W.shape[1] for W in model.coefs_)]
    rows: list[tuple[str, object]] = [
        ("estimator", repr(model)),
        ("network", "-".join(map(str, units))),
        ("output", model.out_activation_),
        ("features", units[0] if names is None else ", ".join(names)),
        ("target", getattr(model, "target_name_", "unnamed")),
        ("epochs", _epochs_in_words(model)),
        ("loss", f"{getattr(model, 'loss_', math.nan):.4g}"),  # none after Ctrl-C in epoch 1
    ]
    if isinstance(model.random_state, int):
        rows.append(("seed", model.random_state))
    if _has_classes(model):
        rows.append(("classes", ", ".join(map(str, model.classes_))))
    if getattr(model, "best_validation_score_", None) is not None:
        rows.append(("validation", f"{model.best_validation_score_:.4f} at best"))
    return rows


def _parameters(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given as parameters of an estimator, and a seed."""
    for name in said:
        if name not in ESTIMATOR_PARAMETERS and name not in OTHERS:
            option = "--" + name.replace("_", "-")
            known = ", ".join("--" + other.replace("_", "-") for other in ESTIMATOR_PARAMETERS)
            raise click.UsageError(f"{option} does not go with --target, which takes {known}.")
    drawn = {"random_state": int(np.random.SeedSequence().generate_state(1)[0])}
    found = drawn | {
        ESTIMATOR_PARAMETERS[name]: value
        for name, value in said.items()
        if name in ESTIMATOR_PARAMETERS
    }
    if found["random_state"] > LARGEST_SEED:
        raise click.UsageError(f"with --target, --seed is a number up to {LARGEST_SEED}.")
    names = found.get("activation", "").split(",")
    if len(names) > 1:
        found["activation"] = names
    return found


def _introduce(source: str, target: str, model: Estimator, parts: tuple[Rows, Rows, Rows]) -> None:
    """Print what is going to happen."""
    train = parts[0]
    n, *others = (len(part.y) for part in parts)
    samples = "{:,} training, {:,} validation and {:,} test rows".format(n, *others)
    task = "regression"
    if _has_classes(model):
        task = f"classification into {np.unique(train.y).size} classes"
    facts(
        [
            ("data", f"{source}: {samples}"),
            ("features", f"{train.X.shape[1]}, standardized"),
            ("target", f"{target}, {task}"),
            ("model", type(model).__name__),
            ("seed", model.random_state),
        ]
    )
    say()


def _conclude(model: Estimator, test: Rows, save: Path | None, seconds: float) -> None:
    """Print how it went, and save the model if that was asked for."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        score = _score(model, test, "the test rows")
    rows = [
        ("epochs", _epochs_in_words(model)),
        ("test", score),
        ("time", f"{seconds:.2f} s"),
    ]
    if save is None:
        rows.append(("saved", "no; --save FILE keeps the model in a file"))
    else:
        model.save(save)
        rows.append(("saved", f"{save}; try: bpmatrix predict {quoted(save)} TABLE.csv"))
    say()
    facts(rows)


def _score(model: Estimator, samples: Rows, where: str) -> str:
    value = model.score(samples.X, samples.y)
    if _has_classes(model):
        hits = round(value * len(samples.y))
        return f"accuracy {accuracy_in_words(hits, samples.y, where)}"
    return f"R^2 {value:.4f} on {where}"


def _epochs_in_words(model: Estimator) -> str:
    """Return how many epochs there were, and which of them the weights are of."""
    losses = getattr(model, "validation_loss_curve_", None) or ()
    if not (model.early_stopping and model.standardize and losses):  # else the score decides
        return str(model.n_iter_)
    losses = [math.inf if math.isnan(loss) else loss for loss in losses]
    best = 1 + losses.index(min(losses))
    return f"{model.n_iter_}; the weights are those of epoch {best}, the best on validation rows"


def _write(model: Estimator, X: NDArray[np.float64], target: str, output: Path | None) -> None:
    """Write a header and a line for each row."""
    text = io.StringIO()
    # Python's writer quotes what would end its own lines: here "\r" in a name of a class, too.
    by_lines = SimpleNamespace(write=lambda line: text.write(line.removesuffix("\r\n") + "\n"))
    writer = csv.writer(by_lines, lineterminator="\r\n")
    if _has_classes(model):
        classes = model.classes_.tolist()
        writer.writerow([target, *(f"p({name})" for name in classes)])
        p = model.predict_proba(X)
        writer.writerows(
            [label, *row] for label, row in zip(model.predict(X).tolist(), p.tolist(), strict=True)
        )
    else:
        writer.writerow([target])
        writer.writerows([value] for value in model.predict(X).tolist())
    deliver(text.getvalue(), output)


def _has_classes(model: Estimator) -> bool:
    return isinstance(model, bpmatrix.MLPClassifier)


@contextmanager
def _interruptions() -> Iterator[list[str]]:
    """Yield a list that gets what a fit says when Ctrl-C ends it; it is shown as ever."""
    said: list[str] = []
    show = warnings.showwarning

    def listen(message: Warning | str, *rest: Any, **more: Any) -> None:
        if str(message).startswith("training was interrupted"):
            said.append(str(message))
        show(message, *rest, **more)

    warnings.showwarning = listen
    try:
        yield said
    finally:
        warnings.showwarning = show
