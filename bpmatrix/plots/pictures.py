"""Plots: learning curves, confusion matrix, images of samples and of weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from bpmatrix.checks import whole_number
from bpmatrix.errors import ArgumentError, ShapeError
from bpmatrix.history import History
from bpmatrix.network import Network
from bpmatrix.plots.figures import panels
from bpmatrix.plots.sources import Estimator, columns_of, curves, first_weights, predictions
from bpmatrix.samples.arrays import as_array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# From Okabe and Ito's palette for color-blind readers; the lines also differ in style.
TRAINING, VALIDATION = "#0072B2", "#D55E00"
# Light to dark for counts, blue and red for signs: readable if color-blind or printed in gray.
COUNTS, SIGNS, INK = "Blues", "RdBu", "gray_r"
# With more classes, the numbers do not fit into their cells.
MOST_CLASSES_WITH_NUMBERS = 20
MOST_IMAGES = 100


def learning_curves(history: History | Estimator, *, ax: Axes | None = None) -> Figure:
    """Plot the cost by epoch and, if recorded, the accuracy beside it.

    Parameters
    ----------
    history : History or estimator
        What `Network.train` returned. The training curve is the mean over each epoch's
        mini-batches, before their updates; the validation curve is measured after each epoch.
        Or an estimator fitted with "adam" or "sgd": its loss and validation scores.
    ax : matplotlib.axes.Axes, optional
        Where to draw; it bounds the axes if there are several. None creates a figure.

    Returns
    -------
    matplotlib.figure.Figure
        A new figure, or that of `ax`.

    Raises
    ------
    DataError
        If no epoch was completed.
    ArgumentError
        If it is something else.
    MissingPackageError
        If matplotlib is not installed.
    """
    epochs, found = curves(history)
    shown = [curve for curve in found if curve.training or curve.validation]
    best = history.best_epoch if isinstance(history, History) else None
    figure, grid = panels(ax, 1, len(shown), 4.5 * len(shown), 3.6)
    for axes, curve in zip(grid.flat, shown, strict=True):
        axes.set(title=curve.title, xlabel="epoch", ylabel=curve.label)
        marker = "o" if len(epochs) == 1 else None
        for name, values, color, style in (
            ("training", curve.training, TRAINING, "-"),
            ("validation", curve.validation, VALIDATION, "--"),
        ):
            if values:
                last = epochs[-len(values) :]
                axes.plot(last, values, color=color, linestyle=style, marker=marker, label=name)
        if curve.validation:
            if best in epochs:
                value, label = curve.validation[epochs.index(best)], f"best epoch, {best}"
                axes.plot(best, value, "o", color=VALIDATION, fillstyle="none", label=label)
            axes.legend(fontsize="small")
        axes.xaxis.set_major_locator(import_module("matplotlib.ticker").MaxNLocator(integer=True))
        axes.grid(visible=True, alpha=0.3)
    return figure


def confusion_matrix(
    net: Network | Estimator,
    X: ArrayLike,
    labels: ArrayLike,
    *,
    class_names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Plot the confusion matrix; correct answers are on the diagonal.

    Parameters
    ----------
    net : Network or classifier
        A network whose outputs are classes, or a fitted classifier.
    X : (n_0, m) array_like
        Samples as columns; as rows for an estimator.
    labels : (m,) array_like
        Their classes: whole numbers, or the estimator's labels.
    class_names : sequence of str, optional
        Tick labels, one per class. None uses the classes themselves.
    ax : matplotlib.axes.Axes, optional
        Where to draw. None creates a figure.

    Returns
    -------
    matplotlib.figure.Figure
        A new figure, or that of `ax`.

    Raises
    ------
    ShapeError, ArrayTypeError, DataError, ArgumentError
        As `Network.accuracy`; ArgumentError also if there is not one name per class.
    MissingPackageError
        If matplotlib is not installed.
    """
    found = predictions(net, X, labels)
    truth, n = found.truth, len(found.names)
    names = [str(name) for name in (found.names if class_names is None else class_names)]
    if len(names) != n:
        raise ArgumentError(
            "class_names has the wrong length", got=len(names), expected=f"{n}, one per class"
        )
    counts = np.zeros((n, n), np.int64)
    np.add.at(counts, (truth, found.predicted), 1)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    right = int(counts.trace())
    side = 2.2 + 0.42 * min(n, 30)
    figure, ((axes,),) = panels(ax, 1, 1, side + 1, side)
    axes.set(
        title=f"{right:,} of {truth.size:,} correct ({100 * right / truth.size:.2f} %)",
        xlabel="predicted class",
        ylabel="true class",
    )
    # The square root makes the few errors visible beside the many correct answers.
    norm = import_module("matplotlib.colors").PowerNorm(0.5, vmin=0, vmax=1)
    image = axes.imshow(shares, cmap=COUNTS, norm=norm)
    bar = figure.colorbar(image, ax=axes, label="share of the class", shrink=0.8)
    bar.set_ticks([0, 0.01, 0.05, 0.2, 0.5, 1], labels=["0", "1 %", "5 %", "20 %", "50 %", "100 %"])
    if n <= MOST_CLASSES_WITH_NUMBERS:
        axes.set_xticks(range(n), names, rotation=90 * (max(map(len, names)) > 2))
        axes.set_yticks(range(n), names)
        for (i, j), count in np.ndenumerate(counts):
            if count:
                color = "white" if shares[i, j] > 0.35 else "black"
                axes.text(j, i, f"{count}", ha="center", va="center", color=color, fontsize="small")
    return figure


