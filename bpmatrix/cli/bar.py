"""A progress bar on standard error, if that is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bpmatrix.cli.show import printable
from bpmatrix.terminal import Line, filled


@contextmanager
def progress_bar() -> Iterator[Callable[[float, str], None]]:
    """Yield a function to call with the fraction of the work done and the name of the next step."""
    line, start = Line(sys.stderr), time.monotonic()

    # Drawn only when called: a drawing thread would wake up during timings.
    def watch(part: float, what: str) -> None:
        line.draw(f"{filled(part)} {time.monotonic() - start:.0f} s, {printable(what)}")

    try:
        yield watch
    finally:
        line.end()
