"""Figures and their files, if matplotlib is installed."""

from __future__ import annotations

import copy
import pickle
import struct

import pytest

from bpmatrix.errors import MissingPackageError
from bpmatrix.plots import figures


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"--plot needs matplotlib.*\[plot\]"):
        figures.check_matplotlib("--plot")
    with pytest.raises(MissingPackageError, match=r"bpmatrix.plots needs matplotlib"):
        figures.new_figure(1, 1)


def test_the_same_figure_gives_the_same_bytes() -> None:
    """No date, and the given description."""
    pytest.importorskip("matplotlib")

    def drawn(description: str | None = None) -> bytes:
        figure = figures.new_figure(3, 2)
        figure.add_subplot(title="a line").plot([1, 2], [3, 4])
        return figures.svg(figure, description)

    assert drawn() == drawn()
    assert b"dc:date" not in drawn()
    assert b"of what" in drawn("of what")
    assert b"of what" not in drawn()


def test_a_notebook_displays_a_figure() -> None:
    """As IPython calls it for a figure unknown to pyplot; also after pickling and copying."""
    pytest.importorskip("matplotlib")
    figure = figures.new_figure(2, 1)
    figure.add_subplot().plot([1, 2], [3, 4])
    shown = figure._repr_png_()
    assert shown.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", shown[16:24])  # in the header, IHDR
    assert (width, height) == (round(2 * figure.dpi), round(figure.dpi))
    for same in (copy.deepcopy(figure), pickle.loads(pickle.dumps(figure))):
        assert same._repr_png_.args == (same,)
        assert same._repr_png_()[:8] == shown[:8]
