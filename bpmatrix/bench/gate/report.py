"""What a gate prints and writes, and its exit status; shared by both commands."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from bpmatrix.bench.gate.verdicts import Verdict, exit_status, headline
from bpmatrix.bench.machine import describe_machine
from bpmatrix.signals import INTERRUPTED, termination_as_ctrl_c
from bpmatrix.storage.files import write_whole

FILE = click.Path(dir_okay=False, path_type=Path)


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every gate to a function."""
    for option in (
        click.option("--markdown", "markdown_file", type=FILE, help="Write a table to this file."),
        click.option("--json", "json_file", type=FILE, help="Write all figures to this file."),
        click.option(
            "--strict", is_flag=True, help="Exit with 3 if a case is too noisy for a verdict."
        ),
    ):
        command = option(command)
    return command


def conclude(
    verdicts: Iterator[Verdict],
    base: str | None,
    *,
    strict: bool,
    json_file: Path | None,
    markdown_file: Path | None,
) -> None:
    """Print the verdicts as they come, write the files, and exit with the status."""
    machine, found = describe_machine(), []
    for file in filter(None, (json_file, markdown_file)):
        if not file.parent.is_dir():
            raise click.UsageError(f"there is no folder {file.parent}: create it, or name another")
    with _interruptible():
        for verdict in verdicts:
            click.echo(verdict)
            found.append(verdict)
    status = exit_status(found, strict=strict)
    said = headline(found, status)
    click.echo(said)
    figures = [
        {"stage": v.stage, "name": v.name, "verdict": str(v.word), "why": v.why, **v.figures}
        for v in found
    ]
    content = {"status": status, "headline": said, "base": base, "machine": machine}
    text = json.dumps({**content, "verdicts": figures}, indent=1)
    for path, written in (
        (json_file, f"{text}\n"),
        (markdown_file, markdown(found, said, machine)),
    ):
        if path:
            try:
                write_whole(path, written.encode())
            except OSError as error:
                raise click.UsageError(str(error)) from error
    sys.exit(status)


def markdown(verdicts: Sequence[Verdict], said: str, machine: Mapping[str, str]) -> str:
    """Return the verdicts as a table, below the headline."""
    rows = (f"| {_cell(v.stage)} | {_cell(v.name)} | {v.word} | {_cell(v.why)} |" for v in verdicts)
    where = ", ".join(f"{name} {value}" for name, value in machine.items())
    head = ("| stage | check | verdict | |", "| --- | --- | --- | --- |")
    return "\n".join([f"**{said}.**", "", *head, *rows, "", f"Measured on: {where}.", ""])


def tell(line: str) -> None:
    """Print progress on standard error."""
    click.echo(f"... {line}", err=True)


def _cell(text: str) -> str:
    """Return text on one line, without what ends a cell or begins an element of HTML."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Exit with 130 after Ctrl-C, since 1 means slower."""
    try:
        with termination_as_ctrl_c():
            yield
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
