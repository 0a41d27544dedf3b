"""A slowdown as a change could bring it: a product computed twice, in a copy of the repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gate.cases import SELF_TEST_CASE
from benchmarks.gate.versions import ROOT, git

__all__ = ["Caught", "compute_twice", "copy_repository", "real_slowdown"]

KERNEL = Path("bpmatrix", "kernels", "backprop.py")
PRODUCT = "weighted_input(W,"
NAMED = ("-c", "user.name=self-test", "-c", "user.email=self-test@localhost")


@dataclass(frozen=True, slots=True)
class Caught:
    """What the command said of the slower copy."""

    status: int
    said: str

    @property
    def by_the_gate(self) -> bool:
        """Whether it failed for the right reason."""
        return self.status == 1 and "REGRESSION" in self.said


def real_slowdown(folder: Path) -> Caught:
    """Run ``python -m benchmarks gate --base HEAD`` on a copy that was made slower."""
    copy, result = folder / "copy", folder / "gate.json"
    copy_repository(copy)
    compute_twice(copy / KERNEL)
    outside = {"PYTHONPATH", "PYTHONSAFEPATH", "GITHUB_STEP_SUMMARY"}
    environment = {name: value for name, value in os.environ.items() if name not in outside}
    done = subprocess.run(  # noqa: S603 - this Python and the command of this package
        [
            sys.executable, "-m", "benchmarks", "gate", "--base", "HEAD",
            "--case", SELF_TEST_CASE.name, "--json", str(result),
        ],
        cwd=copy, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not result.exists():
        return Caught(done.returncode, done.stderr.strip()[-500:])
    verdicts = json.loads(result.read_text(encoding="utf-8"))["verdicts"]
    timed = [v for v in verdicts if (v["stage"], v["name"]) == ("base/head", SELF_TEST_CASE.name)]
    said = "; ".join(f"{verdict['verdict']}: {verdict['why']}" for verdict in timed)
    return Caught(done.returncode, said)


def copy_repository(target: Path) -> None:
    """Make a repository whose only commit holds the package and these benchmarks as they are."""
    for name in ("bpmatrix", "benchmarks"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, target / name, ignore=ignored)
    git("init", "--quiet", folder=target)
    git("add", "--all", folder=target)
    git(*NAMED, "commit", "--quiet", "--message", "base", folder=target)


def compute_twice(kernel: Path) -> None:
    """Repeat the line of the forward product: right results, for more time."""
    lines = kernel.read_text(encoding="utf-8").splitlines(keepends=True)
    places = [i for i, line in enumerate(lines) if line.strip().startswith(PRODUCT)]
    if not places:
        raise ValueError(f"{kernel} has no line that begins with {PRODUCT}")
    lines.insert(places[0], lines[places[0]])
    kernel.write_text("".join(lines), encoding="utf-8")
