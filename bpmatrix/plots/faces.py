"""What the pictures ask of a network, and how an estimator answers: curves, classes, weights.

An estimator is known by its attributes, as everywhere in scikit-learn, so that nothing is imported
for it and a pipeline will do. Its samples are rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bpmatrix.errors import ArgumentError, DataError, ShapeError
from bpmatrix.history import History
from bpmatrix.network import Network

__all__ = ["Answers", "Curve", "Estimator", "answers", "columns_of", "curves", "first_weights"]

Array = NDArray[Any]
Estimator = Any  # one of ours, of scikit-learn's or of a user's: what has the attributes


@dataclass(frozen=True)
class Curve:
    """A figure of each epoch, of the training and of the validation samples; either may be empty.

    Where validation began with a later fit, it has fewer numbers: those of the last epochs.
    """

    title: str
    label: str
    training: Sequence[float]
    validation: Sequence[float]


@dataclass(frozen=True)
class Answers:
    """The classes of samples, and those that were named.

    Attributes
    ----------
    truth, said : (m,) arrays of int
        Places in `names`.
    names : sequence of str
        The classes.
    sureness : (m,) array
        The output of the class that was named.
    """

    truth: NDArray[np.int64]
    said: NDArray[np.int64]
    names: Sequence[str]
    sureness: Array


def curves(source: History | Estimator) -> tuple[list[int], list[Curve]]:
    """Return the epochs of a History or of a fitted estimator, and what there is to draw of them.

    Raises
    ------
    DataError
        If no epoch was finished.
    ArgumentError
        If it is neither, or keeps no curve.
    """
    if isinstance(source, History):
        if not source.epochs:
            raise DataError(
                "the history holds no epoch: there is nothing to draw",
                cure="Train for an epoch or more.",
            )
        epochs = [entry.epoch for entry in source.epochs]
        cost = Curve("Cost", "mean cost of a sample", source.cost, source.validation_cost)
        accuracy = _accuracy(source.accuracy, source.validation_accuracy)
        return epochs, [cost, accuracy]
    losses = getattr(source, "loss_curve_", None)
    if not losses:
        raise ArgumentError(
            "there are no learning curves to draw",
            got=type(source).__name__,
            expected="the History that train returned, or an estimator that adam or sgd has fitted",
        )
    scores = getattr(source, "validation_scores_", None) or []
    validation = getattr(source, "validation_loss_curve_", None) or []
    loss = Curve("Loss", "mean loss of a sample, with the penalty", losses, validation)
    is_classifier = hasattr(source, "classes_")
    score = _accuracy([], scores) if is_classifier else Curve("Score", "R²", [], scores)
    return list(range(1, len(losses) + 1)), [loss, score]


def _accuracy(training: Sequence[float], validation: Sequence[float]) -> Curve:
    percent = ([100 * part for part in values] for values in (training, validation))
    return Curve("Accuracy", "right answers, per cent", *percent)


def answers(net: Network | Estimator, X: ArrayLike, labels: ArrayLike) -> Answers:
    """Return what a network or a classifier says of samples whose classes are known.

    Raises
    ------
    ShapeError, ArrayTypeError, DataError, ArgumentError
        If they are no samples of it, or no class of one sample is a class of the other kind.
    """
    if not isinstance(net, Network):
        return _answers_of_estimator(net, X, labels)
    net.accuracy(X, labels)  # refuses what does not fit
    truth, n = np.asarray(labels), max(2, net.description.sizes[-1])
    if truth.ndim != 1 or not np.isin(truth, range(n)).all():
        raise ArgumentError(
            "labels is no row of classes",
            got=f"shape {truth.shape} of {truth.dtype}",
            expected="(m,), whole numbers from 0",
            cure="Pass Y.argmax(axis=0) for one-hot columns.",
        )
    a = net.feedforward(X)
    sureness = np.maximum(a[0], 1 - a[0]) if len(a) == 1 else a.max(axis=0)
    return Answers(truth.astype(np.int64), net.predict(X), [*map(str, range(n))], sureness)


def _answers_of_estimator(estimator: Estimator, X: Any, labels: ArrayLike) -> Answers:
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        raise ArgumentError(
            "there are no classes to tell apart",
            got=type(estimator).__name__,
            expected="a Network whose outputs are classes, or a fitted classifier",
        )
    said, truth = np.asarray(estimator.predict(X)), np.asarray(labels)
    if truth.shape != said.shape or truth.ndim != 1:
        raise ShapeError(
            "labels do not belong to the samples, each of one class",
            got=f"shape {truth.shape}",
            expected=f"({len(said)},), and an estimator that names one class",
        )
    places = {label: place for place, label in enumerate(np.asarray(classes).tolist())}
    if unknown := [label for label in truth.tolist() if label not in places]:
        raise DataError(
            "labels hold a class that the estimator does not know",
            got=repr(unknown[0]),
            expected=", ".join(map(repr, places)),
        )
    truth, said = (np.array([places[label] for label in row.tolist()]) for row in (truth, said))
    has_outputs = hasattr(estimator, "predict_proba")
    sureness = estimator.predict_proba(X).max(axis=1) if has_outputs else np.zeros(len(said))
    return Answers(truth, said, [*map(str, places)], sureness)


def columns_of(net: Network | Estimator, X: Any, places: NDArray[np.int64]) -> Array:
    """Return some of the samples as columns."""
    if isinstance(net, Network):
        return np.asarray(X)[:, places]
    rows = X.tocsr()[places].toarray() if hasattr(X, "tocsr") else np.asarray(X)[places]
    return np.asarray(rows).T


def first_weights(net: Network | Estimator) -> Array:
    """Return the weights (n_1, n_0) of the first layer.

    Raises
    ------
    ArgumentError
        If there are none, as before the fit.
    """
    if isinstance(net, Network):
        return net.weights[0]
    coefs = getattr(net, "coefs_", None)
    if coefs is None:
        raise ArgumentError(
            "there are no weights to draw",
            got=type(net).__name__,
            expected="a Network, or a fitted MLPClassifier or MLPRegressor",
        )
    return np.asarray(coefs[0]).T
