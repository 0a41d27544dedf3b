"""The pictures: learning curves, a confusion matrix, images of digits and of hidden weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bpmatrix.checks import whole_number
from bpmatrix.errors import ArgumentError, DataError, ShapeError
from bpmatrix.history import History
from bpmatrix.network import Network
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


def learning_curves(history: History) -> Figure:
    """Draw the cost by epoch and, where there is one, the accuracy beside it.

    Parameters
    ----------
    history : History
        What `Network.train` returned. The training's curve is the mean over each epoch's
        mini-batches, before their updates; that of the validation samples is taken after the epoch.

    Raises
    ------
    DataError
        If no epoch was finished.
    MissingPackageError
        If matplotlib is not installed.
    """
    if not history.epochs:
        raise DataError("the history holds no epoch: there is nothing to draw")
    epochs = [entry.epoch for entry in history.epochs]
    shown = [("cost", "mean cost of a sample", 1, history.cost, history.validation_cost)]
    if history.accuracy or history.validation_accuracy:
        curves = history.accuracy, history.validation_accuracy
        shown.append(("accuracy", "right answers, per cent", 100, *curves))
    figure = new_figure(4.5 * len(shown), 3.6)
    for place, (title, label, factor, training, validation) in enumerate(shown):
        axes = figure.add_subplot(
            1, len(shown), place + 1, title=title.capitalize(), xlabel="epoch", ylabel=label
        )
        marker = "o" if len(epochs) == 1 else None
        for name, curve, color, style in (
            ("training", training, TRAINING, "-"),
            ("validation", validation, VALIDATION, "--"),
        ):
            if curve:
                values = factor * np.array(curve)
                axes.plot(epochs, values, color=color, linestyle=style, marker=marker, label=name)
        if validation:
            _mark_best(axes, history, epochs, factor * np.array(validation))
            axes.legend(fontsize="small")
        axes.xaxis.set_major_locator(import_module("matplotlib.ticker").MaxNLocator(integer=True))
        axes.grid(visible=True, alpha=0.3)
    return figure


def _mark_best(axes: Any, history: History, epochs: list[int], curve: Array) -> None:
    """Put a dot where the best epoch is."""
    best = history.best_epoch
    if best in epochs:
        label = f"best epoch, {best}"
        axes.plot(
            best, curve[epochs.index(best)], "o", color=VALIDATION, fillstyle="none", label=label
        )


def confusion_matrix(
    net: Network,
    X: ArrayLike,
    labels: ArrayLike,
    *,
    class_names: Sequence[str] | None = None,
) -> Figure:
    """Draw how often each class was taken for which; what is right stands on the diagonal.

    Parameters
    ----------
    net : Network
        A network that names classes.
    X : (n_0, m) array_like
        Samples as columns.
    labels : (m,) array_like
        Their classes, as whole numbers.
    class_names : sequence of str, optional
        What to write at the axes, from class 0 on. None writes the numbers.

    Raises
    ------
    ShapeError, ArrayTypeError, DataError, ArgumentError
        As `Network.accuracy`; ArgumentError also for another number of names than of classes.
    MissingPackageError
        If matplotlib is not installed.
    """
    truth, said = _classes(net, X, labels)
    n = max(2, net.description.sizes[-1])
    names = [str(name) for name in (range(n) if class_names is None else class_names)]
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


def hidden_weights(net: Network, *, shape: tuple[int, int] | None = None) -> Figure:
    """Draw the weights of each unit of the first layer as an image, in the places of the inputs.

    Parameters
    ----------
    net : Network
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
    W = net.weights[0]
    return images(
        W.T, shape=shape, heading=f"Weights of the {_some(len(W))} units of layer 1", scale="weight"
    )


def misclassified(
    net: Network,
    X: ArrayLike,
    labels: ArrayLike,
    *,
    shape: tuple[int, int] | None = None,
    most: int = 20,
) -> Figure:
    """Draw the samples that the network took for another class, those first of which it was surest.

    Parameters
    ----------
    net : Network
        A network that names classes.
    X : (n_0, m) array_like
        Images as columns, pixels row by row.
    labels : (m,) array_like
        Their classes, as whole numbers.
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
    truth, said = _classes(net, X, labels)
    a = net.feedforward(X)
    sure = np.maximum(a[0], 1 - a[0]) if len(a) == 1 else a.max(axis=0)
    wrong = np.flatnonzero(said != truth)
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")][:most]
    titles = [f"{truth[j]} seen as {said[j]}" for j in wrong]
    count = int((said != truth).sum())
    heading = f"{count:,} of {truth.size:,} samples misclassified"
    if count > len(wrong):
        heading += f"; the {len(wrong)} surest ones"
    return images(np.asarray(X)[:, wrong], shape=shape, titles=titles, heading=heading)


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
        raise ShapeError(f"X has shape {X.shape}", cure="Pass X[:, None] for a single image.")
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


def _classes(net: Network, X: ArrayLike, labels: ArrayLike) -> tuple[Array, Array]:
    """Return the classes of the samples, and those that the network names."""
    net.accuracy(X, labels)  # refuses what does not fit
    truth = np.asarray(labels)
    if truth.ndim != 1 or not np.isin(truth, range(max(2, net.description.sizes[-1]))).all():
        raise ArgumentError(
            "labels is no row of classes",
            got=f"shape {truth.shape} of {truth.dtype}",
            expected="(m,), whole numbers from 0",
            cure="Pass Y.argmax(axis=0) for one-hot columns.",
        )
    return truth.astype(np.int64), net.predict(X)


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
            cure="Pass shape=(rows, columns).",
        )
    return rows, columns


def _some(n: int) -> str:
    return f"{n}" if n <= MOST_IMAGES else f"first {MOST_IMAGES} of {n}"
