"""What the commands say: lines, facts and tables, and results that another program may read.

Names of classes and columns, machines and models come from files. So everything that is said is
said here, without the characters that could move a cursor, rename a window or hide a line.
Facts and tables are styled on a terminal, plain and never cut in a pipe.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["facts", "hand_over", "percent", "printable", "say", "table"]

# A pipe has no width.
WIDTH_OF_A_PIPE = 10_000


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
    """Print a table; columns of numbers are right-aligned by being numbers in the first row."""
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    body = list(rows)
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading, value in zip(headings, body[0], strict=True):
        grid.add_column(
            Text(printable(heading)), justify="right" if isinstance(value, int) else "left"
        )
    for row in body:
        grid.add_row(*(Text(f"{v:,}" if isinstance(v, int) else printable(v)) for v in row))
    _console().print(grid)


def percent(fraction: float) -> str:
    """Return a fraction as a percentage with two decimals.

    Examples
    --------
    >>> percent(0.95125)
    '95.12 %'
    """
    return f"{100 * fraction:.2f} %"


def printable(value: object) -> str:
    r"""Return the text of a value without what could move the cursor: some come from files.

    Examples
    --------
    >>> printable("\x1b[2Jmodel")
    '?[2Jmodel'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in str(value))


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415

    width = None if sys.stdout.isatty() else WIDTH_OF_A_PIPE
    return Console(width=width)
