"""The errors of `plots`: what there is nothing to draw of."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import numpy as np
from cures.table import Row

from bpmatrix import History, MLPClassifier, MLPRegressor, Network, plots

X, LABELS = np.random.default_rng(5).standard_normal((4, 12)), np.arange(12) % 3
NET = Network([4, 3], seed=1)
CLASSIFIER = MLPClassifier(hidden_layer_sizes=(3,), random_state=1)
CLASSIFIER.partial_fit(X.T, LABELS, classes=[0, 1, 2])
REGRESSOR = MLPRegressor(hidden_layer_sizes=(3,), random_state=1).partial_fit(X.T, X[0])
STACK = X.T.reshape(12, 2, 2)


def history(epochs: int) -> History:
    return Network([4, 3], seed=1).train(X, LABELS, epochs=epochs)


def without_matplotlib() -> None:
    with patch("bpmatrix.plots.figures.find_spec", return_value=None):
        plots.images(X)


PICTURES = [
    Row(
        "plots/faces.py: curves",
        "the history holds no epoch: there is nothing to draw",
        lambda _: plots.learning_curves(history(0)),
        "Train for an epoch or more.",
        lambda _: plots.learning_curves(history(1)),
    ),
    Row(
        "plots/faces.py: curves",
        "there are no learning curves to draw",
        lambda _: plots.learning_curves(NET),
        "expected the History that train returned, or an estimator that adam or sgd has fitted",
        lambda _: (plots.learning_curves(history(2)), plots.learning_curves(CLASSIFIER)),
    ),
    Row(
        "plots/faces.py: answers",
        "labels is no row of classes",
        lambda _: plots.confusion_matrix(NET, X, np.eye(3)[:, LABELS]),
        "Pass Y.argmax(axis=0) for one-hot columns.",
        lambda _: plots.confusion_matrix(NET, X, np.eye(3)[:, LABELS].argmax(axis=0)),
    ),
    Row(
        "plots/faces.py: _answers_of_estimator",
        "there are no classes to tell apart",
        lambda _: plots.confusion_matrix(REGRESSOR, X.T, LABELS),
        "expected a Network whose outputs are classes, or a fitted classifier",
        lambda _: (
            plots.confusion_matrix(NET, X, LABELS),
            plots.confusion_matrix(CLASSIFIER, X.T, LABELS),
        ),
    ),
    Row(
        "plots/faces.py: _answers_of_estimator",
        "labels do not belong to the samples, each of one class",
        lambda _: plots.confusion_matrix(CLASSIFIER, X.T, LABELS[:5]),
        "expected (12,), and an estimator that names one class",
        lambda _: plots.confusion_matrix(CLASSIFIER, X.T, LABELS),
    ),
    Row(
        "plots/faces.py: _answers_of_estimator",
        "labels hold a class that the estimator does not know",
        lambda _: plots.confusion_matrix(CLASSIFIER, X.T, LABELS + 1),
        "expected 0, 1, 2",
        lambda _: plots.confusion_matrix(CLASSIFIER, X.T, LABELS),
    ),
    Row(
        "plots/faces.py: first_weights",
        "there are no weights to draw",
        lambda _: plots.hidden_weights(MLPClassifier()),
        "expected a Network, or a fitted MLPClassifier or MLPRegressor",
        lambda _: [plots.hidden_weights(model) for model in (NET, CLASSIFIER, REGRESSOR)],
    ),
    Row(
        "plots/figures.py: check_matplotlib",
        "{}",
        lambda _: without_matplotlib(),
        "pip install '.[plot]'",
        lambda _: plots.images(X),  # where it is installed
    ),
    Row(
        "plots/pictures.py: confusion_matrix",
        "class_names does not fit",
        lambda _: plots.confusion_matrix(NET, X, LABELS, class_names=["a", "b"]),
        "expected 3, one a class",
        lambda _: plots.confusion_matrix(NET, X, LABELS, class_names=["a", "b", "c"]),
    ),
    Row(
        "plots/pictures.py: images",
        "X has shape {}",
        lambda _: plots.images(STACK),
        "Pass X[:, None] for a single one, X.reshape(len(X), -1).T for a stack of them.",
        lambda _: (plots.images(X[:, 0][:, None]), plots.images(STACK.reshape(len(STACK), -1).T)),
    ),
    Row(
        "plots/pictures.py: images",
        "{} titles are too few",
        lambda _: plots.images(X, titles=["one"]),
        "expected 12",
        lambda _: plots.images(X, titles=["one"] * 12),
    ),
    Row(
        "plots/pictures.py: _checked_shape",
        "shape is no pair",
        lambda _: plots.images(X, shape=4),
        "expected (rows, columns), such as (28, 28)",
        lambda _: plots.images(X, shape=(2, 2)),
    ),
    Row(
        "plots/pictures.py: _checked_shape",
        "{} inputs are no image of {} x {} pixels",
        lambda _: plots.images(X[:3]),
        "Pass shape=(rows, columns) whose product is 3.",
        lambda _: plots.images(X[:3], shape=(3, 1)),
    ),
]

ROWS = [replace(row, needs="matplotlib") for row in PICTURES]
