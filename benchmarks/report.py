"""Tables on the terminal, and the same figures as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bpmatrix.bench.machine import describe_machine
from bpmatrix.storage.files import write_whole

# What no terminal limits, such as a file, gets tables that are not folded.
WIDTH_WITHOUT_TERMINAL = 180


class Report:
    """Prints what a command finds, and keeps it for the JSON file.

    The machine is described when the report begins: its load is that before the run.
    """

    def __init__(self, title: str, json_file: str | None = None) -> None:
        self.machine = describe_machine()
        self.title, self._json_file = title, json_file
        width = None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
        self.console = Console(width=width, highlight=False)
        self._progress = Console(stderr=True, highlight=False)
        self._records: list[dict[str, Any]] = []

    def tell(self, line: str) -> None:
        """Say on standard error what is being done, or was found: a run may be cut off."""
        self._progress.print(line, style="dim", markup=False)

    def record(self, **figures: object) -> None:
        """Keep figures for the JSON file."""
        self._records.append(figures)

    def table(self, *columns: str) -> Table:
        """Return an empty table; all columns but the first are numbers."""
        made = Table(title=self.title)
        for i, column in enumerate(columns):
            made.add_column(column, justify="right" if i else "left")
        return made

    def finish(self, table: Table, notes: Sequence[str] = ()) -> None:
        """Print the table, the notes and the machine; write the file."""
        self.console.print(table)
        for note in dict.fromkeys(notes):
            self.console.print(f"- {note}", markup=False)
        self.console.print(
            ", ".join(f"{name} {value}" for name, value in self.machine.items()), style="dim"
        )
        if self._json_file:
            content = {"title": self.title, "machine": self.machine, "records": self._records}
            write_whole(Path(self._json_file), f"{json.dumps(content, indent=1)}\n".encode())


def verdict(value: float, target: float | None, *, at_most: bool = False) -> str:
    """Return whether a target is reached; nothing where there is none."""
    if target is None:
        return ""
    reached = value <= target if at_most else value >= target
    sign = "<=" if at_most else ">="
    color, word = ("green", "reached") if reached else ("red", "not reached")
    return f"{sign} {target:.3g} [{color}]{word}[/{color}]"
