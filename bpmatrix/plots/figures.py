"""New matplotlib figures (the extra ``plot``), and writing them as SVG and PNG."""

from __future__ import annotations

import io
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.errors import ArgumentError, MissingPackageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check_matplotlib(what: str) -> None:
    """Check that matplotlib is installed; `what` is what needs it, for the error.

    Raises
    ------
    MissingPackageError
        If it is not.
    """
    if find_spec("matplotlib") is None:
        raise MissingPackageError.of_extra(what, "matplotlib", "plot")


def svg(figure: Figure, description: str | None = None) -> bytes:
    """Return a figure as an SVG file; equal figures give equal bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to draw.
    description : str, optional
        A description, stored as metadata.
    """
    matplotlib: Any = import_module("matplotlib")
    metadata = {"Date": None} | ({"Description": description} if description else {})
    file = io.BytesIO()
    # Text as outlines of matplotlib's font, fixed element ids, and no date.
    with matplotlib.rc_context({"svg.hashsalt": "bpmatrix", "svg.fonttype": "path"}):
        figure.savefig(file, format="svg", metadata=metadata)
    return file.getvalue()


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG file, at its own resolution."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def panels(
    ax: Any, rows: int, columns: int, width: float, height: float
) -> tuple[Figure, NDArray[Any]]:
    """Return a figure and a grid of axes: new ones, or in the place of `ax`.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Where to draw; if there are several axes, it bounds them. None creates a figure.
    rows, columns : int
        The axes.
    width, height : float
        Of a new figure, in inches.

    Raises
    ------
    ArgumentError
        If `ax` is something else.
    MissingPackageError
        If matplotlib is not installed.
    """
    if ax is None:
        figure = new_figure(width, height)
        return figure, figure.subplots(rows, columns, squeeze=False)
    if not hasattr(ax, "get_subplotspec"):
        raise ArgumentError(
            "ax must be one Axes of matplotlib",
            got=type(ax).__name__,
            expected="ax=figure.subplots()",
        )
    if rows == columns == 1:
        return ax.figure, np.array([[ax]])
    ax.set_axis_off()
    spec = ax.get_subplotspec()
    if spec is not None:
        return ax.figure, spec.subgridspec(rows, columns).subplots(squeeze=False)
    bounds = dict(zip(("left", "bottom", "right", "top"), ax.get_position().extents, strict=True))
    return ax.figure, ax.figure.add_gridspec(rows, columns, **bounds).subplots(squeeze=False)


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, independent of pyplot, that notebooks display; sizes in inches.

    Raises
    ------
    MissingPackageError
        If matplotlib is not installed.
    """
    check_matplotlib("bpmatrix.plots")
    figures: Any = import_module("matplotlib.figure")
    figure: Figure = figures.Figure(figsize=(width, height), layout="constrained")
    # pyplot registers only its own figures with notebooks. Otherwise a notebook calls this method
    # of the object; a partial can be pickled with the figure.
    figure._repr_png_ = partial(png, figure)  # type: ignore[attr-defined]
    return figure
