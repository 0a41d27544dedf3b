"""Tables of figures and targets on the terminal, which can be pasted as Markdown."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bpmatrix.bench.machine import describe_machine
from bpmatrix.storage.files import write_whole

WIDTH_WITHOUT_TERMINAL = 240  # tables in files are not wrapped


class Report:
    """Collect the rows of a table, showing each at once on standard error, and print it.

    The machine is described at the beginning, so its load is that before the run.
    """

    def __init__(self, title: str) -> None:
        self._machine = describe_machine()
        self._title, self._table = title, Table(box=box.MARKDOWN)
        self._progress = Console(stderr=True, highlight=False)

    def tell(self, line: str) -> None:
        """Print progress on standard error."""
        self._progress.print(line, style="dim", markup=False)

    def columns(self, first: str, *numbers: str) -> None:
        """Name the columns of the table."""
        self._table.add_column(first)
        for name in numbers:
            self._table.add_column(name, justify="right")

    def row(self, *cells: str) -> None:
        """Add a row to the table."""
        self.tell(" | ".join(cells))
        self._table.add_row(*map(Text, cells))  # in a Text, brackets are not markup

    def finish(self, notes: Sequence[str] = ()) -> None:
        """Publish the title, the table, the notes and the machine."""
        width = None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
        console = Console(width=width, highlight=False)
        with console.capture() as printed:
            console.print(f"{self._title}:", self._table, markup=False)
            machine = ", ".join(f"{name} {value}" for name, value in self._machine.items())
            for note in (*dict.fromkeys(notes), machine):
                console.print(f"- {note}", markup=False)
        publish(printed.get())


def publish(text: str) -> None:
    """Print a text and, with `--write PAGE`, write it between the command's marks."""
    text = "\n".join(line.rstrip() for line in text.strip().splitlines())
    click.echo(text)
    context = click.get_current_context(silent=True)
    page: Path | None = context.find_root().params.get("write") if context else None
    if context is None or page is None:
        return
    begin, end = f"<!-- python -m benchmarks {context.info_name} -->", "<!-- end -->"
    before, mark, rest = page.read_text(encoding="utf-8").partition(begin)
    _, last, after = rest.partition(end)
    if not (mark and last):
        raise click.ClickException(f"{page} lacks the lines {begin} and {end}")
    write_whole(page, f"{before}{begin}\n{text}\n{end}{after}".encode())


def verdict(value: float, target: float | None, *, at_most: bool = False) -> str:
    """Return in words whether a target is reached; nothing if there is none."""
    if target is None:
        return ""
    reached = value <= target if at_most else value >= target
    sign = "<=" if at_most else ">="
    return f"{sign} {target:.3g} {'reached' if reached else 'NOT REACHED'}"
