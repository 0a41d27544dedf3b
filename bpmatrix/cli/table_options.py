"""The options of ``bpmatrix train --target`` and of ``bpmatrix predict`` for tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from bpmatrix.errors import BpmatrixError

FILE = click.Path(path_type=Path, dir_okay=False, allow_dash=True)

# How a text file is read.
READING = [
    click.option(
        "--separator",
        metavar="MARK",
        help="For a table: what separates its cells; \\t is a tab.  [default: , ; tab or |, found "
        "by looking]",
    ),
    click.option(
        "--decimal",
        type=click.Choice([".", ","]),
        help="For a table: what separates the decimals of numbers.  [default: found by looking]",
    ),
    click.option(
        "--encoding",
        metavar="NAME",
        help="For a table: its encoding, such as cp1252.  [default: UTF-8 or UTF-16, else cp1252]",
    ),
]
# The names of these options work only with --target.
TABLE = [
    click.option(
        "--task",
        type=click.Choice(["classification", "regression"]),
        help="With --target: what to learn.  [default: classification if the column is text or has "
        "at most 20 different values, all integers; else regression]",
    ),
    click.option(
        "--drop",
        multiple=True,
        metavar="COLUMN",
        help="With --target: leave this column out; may be repeated.",
    ),
    click.option(
        "--members",
        type=click.IntRange(min=1),
        default=1,
        metavar="N",
        help="With --target: train N networks and average their predictions, often a little "
        "better, in N times the time.",
    ),
    click.option(
        "--validation",
        type=FILE,
        metavar="FILE",
        help="With --target: rows that stop the training early.  [default: a tenth of the rows]",
    ),
    click.option(
        "--test",
        type=FILE,
        metavar="FILE",
        help="With --target: the rows to test on.  [default: a fifth of the rows]",
    ),
    click.option(
        "--split-by",
        metavar="COLUMN",
        help="With --target: how to choose the rows to test on: of a column of dates the newest, "
        "of another one whole groups, such as all rows of a person.  [default: at random]",
    ),
    click.option(
        "--cv",
        type=click.IntRange(min=2),
        metavar="K",
        help="With --target: also train K models, each tested on another K-th of the rows, and "
        "show the mean and the spread of their scores.",
    ),
    click.option("--json", is_flag=True, help="With --target: print only the results, as JSON."),
    click.option("--quiet", is_flag=True, help="With --target: print only warnings and errors."),
    *READING,
]


def _names() -> frozenset[str]:
    def command() -> None:
        pass

    for option in TABLE:
        option(command)
    parameters: list[click.Option] = command.__click_params__  # type: ignore[attr-defined]
    return frozenset(str(parameter.name) for parameter in parameters)


TABLE_NAMES = _names()


def reading_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `READING`."""
    for option in reversed(READING):
        function = option(function)
    return function


def last_column(path: str) -> str:
    """Return the name of the last column of a table, or its number if it has no header."""
    from bpmatrix.datasets.tables import open_table  # noqa: PLC0415 - loads NumPy

    try:
        table = open_table(path)
    except BpmatrixError:  # it is read only with --target, which also says what is wrong
        return "COLUMN"
    return table.first[-1] if table.has_header else str(len(table.first))
