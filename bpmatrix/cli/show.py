"""Facts and tables on standard output: styled on a terminal, plain and never cut in a pipe."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["announced", "facts", "percent", "printable", "size_in_words", "table"]

# A pipe has no width.
WIDTH_OF_A_PIPE = 10_000
# Nobody wonders for so long what a command does, or whether it still does it.
SECONDS_OF_SILENCE, SECONDS_BETWEEN_LINES = 1.0, 10.0


def facts(rows: Iterable[tuple[str, object]]) -> None:
    """Print a line for each pair of a name and what is to be said about it."""
    from rich.text import Text  # noqa: PLC0415 - rich loads only where something is shown

    console = _console()
    pairs = [(name, printable(value)) for name, value in rows]
    width = 2 + max(len(name) for name, _ in pairs)
    for name, value in pairs:
        console.print(Text.assemble((f"{name:<{width}}", "bold"), value), soft_wrap=True)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; columns of numbers are right-aligned by being numbers in the first row."""
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    body = list(rows)
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading, value in zip(headings, body[0], strict=True):
        grid.add_column(heading, justify="right" if isinstance(value, int) else "left")
    for row in body:
        grid.add_row(*(Text(f"{v:,}" if isinstance(v, int) else printable(v)) for v in row))
    _console().print(grid)


@contextmanager
def announced(what: str) -> Iterator[None]:
    """Say on standard error what is being done once it takes long, and then for how long."""
    done = Event()

    def announce() -> None:
        start, pause = time.monotonic(), SECONDS_OF_SILENCE
        while not done.wait(pause):
            seconds, pause = time.monotonic() - start, SECONDS_BETWEEN_LINES
            line = f"bpmatrix: {printable(what)} ... {seconds:.0f} s"
            print(line, file=sys.stderr, flush=True)

    Thread(target=announce, daemon=True).start()
    try:
        yield
    finally:
        done.set()


def size_in_words(source: str) -> str:
    """Return the name of a file with its size, or the name alone of what is no file."""
    try:
        size = Path(source).stat().st_size
    except OSError:
        return source
    return f"{source} ({size / 1e6:,.0f} MB)"


def percent(fraction: float) -> str:
    """Return a fraction as a percentage with two decimals.

    Examples
    --------
    >>> percent(0.95125)
    '95.12 %'
    """
    return f"{100 * fraction:.2f} %"


def printable(value: object) -> str:
    r"""Return the text of a value as one line, without what could move the cursor: some is foreign.

    Examples
    --------
    >>> printable("\x1b[2Jmodel"), printable("a long\n    text")
    ('?[2Jmodel', 'a long text')
    """
    line = re.sub(r"\s*[\r\n]\s*", " ", str(value))
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415

    width = None if sys.stdout.isatty() else WIDTH_OF_A_PIPE
    return Console(width=width)
