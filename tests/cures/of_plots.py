"""The errors of `plots`."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from unittest.mock import patch

import numpy as np
from cures.table import Row

from bpmatrix import History, MLPClassifier, MLPRegressor, Network, plots
from bpmatrix.plots.figures import new_figure

X, LABELS = np.random.default_rng(5).standard_normal((4, 12)), np.arange(12) % 3
NET = Network([4, 3], seed=1)
STACK = X.T.reshape(12, 2, 2)


@cache
def classifier() -> MLPClassifier:
    model = MLPClassifier(hidden_layer_sizes=(3,), random_state=1)
    return model.partial_fit(X.T, LABELS, classes=[0, 1, 2])


@cache
def regressor() -> MLPRegressor:
    return MLPRegressor(hidden_layer_sizes=(3,), random_state=1).partial_fit(X.T, X[0])


def history(epochs: int) -> History:
    return Network([4, 3], seed=1).train(X, LABELS, epochs=epochs)


def without_matplotlib() -> None:
    with patch("bpmatrix.plots.figures.find_spec", return_value=None):
        plots.images(X)


PICTURES = [
    Row(
        "plots/sources.py: curves",
        "the history has no epochs: there is nothing to plot",
        lambda _: plots.learning_curves(history(0)),
        "Train for at least one epoch.",
        lambda _: plots.learning_curves(history(1)),
    ),
    Row(
        "plots/sources.py: curves",
        "there are no learning curves to plot",
        lambda _: plots.learning_curves(NET),
        "expected the History that train returned, or an estimator fitted with adam or sgd",
        lambda _: (plots.learning_curves(history(2)), plots.learning_curves(classifier())),
    ),
    Row(
        "plots/sources.py: predictions",
        "labels must be one class per sample",
        lambda _: plots.confusion_matrix(NET, X, np.eye(3)[:, LABELS]),
        "Pass Y.argmax(axis=0) for one-hot columns.",
        lambda _: plots.confusion_matrix(NET, X, np.eye(3)[:, LABELS].argmax(axis=0)),
    ),
    Row(
        "plots/sources.py: _predictions_of_estimator",
        "there are no classes to compare",
        lambda _: plots.confusion_matrix(regressor(), X.T, LABELS),
        "expected a Network whose outputs are classes, or a fitted classifier",
        lambda _: (
            plots.confusion_matrix(NET, X, LABELS),
            plots.confusion_matrix(classifier(), X.T, LABELS),
        ),
    ),
    Row(
        "plots/sources.py: _predictions_of_estimator",
        "labels must have one class per sample",
        lambda _: plots.confusion_matrix(classifier(), X.T, LABELS[:5]),
        "expected (12,), and an estimator that predicts one class per sample",
        lambda _: plots.confusion_matrix(classifier(), X.T, LABELS),
    ),
    Row(
        "plots/sources.py: _predictions_of_estimator",
        "labels contain a class that is unknown to the estimator",
        lambda _: plots.confusion_matrix(classifier(), X.T, LABELS + 1),
        "expected 0, 1, 2",
        lambda _: plots.confusion_matrix(classifier(), X.T, LABELS),
    ),
    Row(
        "plots/sources.py: first_weights",
        "there are no weights to plot",
        lambda _: plots.hidden_weights(MLPClassifier()),
        "expected a Network, or a fitted MLPClassifier or MLPRegressor",
        lambda _: [plots.hidden_weights(model) for model in (NET, classifier(), regressor())],
    ),
    Row(
        "plots/figures.py: check_matplotlib",
        "{}",
        lambda _: without_matplotlib(),
        "pip install '.[plot]'",
        lambda _: plots.images(X),  # with the package installed
    ),
    Row(
        "plots/pictures.py: confusion_matrix",
        "class_names has the wrong length",
        lambda _: plots.confusion_matrix(NET, X, LABELS, class_names=["a", "b"]),
        "expected 3, one per class",
        lambda _: plots.confusion_matrix(NET, X, LABELS, class_names=["a", "b", "c"]),
    ),
    Row(
        "plots/pictures.py: images",
        "X has shape {}",
        lambda _: plots.images(STACK),
        "Pass X[:, None] for a single image, X.reshape(len(X), -1).T for a stack.",
        lambda _: (plots.images(X[:, 0][:, None]), plots.images(STACK.reshape(len(STACK), -1).T)),
    ),
    Row(
        "plots/pictures.py: images",
        "there are too few titles",
        lambda _: plots.images(X, titles=["one"]),
        "expected 12",
        lambda _: plots.images(X, titles=["one"] * 12),
    ),
    Row(
        "plots/figures.py: panels",
        "ax must be one Axes of matplotlib",
        lambda _: plots.images(X, ax=new_figure(3, 2)),
        "expected ax=figure.subplots()",
        lambda _: plots.images(X, ax=new_figure(3, 2).subplots()),
    ),
    Row(
        "plots/pictures.py: _checked_shape",
        "shape must be a pair",
        lambda _: plots.images(X, shape=4),
        "expected (rows, columns), such as (28, 28)",
        lambda _: plots.images(X, shape=(2, 2)),
    ),
    Row(
        "plots/pictures.py: _checked_shape",
        "{} inputs do not fill an image of {} x {} pixels",
        lambda _: plots.images(X[:3]),
        "Pass shape=(rows, columns) whose product is 3.",
        lambda _: plots.images(X[:3], shape=(3, 1)),
    ),
]

ROWS = [replace(row, needs="matplotlib") for row in PICTURES]
