"""Tables with a header through the estimators: ``bpmatrix train FILE.csv --target COLUMN``."""

from __future__ import annotations

import csv
import io
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

import bpmatrix
from bpmatrix import progress
from bpmatrix.cli.destination import check_destination, deliver
from bpmatrix.cli.show import facts, quoted, say
from bpmatrix.datasets.named import NamedTable, read_named_table
from bpmatrix.errors import ArgumentError, DataFileError

if TYPE_CHECKING:
    from bpmatrix.estimators import MLPClassifier, MLPRegressor

    Estimator = MLPClassifier | MLPRegressor

__all__ = ["facts_of", "predict_table", "train_on_table"]

# A column of so few different whole numbers is taken for classes where nobody says --task.
MOST_CLASSES = 20
TEST_SHARE = 0.2
VALIDATION_SHARE = 0.1  # of what is not for the test
# What `python -m benchmarks quality` shows beside scikit-learn's defaults. An epoch of a small
# table should be more than the single step that mini-batches of 200 leave of it.
RECIPE = {
    "standardize": True, "batch_size": 32,
    "early_stopping": True, "max_iter": 1000, "n_iter_no_change": 20,
}  # fmt: skip

# What scikit-learn takes for random_state, and where float64 no longer holds every whole number.
LARGEST_SEED, LARGEST_WHOLE = 2**32 - 1, 2.0**53

# What `bpmatrix train` calls otherwise; its other options have no meaning for a table.
PARAMETERS = {
    "hidden": "hidden_layer_sizes",
    "activation": "activation",
    "epochs": "max_iter",
    "mini_batch_size": "batch_size",
    "learning_rate": "learning_rate_init",
    "dtype": "dtype",
    "seed": "random_state",
    "threads": "n_threads",
}
OTHERS = ("data", "target", "task", "save")


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows of features, and what they should give."""

    X: NDArray[np.float64]
    y: NDArray[Any]


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
    kinds = bpmatrix.MLPClassifier, bpmatrix.MLPRegressor  # before the table: they may be missing
    if save is not None:
        check_destination(save, "--save", source)
    table = read_named_table(source)
    features = [name for name in table.names if name != target]
    y = _targets(table, target, task)
    if not features:
        raise DataFileError(f"{source} has no column beside {target!r}", expected="features")
    classes = y.dtype.kind != "f"
    parts = _split(table.numbers(features), y, classes, parameters.get("random_state"))
    train, validation, test = parts
    model = kinds[0 if classes else 1](**RECIPE | parameters)
    _introduce(source, target, model, parts)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the solver reached max_iter")
        model.set_params(callbacks=[progress.lines()])
        model.fit(train.X, train.y, X_val=validation.X, y_val=validation.y)
    seconds = time.perf_counter() - start
    model.set_params(callbacks=None)
    model.feature_names_in_ = np.array(features, dtype=object)
    model.target_name_ = target
    _conclude(model, test, save, seconds)


def predict_table(model: Estimator, source: str, output: Path | None) -> None:
    """Write the predictions for a raw table as CSV, with probabilities where there are classes.

    The columns are found by their names; others are not looked at. Where the table has the target
    too, the score goes to standard error.
    """
    table = read_named_table(source)
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        raise ArgumentError(
            "the model does not know the names of its features",
            cure="Fit it with a DataFrame, or use bpmatrix train --target.",
        )
    missing = [name for name in names if name not in table.names]
    if missing:
        raise DataFileError(
            f"{source} misses {len(missing)} of the model's {len(names)} features",
            got=", ".join(table.names[:20]),
            expected=", ".join(map(repr, missing[:20])),
        )
    X = table.numbers(list(names))
    target = getattr(model, "target_name_", "prediction")
    with warnings.catch_warnings():  # the names were looked at above
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        _write(model, X, target, output)
        if target in table.names:
            say(_said_of_the_score(model, table, X, target), err=True)


def _said_of_the_score(
    model: Estimator, table: NamedTable, X: NDArray[np.float64], target: str
) -> str:
    """Return how right the predictions are, or why nobody knows: rows may have no target yet."""
    task = "classification" if _has_classes(model) else "regression"
    in_words = _has_classes(model) and model.classes_.dtype.kind in "OU"
    try:
        y = np.array(table.texts(target)) if in_words else _targets(table, target, task)
    except DataFileError as error:
        return f"not scored: {error}"
    if _has_classes(model) and not np.isin(y, model.classes_).any():
        return f"not scored: column {target!r} of {table.path} has not the model's classes"
    return _score(model, Samples(X, y), str(table.path))


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
        ("epochs", model.n_iter_),
        ("loss", f"{model.loss_:.4g}"),
    ]
    if _has_classes(model):
        rows.append(("classes", ", ".join(map(str, model.classes_))))
    if getattr(model, "best_validation_score_", None) is not None:
        rows.append(("validation", f"{model.best_validation_score_:.4f} at best"))
    return rows


def _parameters(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given as parameters of an estimator."""
    for name in said:
        if name not in PARAMETERS and name not in OTHERS:
            option = "--" + name.replace("_", "-")
            known = ", ".join("--" + other.replace("_", "-") for other in PARAMETERS)
            raise click.UsageError(f"{option} does not go with --target, which takes {known}.")
    found = {PARAMETERS[name]: value for name, value in said.items() if name in PARAMETERS}
    if found.get("random_state", 0) > LARGEST_SEED:
        raise click.UsageError(f"with --target, --seed is a number up to {LARGEST_SEED}.")
    names = found.get("activation", "").split(",")
    if len(names) > 1:
        found["activation"] = names
    return found


