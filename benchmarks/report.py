"""Tables on the terminal, and the same figures as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bpmatrix.bench.machine import describe_machine
from bpmatrix.storage.files import write_whole

WIDTH_WITHOUT_TERMINAL = 180  # tables in files are not wrapped


class Report:
    """Print the figures of a command and write them to a JSON file.

    The machine is described in the beginning, so its load is that before the run.
    """

    def __init__(self, title: str, json_file: str | None = None) -> None:
        self.machine = describe_machine()
        self.title, self._json_file = title, json_file
        self._table = Table(title=title)
        self._progress = Console(stderr=True, highlight=False)
        self._records: list[dict[str, Any]] = []

    def tell(self, line: str) -> None:
        """Print progress and interim results on standard error."""
        self._progress.print(line, style="dim", markup=False)

    def record(self, **figures: object) -> None:
        """Add figures to the JSON file."""
        self._records.append(figures)

    def columns(self, first: str, *numbers: str) -> None:
        """Name the columns of the table."""
        self._table.add_column(first)
        for name in numbers:
            self._table.add_column(name, justify="right")

    def row(self, *cells: str) -> None:
        """Add a row to the table."""
        self._table.add_row(*map(Text, cells))  # in a Text, brackets are not markup

    def finish(self, notes: Sequence[str] = ()) -> None:
        """Print the table, the notes and the machine; write the file."""
        width = None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
        console = Console(width=width, highlight=False)
        console.print(self._table)
        for note in dict.fromkeys(notes):
            console.print(f"- {note}", markup=False)
        console.print(
            ", ".join(f"{name} {value}" for name, value in self.machine.items()), style="dim"
        )
        if self._json_file:
            content = {"title": self.title, "machine": self.machine, "records": self._records}
            write_whole(Path(self._json_file), f"{json.dumps(content, indent=1)}\n".encode())


def verdict(value: float, target: float | None, *, at_most: bool = False) -> str:
    """Return in words whether a target is reached; nothing if there is none."""
    if target is None:
        return ""
    reached = value <= target if at_most else value >= target
    sign = "<=" if at_most else ">="
    return f"{sign} {target:.3g} {'reached' if reached else 'NOT REACHED'}"
