"""Facts and tables on standard output: styled on a terminal, plain and never cut in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["facts", "percent", "printable", "table"]

# A pipe has no width.
WIDTH_OF_A_PIPE = 10_000


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