def _targets(table: NamedTable, target: str, task: str | None) -> NDArray[Any]:
    """Return the column as numbers for a regression, else as whole numbers or text."""
    texts = table.texts(target)
    try:
        numbers = np.array(texts, np.float64)
    except ValueError:
        numbers = None
    if task == "regression":
        return table.numbers([target])[:, 0]
    if numbers is None or not np.isfinite(numbers).all():
        return np.array(texts)
    whole = bool((numbers == np.floor(numbers)).all() and (np.abs(numbers) < LARGEST_WHOLE).all())
    if task is None and not (whole and np.unique(numbers).size <= MOST_CLASSES):
        return numbers
    return numbers.astype(np.int64) if whole else np.array(texts)


def _split(
    X: NDArray[np.float64], y: NDArray[Any], classes: bool, seed: int | None
) -> tuple[Samples, Samples, Samples]:
    """Return rows to train on, to stop by and for the test, with each class in all of them."""
    from sklearn.model_selection import train_test_split  # noqa: PLC0415

    counts = np.unique(y, return_counts=True)[1] if classes else np.array([len(y)])
    if classes and counts.size < 2:
        raise DataFileError("the target has only one class", got=str(y[0]), expected="two or more")
    if len(y) < 20 or counts.min() < 3:
        raise DataFileError(
            "the table is too small to hold out rows for stopping and for the test",
            got=f"{len(y)} rows, {counts.min()} of the rarest class" if classes else f"{len(y)}",
            expected="20 rows, and 3 of each class",
            cure="Collect more rows, or merge or drop the rare classes."
            if classes
            else "Collect more rows.",
        )
    parts = []
    for share in (TEST_SHARE, VALIDATION_SHARE):
        rows = max(round(share * len(y)), counts.size)
        X, X_out, y, y_out = train_test_split(
            X, y, test_size=rows, random_state=seed, stratify=y if classes else None
        )
        parts.append(Samples(X_out, y_out))
    test, validation = parts
    return Samples(X, y), validation, test


def _introduce(
    source: str, target: str, model: Estimator, parts: tuple[Samples, Samples, Samples]
) -> None:
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
        ]
    )
    say()


def _conclude(model: Estimator, test: Samples, save: Path | None, seconds: float) -> None:
    """Print how it went, and save the model if that was asked for."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        score = _score(model, test, "the test rows")
    rows = [
        ("epochs", f"{model.n_iter_}, and the weights of the best one are kept"),
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


def _score(model: Estimator, samples: Samples, where: str) -> str:
    value = model.score(samples.X, samples.y)
    if _has_classes(model):
        n = len(samples.y)
        return f"accuracy {100 * value:.2f} % ({round(value * n):,} of {n:,}) on {where}"
    return f"R^2 {value:.4f} on {where}"


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
