"""A progress bar on standard error, where somebody looks."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bpmatrix.cli.show import printable
from bpmatrix.terminal import Line, filled

__all__ = ["progress_bar"]


@contextmanager
def progress_bar() -> Iterator[Callable[[float, str], None]]:
    """Yield a function that is told the part of the work that is done, and what comes next."""
    line, start = Line(sys.stderr), time.monotonic()

    # Drawn on events alone: a thread that draws would wake up while others are timed.
    def watch(part: float, what: str) -> None:
        line.draw(f"{filled(part)} {time.monotonic() - start:.0f} s, {printable(what)}")

    try:
        yield watch
    finally:
        line.end()
