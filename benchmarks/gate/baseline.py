"""``benchmarks/baseline.json``: the cases and the memory of an accepted state, but no times."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click
import numpy as np

from bpmatrix.storage.files import write_whole

FILE = "benchmarks/baseline.json"


@dataclass(frozen=True)
class Baseline:
    """The accepted state.

    Attributes
    ----------
    reason : str
        The reason of the last `accept`.
    benchmarks : list of str
        The names of the timed cases.
    removed : dict
        Removed cases, with the reason.
    peaks : dict
        The peak memory of a training call in bytes, by versions of Python and NumPy.
    """

    reason: str = ""
    benchmarks: list[str] = field(default_factory=list)
    removed: dict[str, str] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str | None) -> Baseline:
        """Return the content of a file; an empty baseline if there is none."""
        if text is None:
            return cls()
        try:
            content = json.loads(text)
            for name in ("floors", "sizes"):  # in old bases
                content.pop(name, None)
            return cls(**content)
        except (ValueError, TypeError, AttributeError) as error:
            raise click.UsageError(
                f"{FILE} cannot be read: {error}. `git checkout {FILE}` restores it, and"
                " `python -m benchmarks accept --reason TEXT` writes a new one."
            ) from error

    @classmethod
    def read(cls, root: Path) -> Baseline:
        """Return the baseline of a checkout."""
        path = root / FILE
        return cls.of(path.read_text(encoding="utf-8") if path.exists() else None)

    def write(self, root: Path) -> None:
        """Write it into a checkout, atomically."""
        text = json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"
        write_whole(root / FILE, text.encode())

    def without(self, names: Iterable[str], reason: str) -> dict[str, str]:
        """Return the removed cases if only these names remain."""
        gone = set(self.benchmarks) - set(names)
        kept = {name: why for name, why in self.removed.items() if name not in set(names)}
        return {**kept, **dict.fromkeys(gone, reason)}


def versions_here() -> str:
    """Return the key of the peaks: ``Python 3.11, NumPy 2.4``."""
    python = ".".join(platform.python_version_tuple()[:2])
    return f"Python {python}, NumPy {'.'.join(np.__version__.split('.')[:2])}"
