"""``benchmarks/baseline.json``: counts and sizes of an accepted state, never seconds."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click
import numpy as np

from bpmatrix.storage.files import write_whole

__all__ = ["FILE", "Baseline", "versions_here"]

FILE = "benchmarks/baseline.json"


@dataclass(frozen=True)
class Baseline:
    """What was accepted, and why.

    Attributes
    ----------
    reason : str
        Of the last `accept`.
    benchmarks : list of str
        The cases that base and head are compared by.
    removed : dict
        Cases that are gone, with the reason.
    sizes : dict
        By Python and NumPy version: the counts of a training call, and its peak of bytes.
    """

    reason: str = ""
    benchmarks: list[str] = field(default_factory=list)
    removed: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, dict[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str | None) -> Baseline:
        """Return what a file says, or nothing where there is none."""
        if text is None:
            return cls()
        try:
            content = json.loads(text)
            content.pop("floors", None)  # of bases before they were constants of `floor`
            return cls(**content)
        except (ValueError, TypeError, AttributeError) as error:
            raise click.UsageError(
                f"{FILE} cannot be read: {error}. `git checkout {FILE}` brings it back, and"
                " `python -m benchmarks accept --reason TEXT` writes it anew."
            ) from error

    @classmethod
    def read(cls, root: Path) -> Baseline:
        """Return that of a checkout."""
        path = root / FILE
        return cls.of(path.read_text(encoding="utf-8") if path.exists() else None)

    def write(self, root: Path) -> None:
        """Write it into a checkout, whole or not at all."""
        text = json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"
        write_whole(root / FILE, text.encode())

    def without(self, names: Iterable[str], reason: str) -> dict[str, str]:
        """Return what is removed once these cases are all there are."""
        gone = set(self.benchmarks) - set(names)
        kept = {name: why for name, why in self.removed.items() if name not in set(names)}
        return {**kept, **dict.fromkeys(gone, reason)}


def versions_here() -> str:
    """Return the key of the sizes: ``Python 3.11, NumPy 2.4``."""
    python = ".".join(platform.python_version_tuple()[:2])
    return f"Python {python}, NumPy {'.'.join(np.__version__.split('.')[:2])}"
