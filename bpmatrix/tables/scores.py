"""How good a model of a table is: scores beside those of a constant prediction, and columns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn import metrics

from bpmatrix.array_types import Array
from bpmatrix.tables.model import TableModel
from bpmatrix.tables.targets import targets_of

BINS = 10  # of the calibration error
REPEATS = 5
# Importances are measured on at most so many rows.
MOST_ROWS = 2_000


def scores(model: TableModel, table: pa.Table, learned: Array) -> dict[str, float]:
    """Return the scores of a model on rows with the target, by name.

    Parameters
    ----------
    model : TableModel
        The model.
    table : pyarrow.Table
        The rows.
    learned : (n,) array
        The target of the rows that the model has learned from: a constant prediction says its
        largest class, or its mean or median.

    Raises
    ------
    DataError
        If a column or a value of the target is missing.
    """
    y = targets_of(table, model.target, model.task_)
    outputs = model._outputs(table)  # noqa: SLF001 - one module for both would be too long
    found = model._decoded(outputs)  # noqa: SLF001 - likewise
    if model.task_ == "classification":
        return _of_classes(model.classes_, y, found, outputs) | {
            "accuracy_of_largest_class": float(np.mean(y == _largest(learned)))
        }
    mean, median = learned.mean(), np.median(learned)
    return {
        "r2": float(metrics.r2_score(y, found)) if len(y) > 1 else math.nan,
        "rmse": float(metrics.root_mean_squared_error(y, found)),
        "mae": float(metrics.mean_absolute_error(y, found)),
        "rmse_of_mean": float(metrics.root_mean_squared_error(y, np.full(len(y), mean))),
        "mae_of_median": float(metrics.mean_absolute_error(y, np.full(len(y), median))),
    }


def confusion(model: TableModel, table: pa.Table) -> tuple[list[Any], Array]:
    """Return the classes, and how often rows of each (first axis) were taken for each other."""
    y, found = targets_of(table, model.target, model.task_), model.predict(table)
    classes = np.unique(np.concatenate([model.classes_, y]))
    return classes.tolist(), metrics.confusion_matrix(y, found, labels=classes)


def importances(model: TableModel, table: pa.Table) -> dict[str, float]:
    """Return how much the accuracy or R^2 falls if the values of each column change places.

    The mean over some permutations; the most important column first.
    """
    random = np.random.default_rng(model.seed)
    if table.num_rows > MOST_ROWS:
        table = table.take(np.sort(random.choice(table.num_rows, MOST_ROWS, replace=False)))
    y = targets_of(table, model.target, model.task_)
    X = model.encoder_.transform(table)

    def score(X: Array) -> float:
        return model._score(model._decoded(model._outputs_of(X)), y)  # noqa: SLF001 - as above

    whole, found, first = score(X), {}, 0
    for column in model.encoder_.columns_:
        last = first + len(column.outputs)
        losses = []
        for _ in range(REPEATS):
            changed = X.copy()
            changed[:, first:last] = X[random.permutation(len(X)), first:last]
            losses.append(whole - score(changed))
        found[column.name], first = float(np.mean(losses)), last
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def _of_classes(classes: Array, y: Array, found: Array, p: Array) -> dict[str, float]:
    known = np.isin(y, classes)  # the others have no probability
    places, p = np.searchsorted(classes, y[known]), p[known]
    every = np.arange(len(classes))
    has_all = {*places.tolist()} == {*every.tolist()}
    loss = area = error = math.nan
    if known.any():
        loss = float(metrics.log_loss(places, p, labels=every))
        error = _calibration_error(p.argmax(axis=1) == places, p.max(axis=1))
    if has_all and len(classes) > 1:
        binary = len(classes) == 2
        area = float(metrics.roc_auc_score(places, p[:, 1] if binary else p, multi_class="ovr"))
    recalls = [np.mean(found[y == name] == name) for name in np.unique(y)]
    return {
        "accuracy": float(np.mean(found == y)),
        "balanced_accuracy": float(np.mean(recalls)),
        "f1_macro": float(metrics.f1_score(y, found, average="macro", zero_division=0.0)),
        "log_loss": loss,
        "roc_auc": area,
        "calibration_error": error,
    }


def _calibration_error(is_right: Array, confidence: Array) -> float:
    """Return the mean distance of confidence and accuracy over bins of equal width."""
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    distances = [
        abs(np.sum(is_right[bins == b]) - np.sum(confidence[bins == b])) for b in range(BINS)
    ]
    return float(np.sum(distances) / len(confidence))


def _largest(classes: Array) -> Any:
    names, counts = np.unique(classes, return_counts=True)
    return names[counts.argmax()]
