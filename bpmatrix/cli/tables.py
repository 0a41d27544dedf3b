"""Train estimators on tables with a header: ``bpmatrix train FILE.csv --target COLUMN``."""

from __future__ import annotations

import csv
import io
import math
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click
import numpy as np

import bpmatrix
from bpmatrix import progress
from bpmatrix.array_types import Floats
from bpmatrix.cli.destination import check_destination, deliver, save_or_rescue
from bpmatrix.cli.scores import accuracy_in_words, warn_of_imbalance
from bpmatrix.cli.show import announced, facts, quoted, say, size_in_words
from bpmatrix.cli.targets import TableRows, check_none_missing, class_names, read_parts, targets
from bpmatrix.cli.wording import ESTIMATOR_PARAMETERS
from bpmatrix.datasets.tables import Cells, Table, open_table
from bpmatrix.errors import ArgumentError, BpmatrixError, DataError, DataFileError
from bpmatrix.signals import INTERRUPTED
from bpmatrix.storage.checkpoints import identity_in

if TYPE_CHECKING:
    from bpmatrix.estimators import MLPClassifier, MLPRegressor

    Estimator = MLPClassifier | MLPRegressor


# `python -m benchmarks quality` compares it with scikit-learn's defaults. With mini-batches of 200,
# an epoch of a small table would be a single step.
RECIPE = {
    "standardize": True, "batch_size": 32,
    "early_stopping": True, "max_iter": 1000, "n_iter_no_change": 20,
}  # fmt: skip

# The largest random_state that scikit-learn accepts.
LARGEST_SEED = 2**32 - 1

CURVES = ("loss_curve_", "validation_scores_", "validation_loss_curve_")

# The options allowed with --target besides the estimator's parameters.
OTHERS = ("data", "target", "task", "save", "checkpoint")


def train_on_table(
    source: str, target: str, task: str | None, save: Path | None, given: Mapping[str, Any]
) -> None:
    """Train an estimator on a table, test it on held-out rows, and save it.

    Parameters
    ----------
    source : str
        The .csv file.
    target : str
        The column to predict.
    task : {"classification", "regression"} or None
        None infers it from the column.
    save : Path or None
        Where to save the model.
    given : mapping
        The given options of `bpmatrix train` by name.

    Raises
    ------
    BpmatrixError
        If the table or an option cannot be used.
    """
    parameters = _parameters(given)
    # Before the table is read, since scikit-learn may be missing.
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
        warn_of_imbalance(train.y)
    start = time.perf_counter()
    with _interruptions() as interrupted, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the solver reached max_iter")
        model.set_params(callbacks=[progress.lines()])
        model.fit(
            train.X, train.y, X_val=validation.X, y_val=validation.y,
            checkpoint=given.get("checkpoint"),
        )  # fmt: skip
    seconds = time.perf_counter() - start
    model.set_params(callbacks=None)
    model.feature_names_in_ = np.array(features, dtype=object)
    model.target_name_ = target
    _conclude(model, test, save, seconds)
    if interrupted:
        raise click.exceptions.Exit(INTERRUPTED)


def predict_table(model: Estimator, source: str, output: Path | None) -> None:
    """Write the predictions for a table as CSV, with probabilities if they are classes.

    The features are found by name; other columns are ignored. If the table contains the target, the
    score is printed on standard error.
    """
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        raise ArgumentError(
            "the model has no feature names",
            cure="Fit it with a DataFrame, or use bpmatrix train --target.",
        )
    target = getattr(model, "target_name_", "prediction")
    with announced(f"reading {size_in_words(source)}"):
        table = open_table(source, header=True)
        features = table.columns(list(names))
        scored = table.names.index(target) if table.names.count(target) == 1 else None
        cells = table.read(features, scored)
    with (
        announced(f"predicting {len(cells.lines):,} rows"),
        warnings.catch_warnings(),  # the names were matched above
    ):
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        _write(model, cells.numbers, target, output)
        if scored is not None:
            say(_score_of_table(model, table, cells, scored), err=True)


def _score_of_table(model: Estimator, table: Table, cells: Cells, column: int) -> str:
    """Return the score in words, or why there is none: rows may have no target yet."""
    task = "classification" if _has_classes(model) else "regression"
    in_words = _has_classes(model) and model.classes_.dtype.kind in "OU"
    try:
        check_none_missing(table, cells, column)
        y = class_names(table, cells) if in_words else targets(table, cells, column, task)
    except DataFileError as error:
        return f"not scored: {error}"
    if _has_classes(model) and not np.isin(y, model.classes_).any():
        name = table.names[column]
        return f"not scored: column {name!r} of {table.path} contains none of the model's classes"
    return _score(model, TableRows(cells.numbers, y), str(table.path))


