"""What the commands say: lines, facts and tables, and results that another program may read.

Names of classes and columns, machines and models come from files. So everything that is said is
said here, without the characters that could move a cursor, rename a window or hide a line.
Facts and tables are styled on a terminal, plain and never cut in a pipe.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "announced", "facts", "hand_over", "percent", "printable", "quoted", "say", "size_in_words",
    "table",
]  # fmt: skip

# A pipe has no width.
WIDTH_OF_A_PIPE = 10_000
GAP = 2  # between two columns
# Nobody wonders for so long what a command does, or whether it still does it.
SECONDS_OF_SILENCE, SECONDS_BETWEEN_LINES = 1.0, 10.0


def say(line: object = "", *, err: bool = False) -> None:
    """Print a line on standard output, or on standard error."""
    click.echo(printable(line), err=err)


def hand_over(content: bytes) -> None:
    """Write a result, lines of UTF-8, to standard output: to the byte if that is no terminal."""
    if sys.stdout.isatty():
        for line in content.decode().split("\n")[:-1]:
            say(line)
    elif hasattr(sys.stdout, "buffer"):
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:  # a program has put a stream of text in its place
        sys.stdout.write(content.decode())


def facts(rows: Iterable[tuple[str, object]]) -> None:
    """Print a line for each pair of a name and what is to be said about it."""
    from rich.text import Text  # noqa: PLC0415 - rich loads only where something is shown

    console = _console()
    pairs = [(printable(name), printable(value)) for name, value in rows]
    width = 2 + max(len(name) for name, _ in pairs)
    for name, value in pairs:
        console.print(Text.assemble((f"{name:<{width}}", "bold"), value), soft_wrap=True)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; columns of numbers are right-aligned by being numbers in the first row.

    Words are never cut: where they do not fit side by side, the terminal breaks the lines.
    """
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    body = list(rows)
    headings = [printable(heading) for heading in headings]
    texts = [[f"{v:,}" if isinstance(v, int) else printable(v) for v in row] for row in body]
    console = _console()
    widths = _widths(list(zip(headings, *texts, strict=True)), console.width - GAP * len(headings))
    console.width = max(console.width, sum(widths) + GAP * len(widths))
    grid = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for heading, value, width in zip(headings, body[0], widths, strict=True):
        grid.add_column(
            Text(heading), justify="right" if isinstance(value, int) else "left", width=width
        )
    for row in texts:
        grid.add_row(*map(Text, row))
    console.print(grid)


def _widths(columns: Sequence[Sequence[str]], room: int) -> list[int]:
    """Return a width for each column: of its texts, or less if its words then fit in the room."""
    from rich.cells import cell_len  # noqa: PLC0415

    widths = [max(cell_len(word) for t in texts for word in t.split(" ")) for texts in columns]
    wanted = [max(map(cell_len, texts)) for texts in columns]
    room -= sum(widths)
    if room < 0:
        return wanted
    for k, most in enumerate(wanted):
        more = min(room, most - widths[k])
        widths[k], room = widths[k] + more, room - more
    return widths


@contextmanager
def announced(what: str) -> Iterator[None]:
    """Say on standard error what is being done once it takes long, and then for how long."""
    done = Event()

    def announce() -> None:
        start, pause = time.monotonic(), SECONDS_OF_SILENCE
        while not done.wait(pause):
            seconds, pause = time.monotonic() - start, SECONDS_BETWEEN_LINES
            say(f"bpmatrix: {what} ... {seconds:.0f} s", err=True)

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
    line = re.sub(r"\s*\n\s*", " ", str(value))
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def quoted(path: object) -> str:
    """Return a path as a shell takes it, for a command that is to be copied.

    Examples
    --------
    >>> quoted("model.safetensors")
    'model.safetensors'
    """
    text = printable(path)
    return subprocess.list2cmdline([text]) if os.name == "nt" else shlex.quote(text)


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415

    width = None if sys.stdout.isatty() else WIDTH_OF_A_PIPE
    return Console(width=width)
