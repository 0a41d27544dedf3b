"""Verdicts, and the exit status that follows from them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Word(Enum):
    """The result of a check, and its exit status."""

    PASS = "pass", 0
    INFORMATION = "information", 0
    NEW = "new", 0
    SKIPPED = "SKIPPED", 0
    INCONCLUSIVE = "INCONCLUSIVE", 0
    REGRESSION = "REGRESSION", 1
    MISSING = "MISSING", 4
    NOTHING_MEASURED = "NOTHING MEASURED", 4
    BROKEN = "BROKEN", 5

    def __str__(self) -> str:
        return str(self.value[0])


STRICT = 3
WORST_FIRST = (5, 1, 4)
MEANING = {
    0: "passed",
    1: "failed: slower",
    3: "has no verdict",
    4: "failed: something was not measured",
    5: "failed: an exact check",
}


@dataclass(frozen=True)
class Verdict:
    """A check, its result, and the reason.

    Attributes
    ----------
    stage : str
        "exact", "base/head" or "floor".
    figures : dict
        The measurements, for the JSON file.
    """

    stage: str
    name: str
    word: Word
    why: str
    figures: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.stage}: {self.name}: {self.word}: {self.why}"


def exit_status(verdicts: Iterable[Verdict], *, strict: bool = False) -> int:
    """Return 0 pass, 1 regression, 3 inconclusive (strict), 4 nothing measured, 5 exact check.

    If several apply, the first of 5, 1, 4, 3. Without any verdict nothing was measured.
    """
    words = [verdict.word for verdict in verdicts]
    if not words:
        return Word.NOTHING_MEASURED.value[1]
    found = {word.value[1] for word in words}
    for status in WORST_FIRST:
        if status in found:
            return status
    return STRICT if strict and Word.INCONCLUSIVE in words else 0


def headline(verdicts: Iterable[Verdict], status: int) -> str:
    """Return the result in one sentence."""
    unclear = sum(verdict.word is Word.INCONCLUSIVE for verdict in verdicts)
    noise = f"; {unclear} INCONCLUSIVE: too much noise for a verdict" if unclear else ""
    return f"The gate {MEANING[status]}{noise}"
