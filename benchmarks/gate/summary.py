"""The gate's result as Markdown for a pull request, and as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gate.verdicts import Verdict, Word
from bpmatrix.storage.files import write_whole

__all__ = ["Summary", "markdown", "publish", "write_json"]

MEANING = {
    0: "passed",
    1: "failed: slower",
    3: "has no verdict",
    4: "failed: something was not measured",
    5: "failed: an exact check",
}


@dataclass(frozen=True)
class Summary:
    """All verdicts, the exit status, the machine and the base."""

    verdicts: Sequence[Verdict]
    status: int
    machine: dict[str, str]
    base: str | None

    @property
    def headline(self) -> str:
        """The result in one sentence."""
        unclear = sum(verdict.word is Word.INCONCLUSIVE for verdict in self.verdicts)
        noise = f"; {unclear} INCONCLUSIVE: too much noise for a verdict" if unclear else ""
        return f"The gate {MEANING[self.status]}{noise}"


def markdown(summary: Summary) -> str:
    """Return the summary for a pull request."""
    lines = [
        f"## {summary.headline}",
        "",
        f"Base: {summary.base or 'none'}. Exit status {summary.status}.",
        "",
        "| stage | check | verdict | why |",
        "| --- | --- | --- | --- |",
    ]
    for verdict in summary.verdicts:
        cells = verdict.stage, verdict.name, f"**{verdict.word}**", verdict.why
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    machine = ", ".join(f"{name} {value}" for name, value in summary.machine.items())
    details = "<details><summary>machine</summary>"
    return "\n".join([*lines, "", details, "", machine, "", "</details>", ""])


def write_json(summary: Summary, path: Path) -> None:
    """Write all verdicts and figures."""
    verdicts = [
        {"stage": v.stage, "name": v.name, "verdict": str(v.word), "why": v.why, **v.figures}
        for v in summary.verdicts
    ]
    content = {"headline": summary.headline, **vars(summary), "verdicts": verdicts}
    write_whole(path, (json.dumps(content, indent=1) + "\n").encode())


def publish(summary: Summary) -> None:
    """Append the summary to the page of a GitHub Actions run, if this is one."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(markdown(summary) + "\n")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", r"\|").split())