def hidden_weights(
    net: Network | Estimator,
    *,
    shape: tuple[int, int] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw the weights of each unit of the first layer as an image.

    Parameters
    ----------
    net : Network or estimator
        Its inputs are pixels, row by row. At most 100 units are drawn, the first ones.
    shape : pair of int, optional
        Rows and columns of an image. None means a square.
    ax : matplotlib.axes.Axes, optional
        Where to draw; it bounds the axes if there are several. None creates a figure.

    Returns
    -------
    matplotlib.figure.Figure
        A new figure, or that of `ax`.

    Raises
    ------
    ArgumentError
        If the inputs do not fit the shape.
    MissingPackageError
        If matplotlib is not installed.
    """
    W = first_weights(net)
    shown = f"{len(W)}" if len(W) <= MOST_IMAGES else f"first {MOST_IMAGES} of {len(W)}"
    heading = f"Weights of the {shown} units of layer 1"
    return images(W.T, shape=shape, heading=heading, scale="weight", ax=ax)


def misclassified(
    net: Network | Estimator,
    X: ArrayLike,
    labels: ArrayLike,
    *,
    shape: tuple[int, int] | None = None,
    most: int = 20,
    ax: Axes | None = None,
) -> Figure:
    """Draw misclassified samples, the most confident first.

    Parameters
    ----------
    net : Network or classifier
        A network whose outputs are classes, or a fitted classifier.
    X : (n_0, m) array_like
        Images as columns, pixels row by row; as rows for an estimator.
    labels : (m,) array_like
        Their classes: whole numbers, or the estimator's labels.
    shape : pair of int, optional
        Rows and columns of an image. None means a square.
    most : int, default 20
        The largest number of images.
    ax : matplotlib.axes.Axes, optional
        Where to draw; it bounds the axes if there are several. None creates a figure.

    Returns
    -------
    matplotlib.figure.Figure
        A new figure, or that of `ax`.

    Raises
    ------
    ShapeError, ArrayTypeError, DataError, ArgumentError
        As `Network.accuracy`; ArgumentError also if the inputs do not fit the shape.
    MissingPackageError
        If matplotlib is not installed.
    """
    most = whole_number(most, "most", least=0)
    found = predictions(net, X, labels)
    truth, predicted, names = found.truth, found.predicted, found.names
    wrong = np.flatnonzero(predicted != truth)
    wrong = wrong[np.argsort(-found.confidence[wrong], kind="stable")][:most]
    titles = [f"{names[truth[j]]} seen as {names[predicted[j]]}" for j in wrong]
    count = int((predicted != truth).sum())
    heading = f"{count:,} of {truth.size:,} samples misclassified"
    if count > len(wrong):
        heading += f"; the {len(wrong)} most confident"
    return images(columns_of(net, X, wrong), shape=shape, titles=titles, heading=heading, ax=ax)


def images(
    X: ArrayLike,
    *,
    shape: tuple[int, int] | None = None,
    titles: Sequence[str] | None = None,
    heading: str | None = None,
    scale: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw columns as images on one scale: gray, or blue and red if some numbers are negative.

    Parameters
    ----------
    X : (n_0, m) array_like
        Images as columns, pixels row by row. At most 100 are drawn, the first ones.
    shape : pair of int, optional
        Rows and columns of an image. None means a square.
    titles : sequence of str, optional
        A title for each image.
    heading : str, optional
        A title for the figure.
    scale : str, optional
        The label of a color bar; None draws no bar.
    ax : matplotlib.axes.Axes, optional
        Where to draw; it bounds the axes if there are several. None creates a figure.

    Returns
    -------
    matplotlib.figure.Figure
        A new figure, or that of `ax`.

    Raises
    ------
    ShapeError, ArrayTypeError, ArgumentError
        If X is not a matrix of numbers, its columns do not fit the shape, or titles are missing.
    MissingPackageError
        If matplotlib is not installed.
    """
    X = as_array(X, "X")
    if X.ndim != 2:
        raise ShapeError(
            f"X has shape {X.shape}",
            expected="images as columns",
            cure="Pass X[:, None] for a single image, X.reshape(len(X), -1).T for a stack.",
        )
    table = X.T[:MOST_IMAGES]
    rows, columns = _checked_shape(shape, len(X))
    if titles is not None and len(titles) < len(table):
        raise ArgumentError("there are too few titles", got=len(titles), expected=len(table))
    across = 10 if len(table) >= 20 else max(1, math.ceil(math.sqrt(2 * len(table))))
    down = max(1, math.ceil(len(table) / across))
    width = 0.95 * across + (1.0 if scale else 0.0)
    height = 0.6 + down * (1.15 if titles else 0.95)
    figure, grid = panels(ax, down, across, max(5.0, width), height)
    if heading:
        figure.suptitle(heading) if ax is None else ax.set_title(heading)
    for axes in grid.flat:
        axes.set_axis_off()
    signed = bool((table < 0).any())
    highest = float(np.abs(table).max(initial=0.0)) or 1.0
    look = {"cmap": SIGNS if signed else INK, "vmin": -highest if signed else 0, "vmax": highest}
    drawn = None
    for k, line in enumerate(table):
        axes = grid.flat[k]
        drawn = axes.imshow(line.reshape(rows, columns), interpolation="nearest", **look)
        axes.set_axis_on()
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color("lightgray")
        if titles:
            axes.set_title(titles[k], fontsize="small")
    if scale and drawn is not None:
        figure.colorbar(drawn, ax=grid, label=scale, shrink=0.8)
    return figure


def _checked_shape(shape: tuple[int, int] | None, n: int) -> tuple[int, int]:
    side = math.isqrt(n)
    pair: object = (side, side) if shape is None else shape
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ArgumentError(
            "shape must be a pair", got=repr(shape), expected="(rows, columns), such as (28, 28)"
        )
    rows, columns = (whole_number(length, "shape", least=1) for length in pair)
    if rows * columns != n:
        raise ArgumentError(
            f"{n} inputs do not fill an image of {rows} x {columns} pixels",
            cure=f"Pass shape=(rows, columns) whose product is {n}.",
        )
    return rows, columns
