"""A line that is drawn over and over on a terminal: all progress that moves is one of these."""

from __future__ import annotations

from typing import TextIO

__all__ = ["Line", "filled"]

BAR_WIDTH = 20


class Line:
    """One line of a terminal or a notebook, drawn again and again; nothing in a file or a pipe.

    Parameters
    ----------
    stream : text stream
        Where to draw.
    width : int, optional
        In columns; None asks the terminal.
    """

    def __init__(self, stream: TextIO, width: int | None = None) -> None:
        self._file = stream
        self._width = _width_where_somebody_looks(stream) if width is None else width
        self._shown = ""

    def draw(self, text: str) -> None:
        """Draw the line over the one before."""
        # A line that is as wide as a terminal would not be drawn over: it begins a new one.
        text = text[: max(0, self._width - 1)]
        if text:
            print(f"\r{text:<{len(self._shown)}}", end="", file=self._file, flush=True)
            self._shown = text

    def end(self) -> None:
        """Leave the line as it is, if there is one; what is drawn next begins another."""
        if self._shown:
            print(file=self._file, flush=True)
            self._shown = ""


def filled(part: float) -> str:
    """Return a bar that is filled to a part of 1.

    Examples
    --------
    >>> filled(0.25)
    '[#####               ]'
    """
    return f"[{'#' * int(BAR_WIDTH * part):<{BAR_WIDTH}}]"


def _width_where_somebody_looks(stream: TextIO) -> int:
    """Return the width of a terminal or a notebook, and 0 for a file or a pipe."""
    from rich.console import Console  # noqa: PLC0415 - loaded where a bar is wanted

    console = Console(file=stream)
    # Of the stream itself, whatever the environment says of terminals in general.
    in_a_notebook = console.is_jupyter and type(stream).__module__.startswith("ipykernel")
    is_terminal = getattr(stream, "isatty", lambda: False)
    return console.width if in_a_notebook or is_terminal() else 0
