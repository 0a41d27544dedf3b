"""The pictures: learning curves, a confusion matrix, images of digits and of hidden weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bpmatrix.checks import whole_number
from bpmatrix.errors import ArgumentError, ShapeError
from bpmatrix.history import History
from bpmatrix.network import Network
from bpmatrix.plots.faces import Estimator, answers, columns_of, curves, first_weights
from bpmatrix.plots.figures import new_figure
from bpmatrix.samples.arrays import as_array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "confusion_matrix",
    "hidden_weights",
    "images",
    "learning_curves",
    "misclassified",
]

Array = NDArray[Any]

# Of Okabe and Ito's palette, which color-blind people tell apart; lines differ in style, too.
TRAINING, VALIDATION = "#0072B2", "#D55E00"
# Light to dark by counts; blue and red by sign: both survive color blindness and gray printing.
COUNTS, SIGNS, INK = "Blues", "RdBu", "gray_r"
# More numbers than these do not fit into their cells.
MOST_CLASSES_WITH_NUMBERS = 20
MOST_IMAGES = 100


def learning_curves(history: History | Estimator) -> Figure:
    """Draw the cost by epoch and, where there is one, the accuracy beside it.

    Parameters
    ----------
    history : History or estimator
        What `Network.train` returned. The training's curve is the mean over each epoch's
        mini-batches, before their updates; that of the validation samples is taken after the epoch.
        Or an estimator that "adam" or "sgd" has fitted: its loss and validation scores.

    Raises
    ------
    DataError
        If no epoch was finished.
    ArgumentError
        If it is something else.
    MissingPackageError
        If matplotlib is not installed.
    """
    epochs, found = curves(history)
    shown = [curve for curve in found if curve.training or curve.validation]
    best = history.best_epoch if isinstance(history, History) else None
    figure = new_figure(4.5 * len(shown), 3.6)
    for place, curve in enumerate(shown):
        axes = figure.add_subplot(
            1, len(shown), place + 1, title=curve.title, xlabel="epoch", ylabel=curve.label
        )
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
                _mark_best(axes, best, curve.validation[epochs.index(best)])
            axes.legend(fontsize="small")
        axes.xaxis.set_major_locator(import_module("matplotlib.ticker").MaxNLocator(integer=True))
        axes.grid(visible=True, alpha=0.3)
    return figure


def _mark_best(axes: Any, epoch: int, value: float) -> None:
    """Put a dot where the best epoch is."""
    label = f"best epoch, {epoch}"
    axes.plot(epoch, value, "o", color=VALIDATION, fillstyle="none", label=label)


def confusion_matrix(
    net: Network | Estimator,
    X: ArrayLike,
    labels: ArrayLike,
    *,
    class_names: Sequence[str] | None = None,
) -> Figure:
    """Draw how often each class was taken for which; what is right stands on the diagonal.

    Parameters
    ----------
    net : Network or classifier
        A network that names classes, or a fitted estimator that does.
    X : (n_0, m) array_like
        Samples as columns; for an estimator as rows.
    labels : (m,) array_like
        Their classes: whole numbers, or the labels of the estimator.
    class_names : sequence of str, optional
        What to write at the axes, one a class in their order. None writes the classes.

    Raises
    ------
    ShapeError, ArrayTypeError, DataError, ArgumentError
        As `Network.accuracy`; ArgumentError also for another number of names than of classes.
    MissingPackageError
        If matplotlib is not installed.
    """
    found = answers(net, X, labels)
    truth, said, n = found.truth, found.said, len(found.names)
    names = [str(name) for name in (found.names if class_names is None else class_names)]
    if len(names) != n:
        raise ArgumentError(
            "class_names does not fit", got=f"{len(names)} names", expected=f"{n}, one a class"
        )
    counts = np.zeros((n, n), np.int64)
    np.add.at(counts, (truth, said), 1)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    right = int(counts.trace())
    side = 2.2 + 0.42 * min(n, 30)
    figure = new_figure(side + 1, side)
    axes = figure.add_subplot(
        title=f"{right:,} of {truth.size:,} right ({100 * right / truth.size:.2f} %)",
        xlabel="class that the network named",
        ylabel="class that the sample has",
    )
    # The root brings out the few that went wrong beside the many that did not.
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


def hidden_weights(net: Network | Estimator, *, shape: tuple[int, int] | None = None) -> Figure:
    """Draw the weights of each unit of the first layer as an image, in the places of the inputs.

    Parameters
    ----------
    net : Network or estimator
        Its inputs are pixels, row by row. Of more than 100 units the first 100 are drawn.
    shape : pair of int, optional
        Rows and columns of an image. None takes a square.

    Raises
    ------
    ArgumentError
        If the inputs do not fill the shape.
    MissingPackageError
        If matplotlib is not installed.
    """
    W = first_weights(net)
    return images(
        W.T, shape=shape, heading=f"Weights of the {_some(len(W))} units of layer 1", scale="weight"
    )


def misclassified(
    net: Network | Estimator,
    X: ArrayLike,
    labels: ArrayLike,
    *,
    shape: tuple[int, int] | None = None,
    most: int = 20,
) -> Figure:
    """Draw the samples that the network took for another class, those first of which it was surest.

    Parameters
    ----------
    net : Network or classifier
        A network that names classes, or a fitted estimator that does.
    X : (n_0, m) array_like
        Images as columns, pixels row by row; for an estimator as rows.
    labels : (m,) array_like
        Their classes: whole numbers, or the labels of the estimator.
    shape : pair of int, optional
        Rows and columns of an image. None takes a square.
    most : int, default 20
        How many to draw.

    Raises
    ------
    ShapeError, ArrayTypeError, DataError, ArgumentError
        As `Network.accuracy`; ArgumentError also if the inputs do not fill the shape.
    MissingPackageError
        If matplotlib is not installed.
    """
    most = whole_number(most, "most", least=0)
    found = answers(net, X, labels)
    truth, said, names = found.truth, found.said, found.names
    wrong = np.flatnonzero(said != truth)
    wrong = wrong[np.argsort(-found.sureness[wrong], kind="stable")][:most]
    titles = [f"{names[truth[j]]} seen as {names[said[j]]}" for j in wrong]
    count = int((said != truth).sum())
    heading = f"{count:,} of {truth.size:,} samples misclassified"
    if count > len(wrong):
        heading += f"; the {len(wrong)} surest ones"
    return images(columns_of(net, X, wrong), shape=shape, titles=titles, heading=heading)


def images(
    X: ArrayLike,
    *,
    shape: tuple[int, int] | None = None,
    titles: Sequence[str] | None = None,
    heading: str | None = None,
    scale: str | None = None,
) -> Figure:
    """Draw columns as images on one scale: gray, or blue and red where some numbers are negative.

    Parameters
    ----------
    X : (n_0, m) array_like
        Images as columns, pixels row by row. The first 100 are drawn.
    shape : pair of int, optional
        Rows and columns of an image. None takes a square.
    titles : sequence of str, optional
        A line above each image.
    heading, scale : str, optional
        A line above all, and what the numbers are: with it, a bar explains the colors.

    Raises
    ------
    ShapeError, ArrayTypeError, ArgumentError
        If X is no matrix of numbers, its columns do not fill the shape, or titles are missing.
    MissingPackageError
        If matplotlib is not installed.
    """
    X = as_array(X, "X")
    if X.ndim != 2:
        raise ShapeError(
            f"X has shape {X.shape}",
            expected="images as columns",
            cure="Pass X[:, None] for a single one, X.reshape(len(X), -1).T for a stack of them.",
        )
    table = X.T[:MOST_IMAGES]
    rows, columns = _checked_shape(shape, len(X))
    if titles is not None and len(titles) < len(table):
        raise ArgumentError(f"{len(titles)} titles are too few", expected=f"{len(table)}")
    across = 10 if len(table) >= 20 else max(1, math.ceil(math.sqrt(2 * len(table))))
    down = max(1, math.ceil(len(table) / across))
    width = 0.95 * across + (1.0 if scale else 0.0)
    figure = new_figure(max(5.0, width), 0.6 + down * (1.15 if titles else 0.95))
    if heading:
        figure.suptitle(heading)
    grid = figure.subplots(down, across, squeeze=False)
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
            "shape is no pair", got=repr(shape), expected="(rows, columns), such as (28, 28)"
        )
    rows, columns = (whole_number(length, "shape", least=1) for length in pair)
    if rows * columns != n:
        raise ArgumentError(
            f"{n} inputs are no image of {rows} x {columns} pixels",
            cure=f"Pass shape=(rows, columns) whose product is {n}.",
        )
    return rows, columns


def _some(n: int) -> str:
    return f"{n}" if n <= MOST_IMAGES else f"first {MOST_IMAGES} of {n}"
