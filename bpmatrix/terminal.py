"""A line that is redrawn on a terminal, for progress bars and downloads; announcements."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any, TextIO

BAR_WIDTH = 20


class Line:
    """A line of a terminal or a notebook that is redrawn; nothing is written to a file or a pipe.

    Parameters
    ----------
    stream : text stream
        Where to draw.
    width : int, optional
        In columns; None means the width of the terminal.
    """

    def __init__(self, stream: TextIO, width: int | None = None) -> None:
        self._file = stream
        self._width = _display_width(stream) if width is None else width
        self._shown = ""

    def draw(self, text: str) -> None:
        """Draw the text over the previous one."""
        # A line as wide as the terminal would wrap, and could not be overwritten.
        text = text[: max(0, self._width - 1)]
        if text:
            print(f"\r{text:<{len(self._shown)}}", end="", file=self._file, flush=True)
            self._shown = text

    def end(self) -> None:
        """End the line, if one was drawn; the next text starts a new one."""
        if self._shown:
            print(file=self._file, flush=True)
            self._shown = ""


def say(line: str) -> None:
    """Print a line on standard error, if it is open."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(line, file=sys.stderr, flush=True)


def in_notebook() -> bool:
    """Return whether a Jupyter kernel runs this program."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


def filled(part: float) -> str:
    """Return a bar filled to a fraction of its width.

    Examples
    --------
    >>> filled(0.25)
    '[#####               ]'
    """
    return f"[{'#' * int(BAR_WIDTH * part):<{BAR_WIDTH}}]"


def _display_width(stream: TextIO) -> int:
    """Return the width of a terminal or a notebook, and 0 for a file or a pipe."""
    from rich.console import Console  # noqa: PLC0415 - loaded only if a line is drawn

    console = Console(file=stream)
    # Ask the stream itself: environment variables can make rich assume a terminal.
    in_a_notebook = console.is_jupyter and type(stream).__module__.startswith("ipykernel")
    is_terminal = getattr(stream, "isatty", lambda: False)
    return console.width if in_a_notebook or is_terminal() else 0
