"""Empty figures of matplotlib (the extra ``plot``), and how they become files."""

from __future__ import annotations

import io
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from bpmatrix.errors import MissingPackageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_matplotlib", "new_figure", "png", "svg"]


def check_matplotlib(what: str) -> None:
    """Check that matplotlib is installed, which `what` draws with.

    Raises
    ------
    MissingPackageError
        If it is not.
    """
    if find_spec("matplotlib") is None:
        raise MissingPackageError.of_extra(what, "matplotlib", "plot")


def svg(figure: Figure, description: str | None = None) -> bytes:
    """Return a figure as an SVG file: the same figure, the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to draw.
    description : str, optional
        What the file shall say of itself.
    """
    matplotlib: Any = import_module("matplotlib")
    metadata = {"Date": None} | ({"Description": description} if description else {})
    file = io.BytesIO()
    # Text as outlines of the font that matplotlib brings, fixed names of elements, and no date.
    with matplotlib.rc_context({"svg.hashsalt": "bpmatrix", "svg.fonttype": "path"}):
        figure.savefig(file, format="svg", metadata=metadata)
    return file.getvalue()


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG file, in its own resolution."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches, which belongs to nobody else; notebooks show it.

    Raises
    ------
    MissingPackageError
        If matplotlib is not installed.
    """
    check_matplotlib("bpmatrix.plots")
    figures: Any = import_module("matplotlib.figure")
    figure: Figure = figures.Figure(figsize=(width, height), layout="constrained")
    # pyplot tells notebooks how to show the figures that it made, and did not make this one. A
    # notebook asks the object itself by this name; a partial can be pickled with it.
    figure._repr_png_ = partial(png, figure)  # type: ignore[attr-defined]
    return figure
