"""``python -m benchmarks self-test``: check that the gate passes equal code, not slower code."""

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from benchmarks.gate.cases import SELF_TEST_CASE
from benchmarks.gate.versions import copied
from benchmarks.report import publish
from bpmatrix.bench.gate.pairs import Match, Repeats
from bpmatrix.bench.gate.report import tell
from bpmatrix.bench.gate.verdicts import Verdict, Word
from bpmatrix.bench.gate.versus import judge_matches, pinned, prepare
from bpmatrix.bench.machine import describe_machine

# Shorter, and so harder, than the gate's own setting: two pairs of processes instead of three, two
# instead of four to confirm, 40 quads instead of 60.
SHORT = Repeats(runs=2, more_runs=2, quads=40)
MORE = 0.07
EQUAL = Match("equal code", SELF_TEST_CASE, SELF_TEST_CASE)
# A realistic slowdown: a copy of the package computes this product twice.
TWICE = replace(EQUAL, name="a product computed twice")
KERNEL, PRODUCT = Path("bpmatrix", "kernels", "backprop.py"), "weighted_input(W,"
SLOWER = Match(
    f"{100 * MORE:.0f} % more mini-batches",
    SELF_TEST_CASE,
    replace(SELF_TEST_CASE, steps=round(SELF_TEST_CASE.steps * (1 + MORE))),
)
LEAST_CAUGHT = 0.95

Found = dict[str, list[Verdict]]  # the verdicts of all runs, by match


def rate(times: int, of: int) -> str:
    """Return a rate in percent with its 95 % interval by Wilson (1927)."""
    from scipy.stats import binomtest  # noqa: PLC0415 - of the extra test

    low, high = binomtest(times, of).proportion_ci(method="wilson")
    return f"{times} of {of}: {100 * times / of:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"


@click.command("self-test")
@click.option("--full", is_flag=True, help="50 runs of equal and 20 of slower code, not 3 and 3.")
def self_test(full: bool) -> None:
    """Check that the gate passes equal code and catches slower code.

    The gate must pass equal code in two folders. It must fail head with 7 % more mini-batches, and
    a copy of the package that computes a product twice. This takes about 4 minutes on one
    processor, about 15 with --full.
    """
    equal_runs, slower_runs = (50, 20) if full else (3, 3)
    machine, started = describe_machine(), time.perf_counter()
    found = _runs(equal_runs, slower_runs)
    minutes = (time.perf_counter() - started) / 60
    where = ", ".join(f"{name} {value}" for name, value in machine.items())
    publish(f"{report(found)}\n\n{minutes:.0f} minutes. {where}.")
    sys.exit(0 if stands(found) else 1)


def stands(found: Found) -> bool:
    """Return whether the gate passed all equal code and caught slower code often enough."""
    quiet = _times(found[EQUAL.name], Word.REGRESSION) == 0
    return quiet and all(
        _times(found[match.name], Word.REGRESSION) >= LEAST_CAUGHT * len(found[match.name])
        for match in (SLOWER, TWICE)
    )


def report(found: Found) -> str:
    """Return the result as Markdown."""
    setting = (
        f"Setting: `{SELF_TEST_CASE.name}`, {SHORT.runs} pairs of new processes, {SHORT.more_runs}"
        f" more to confirm, {SHORT.quads} quads A B B A of blocks of"
        f" {1000 * SHORT.block_seconds:.0f} ms each, all on one processor."
    )
    lines = [
        setting,
        "",
        "| head against base | REGRESSION, rate [95 %] | INCONCLUSIVE | estimates, % slower |",
        "| --- | --- | --- | --- |",
        *(_row(name, verdicts) for name, verdicts in found.items()),
    ]
    return "\n".join(lines)


def _row(name: str, verdicts: Sequence[Verdict]) -> str:
    slower = [100 * np.expm1(verdict.figures["ratio"]["median"]) for verdict in verdicts]
    shown = f"median {np.median(slower):+.1f}, from {min(slower):+.1f} to {max(slower):+.1f}"
    flagged = rate(_times(verdicts, Word.REGRESSION), len(verdicts))
    return f"| {name} | {flagged} | {_times(verdicts, Word.INCONCLUSIVE)} | {shown} |"


def _times(verdicts: Sequence[Verdict], word: Word) -> int:
    return sum(verdict.word is word for verdict in verdicts)


def compute_twice(kernel: Path) -> None:
    """Duplicate the line of the forward product: the results stay the same, the time grows."""
    lines = kernel.read_text(encoding="utf-8").splitlines(keepends=True)
    places = [i for i, line in enumerate(lines) if line.strip().startswith(PRODUCT)]
    if not places:
        raise ValueError(f"{kernel} has no line that begins with {PRODUCT}")
    lines.insert(places[0], lines[places[0]])
    kernel.write_text("".join(lines), encoding="utf-8")


def _runs(equal_runs: int, slower_runs: int) -> Found:
    """Run the comparison this many times, each time with new processes.

    Slower code is measured in the processes of the first runs of equal code, since starting
    processes takes most of the time.
    """
    found: Found = {EQUAL.name: [], SLOWER.name: [], TWICE.name: []}
    with tempfile.TemporaryDirectory() as folder, pinned():
        base, head, twice = (copied(name, Path(folder)) for name in ("base", "head", "twice"))
        compute_twice(twice.folder / KERNEL)
        for version in (base, head, twice):
            work = {EQUAL.name: SELF_TEST_CASE}
            if failures := prepare(version, work, tell).failures:
                raise click.ClickException(failures[EQUAL.name])
        for run in range(equal_runs):
            matches = [EQUAL, SLOWER] if run < slower_runs else [EQUAL]
            first_run = run * (SHORT.runs + SHORT.more_runs)
            for verdict in judge_matches(base, head, matches, SHORT, str, first_run):
                found.setdefault(verdict.name, []).append(verdict)
            click.echo(f"run {run + 1} of {equal_runs}: {_flagged(found)}", err=True)
        found[TWICE.name] = judge_matches(base, twice, [TWICE], SHORT, str)
    return found


def _flagged(found: Found) -> str:
    return ", ".join(
        f"{name}: {_times(verdicts, Word.REGRESSION)} of {len(verdicts)} flagged"
        for name, verdicts in found.items()
    )
