"""What the plots need from a network or an estimator: curves, predicted classes, weights.

Estimators are recognized by their attributes, as in scikit-learn, so nothing is imported for them
and a pipeline works, too. Their samples are rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bpmatrix.array_types import Array, Integers
from bpmatrix.errors import ArgumentError, DataError, ShapeError
from bpmatrix.history import History
from bpmatrix.network import Network

Estimator = Any  # ours, scikit-learn's or a user's: any object with the attributes


@dataclass(frozen=True)
class Curve:
    """A figure by epoch, for the training and the validation samples; either may be empty.

    If validation began with a later fit, `validation` has only the numbers of the last epochs.
    """

    title: str
    label: str
    training: Sequence[float]
    validation: Sequence[float]


@dataclass(frozen=True)
class Predictions:
    """The true and the predicted classes of samples.

    Attributes
    ----------
    truth, predicted : (m,) arrays of int
        Indices into `names`.
    names : sequence of str
        The classes.
    confidence : (m,) array
        The output of the predicted class.
    """

    truth: Integers
    predicted: Integers
    names: Sequence[str]
    confidence: Array


def curves(source: History | Estimator) -> tuple[list[int], list[Curve]]:
    """Return the epochs of a History or of a fitted estimator, and their curves.

    Raises
    ------
    DataError
        If no epoch was completed.
    ArgumentError
        If it is neither, or has no curves.
    """
    if isinstance(source, History):
        if not source.epochs:
            raise DataError(
                "the history has no epochs: there is nothing to plot",
                cure="Train for at least one epoch.",
            )
        epochs = [entry.epoch for entry in source.epochs]
        cost = Curve("Cost", "mean cost of a sample", source.cost, source.validation_cost)
        accuracy = _accuracy(source.accuracy, source.validation_accuracy)
        return epochs, [cost, accuracy]
    losses = getattr(source, "loss_curve_", None)
    if not losses:
        raise ArgumentError(
            "there are no learning curves to plot",
            got=type(source).__name__,
            expected="the History that train returned, or an estimator fitted with adam or sgd",
        )
    scores = getattr(source, "validation_scores_", None) or []
    validation = getattr(source, "validation_loss_curve_", None) or []
    loss = Curve("Loss", "mean loss of a sample, with the penalty", losses, validation)
    is_classifier = hasattr(source, "classes_")
    score = _accuracy([], scores) if is_classifier else Curve("Score", "R²", [], scores)
    return list(range(1, len(losses) + 1)), [loss, score]


def _accuracy(training: Sequence[float], validation: Sequence[float]) -> Curve:
    percent = ([100 * share for share in values] for values in (training, validation))
    return Curve("Accuracy", "accuracy, percent", *percent)


def predictions(net: Network | Estimator, X: ArrayLike, labels: ArrayLike) -> Predictions:
    """Return the predictions of a network or a classifier for samples with known classes.

    Raises
    ------
    ShapeError, ArrayTypeError, DataError, ArgumentError
        If X or the labels do not fit, or it does not predict one class per sample.
    """
    if not isinstance(net, Network):
        return _predictions_of_estimator(net, X, labels)
    net.accuracy(X, labels)  # checks X and labels
    truth, n = np.asarray(labels), max(2, net.description.sizes[-1])
    if truth.ndim != 1 or not np.isin(truth, range(n)).all():
        raise ArgumentError(
            "labels must be one class per sample",
            got=f"shape {truth.shape} of {truth.dtype}",
            expected="(m,), whole numbers from 0",
            cure="Pass Y.argmax(axis=0) for one-hot columns.",
        )
    a = net.feedforward(X)
    confidence = np.maximum(a[0], 1 - a[0]) if len(a) == 1 else a.max(axis=0)
    return Predictions(truth.astype(np.int64), net.predict(X), [*map(str, range(n))], confidence)


def _predictions_of_estimator(estimator: Estimator, X: Any, labels: ArrayLike) -> Predictions:
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        raise ArgumentError(
            "there are no classes to compare",
            got=type(estimator).__name__,
            expected="a Network whose outputs are classes, or a fitted classifier",
        )
    predicted, truth = np.asarray(estimator.predict(X)), np.asarray(labels)
    if truth.shape != predicted.shape or truth.ndim != 1:
        raise ShapeError(
            "labels must have one class per sample",
            got=f"shape {truth.shape}",
            expected=f"({len(predicted)},), and an estimator that predicts one class per sample",
        )
    index = {label: i for i, label in enumerate(np.asarray(classes).tolist())}
    if unknown := [label for label in truth.tolist() if label not in index]:
        raise DataError(
            "labels contain a class that is unknown to the estimator",
            got=repr(unknown[0]),
            expected=", ".join(map(repr, index)),
        )
    truth, predicted = (np.array([index[y] for y in row.tolist()]) for row in (truth, predicted))
    has_outputs = hasattr(estimator, "predict_proba")
    confidence = estimator.predict_proba(X).max(axis=1) if has_outputs else np.zeros(len(truth))
    return Predictions(truth, predicted, [*map(str, index)], confidence)


def columns_of(net: Network | Estimator, X: Any, samples: Integers) -> Array:
    """Return some of the samples as columns."""
    if isinstance(net, Network):
        return np.asarray(X)[:, samples]
    rows = X.tocsr()[samples].toarray() if hasattr(X, "tocsr") else np.asarray(X)[samples]
    return np.asarray(rows).T


def first_weights(net: Network | Estimator) -> Array:
    """Return the weights (n_1, n_0) of the first layer.

    Raises
    ------
    ArgumentError
        If there are none, for example before `fit`.
    """
    if isinstance(net, Network):
        return net.weights[0]
    coefs = getattr(net, "coefs_", None)
    if coefs is None:
        raise ArgumentError(
            "there are no weights to plot",
            got=type(net).__name__,
            expected="a Network, or a fitted MLPClassifier or MLPRegressor",
        )
    return np.asarray(coefs[0]).T
