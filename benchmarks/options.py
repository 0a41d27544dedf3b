"""Options shared by the commands."""

from typing import Any

import click

from benchmarks.cases import CASES, DTYPES, Case, find_case

QUICK = click.option("--quick", is_flag=True, help="Measure few and short blocks, as a trial.")


def _cases(context: click.Context, parameter: click.Parameter, value: Any) -> tuple[Case, ...]:
    del context, parameter
    return tuple(map(find_case, value)) or CASES


DTYPE = click.option(
    "--dtype",
    "dtypes",
    type=click.Choice(DTYPES),
    multiple=True,
    default=DTYPES,
    show_default=True,
    help="The dtype of the computation; may be repeated.",
)
CASE = click.option(
    "--case",
    "cases",
    type=click.Choice([case.name for case in CASES]),
    multiple=True,
    callback=_cases,
    help="Measure only this case; may be repeated.",
)