def facts_of(model: Estimator) -> list[tuple[str, object]]:
    """Return the names and values that `bpmatrix info` prints for an estimator."""
    names = getattr(model, "feature_names_in_", None)
    units = [model.n_features_in_, *(W.shape[1] for W in model.coefs_)]
    rows: list[tuple[str, object]] = [
        ("estimator", repr(model)),
        ("network", "-".join(map(str, units))),
        ("output", model.out_activation_),
        ("features", units[0] if names is None else ", ".join(names)),
        ("target", getattr(model, "target_name_", "unnamed")),
        ("epochs", _epochs_in_words(model)),
        ("loss", f"{getattr(model, 'loss_', math.nan):.4g}"),  # missing after Ctrl-C in epoch 1
    ]
    if isinstance(model.random_state, int):
        rows.append(("seed", model.random_state))
    if _has_classes(model):
        rows.append(("classes", ", ".join(map(str, model.classes_))))
    if getattr(model, "best_validation_score_", None) is not None:
        rows.append(("validation", f"{model.best_validation_score_:.4f} at best"))
    return rows


def _parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given options as parameters of an estimator, with a random seed by default."""
    for name in given:
        if name not in ESTIMATOR_PARAMETERS and name not in OTHERS:
            option = "--" + name.replace("_", "-")
            known = ", ".join("--" + other.replace("_", "-") for other in ESTIMATOR_PARAMETERS)
            raise click.UsageError(f"{option} does not work with --target, which accepts {known}.")
    found = {"random_state": _seed(given.get("checkpoint"))} | {
        ESTIMATOR_PARAMETERS[name]: value
        for name, value in given.items()
        if name in ESTIMATOR_PARAMETERS
    }
    if found["random_state"] > LARGEST_SEED:
        raise click.UsageError(f"with --target, --seed must be at most {LARGEST_SEED}.")
    names = found.get("activation", "").split(",")
    if len(names) > 1:
        found["activation"] = names
    return found


def _seed(checkpoint: Path | None) -> int:
    """Return the seed of the fit to resume, or a new random one."""
    identity = {} if checkpoint is None else identity_in(checkpoint)
    seed = identity.get("random_state")
    return seed if isinstance(seed, int) else int(np.random.SeedSequence().generate_state(1)[0])


def _introduce(
    source: str, target: str, model: Estimator, parts: tuple[TableRows, TableRows, TableRows]
) -> None:
    """Print the data, the model and the seed."""
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


def _conclude(model: Estimator, test: TableRows, save: Path | None, seconds: float) -> None:
    """Save the model if asked to, test it, and print epochs, score and time."""
    rows = [("epochs", _epochs_in_words(model))]
    where: Path | None = None
    failure: BaseException | None = None
    if save is not None:  # first, since the test may fail or be interrupted
        where, failure = save_or_rescue(partial(_save, model), save)
    try:
        rows.append(("test", _score(model, test, "the test rows")))
    except (BpmatrixError, KeyboardInterrupt) as error:
        failure = failure or error
    rows.append(("time", f"{seconds:.2f} s"))
    if where is None:
        rows.append(("saved", "no; --save FILE saves the model"))
    else:
        rows.append(("saved", f"{where}; try: bpmatrix predict {quoted(where)} TABLE.csv"))
    say()
    facts(rows)
    if failure is not None:
        raise failure


def _save(model: Estimator, path: Path) -> None:
    """Save a model: without its curves, if they are too long for a file."""
    try:
        model.save(path)
    except DataError:
        for name in CURVES:
            if getattr(model, name, None) is not None:
                setattr(model, name, [])
        model.save(path)
        say("bpmatrix: warning: saved without the loss curves, which are too long", err=True)


def _score(model: Estimator, samples: TableRows, where: str) -> str:
    with warnings.catch_warnings():  # the names were matched when the rows were read
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        value = model.score(samples.X, samples.y)
    if _has_classes(model):
        hits = round(value * len(samples.y))
        return f"accuracy {accuracy_in_words(hits, samples.y, where)}"
    return f"R^2 {value:.4f} on {where}"


def _epochs_in_words(model: Estimator) -> str:
    """Return the number of epochs, and from which of them the weights are."""
    losses = getattr(model, "validation_loss_curve_", None) or ()
    if not (model.early_stopping and model.standardize and losses):  # then the score decides
        return str(model.n_iter_)
    losses = [math.inf if math.isnan(loss) else loss for loss in losses]
    best = 1 + losses.index(min(losses))
    return f"{model.n_iter_}; the weights are from epoch {best}, the best on the validation rows"


def _write(model: Estimator, X: Floats, target: str, output: Path | None) -> None:
    """Write a header and a line for each row."""
    text = io.StringIO()
    # csv.writer quotes only the characters of its own line end, and "\r" in a class name needs it.
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
    """Yield a list that receives the warning of a fit that Ctrl-C ends; it is still shown."""
    heard: list[str] = []
    show = warnings.showwarning

    def listen(message: Warning | str, *rest: Any, **more: Any) -> None:
        if str(message).startswith("training was interrupted"):
            heard.append(str(message))
        show(message, *rest, **more)

    warnings.showwarning = listen
    try:
        yield heard
    finally:
        warnings.showwarning = show
