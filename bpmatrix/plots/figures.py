"""New matplotlib figures (the extra ``plot``), and writing them as SVG and PNG."""

from __future__ import annotations

import io
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from bpmatrix.errors import MissingPackageError

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
