"""The gate's result for people and programs: a table, Markdown for a pull request, JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.gate.verdicts import Verdict, Word
from bpmatrix.storage.files import write_whole

__all__ = ["Outcome", "markdown", "print_table", "publish", "write_json"]

COLORS = {Word.PASS: "green", Word.INFORMATION: "dim", Word.NEW: "cyan"}
BAD = {Word.REGRESSION, Word.MISSING, Word.NOTHING_MEASURED, Word.BROKEN}
MEANING = {
    0: "passed",
    1: "failed: slower",
    3: "has no verdict",
    4: "failed: something was not measured",
    5: "failed: an exact check",
}


@dataclass(frozen=True)
class Outcome:
    """All verdicts, the exit status, and where they were found."""

    verdicts: Sequence[Verdict]
    status: int
    machine: dict[str, str]
    base: str | None

    @property
    def headline(self) -> str:
        """One sentence for those who read no table."""
        unclear = sum(verdict.word is Word.INCONCLUSIVE for verdict in self.verdicts)
        noise = f"; {unclear} INCONCLUSIVE: too much noise for a verdict" if unclear else ""
        return f"The gate {MEANING[self.status]}{noise}"


def print_table(outcome: Outcome, console: Console) -> None:
    """Print all verdicts and the headline."""
    table = Table(title="The gate")
    for column in ("stage", "check", "verdict", "why"):
        table.add_column(column)
    for verdict in outcome.verdicts:
        color = "red" if verdict.word in BAD else COLORS.get(verdict.word, "yellow")
        word = f"[{color}]{verdict.word}[/{color}]"
        table.add_row(verdict.stage, escape(verdict.name), word, escape(verdict.why))
    console.print(table)
    console.print(outcome.headline, style="bold")


def markdown(outcome: Outcome) -> str:
    """Return the summary for a pull request."""
    lines = [
        f"## {outcome.headline}",
        "",
        f"Base: {outcome.base or 'none'}. Exit status {outcome.status}.",
        "",
        "| stage | check | verdict | why |",
        "| --- | --- | --- | --- |",
    ]
    for verdict in outcome.verdicts:
        cells = verdict.stage, verdict.name, f"**{verdict.word}**", verdict.why
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    machine = ", ".join(f"{name} {value}" for name, value in outcome.machine.items())
    details = "<details><summary>machine</summary>"
    return "\n".join([*lines, "", details, "", machine, "", "</details>", ""])


def write_json(outcome: Outcome, path: Path) -> None:
    """Write everything that was measured."""
    verdicts: list[dict[str, Any]] = [
        {
            "stage": verdict.stage,
            "name": verdict.name,
            "verdict": str(verdict.word),
            "why": verdict.why,
            **verdict.figures,
        }
        for verdict in outcome.verdicts
    ]
    content = {
        "status": outcome.status,
        "headline": outcome.headline,
        "base": outcome.base,
        "machine": outcome.machine,
        "verdicts": verdicts,
    }
    write_whole(path, (json.dumps(content, indent=1) + "\n").encode())


def publish(outcome: Outcome) -> None:
    """Append the summary to the page of a run of GitHub Actions, where this is one."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(markdown(outcome) + "\n")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", r"\|").split())
