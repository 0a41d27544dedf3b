"""What threads gain, and what too many of them cost."""

from __future__ import annotations

from dataclasses import asdict

import click

from benchmarks.cases import CASES, Case
from benchmarks.options import CASE, DTYPE, JSON, QUICK
from benchmarks.report import Report, verdict
from bpmatrix.bench.comparing import Comparison, compare_arms
from bpmatrix.bench.contenders import ROSTER
from bpmatrix.bench.contest import CHAMPION
from bpmatrix.bench.workers import Worker

# From this many multiplications on, two threads must give LEAST_GAIN: 784-100-10 with 32 columns.
SHARED_WORK = 784 * 100 * 32
LEAST_GAIN = 1.7
LEAST_AUTO = 0.95
MANY_THREADS, MOST_SLOWDOWN = 8, 6.0


@click.command()
@CASE
@DTYPE
@QUICK
@JSON
def scaling(
    cases: tuple[Case, ...], dtypes: tuple[str, ...], quick: bool, json_file: str | None
) -> None:
    """Training: two threads against one, "auto" against one, and eight on all processors."""
    report = Report("How many times as fast as one thread", json_file)
    rows = report.table("case", "type", "threads", "gain [95 %]", "target")
    for case in cases:
        for dtype in dtypes:
            for threads, target in _arms(case):
                report.tell(f"{case.name} {dtype} on {threads}")
                comparison = _against_one(case, dtype, threads, quick=quick)
                shown = str(comparison.ratio).replace("[", r"\[")
                rows.add_row(
                    case.name, dtype, str(threads), shown,
                    verdict(comparison.ratio.median, target),
                )  # fmt: skip
                report.record(
                    case=case.name, dtype=dtype, threads=threads, comparison=asdict(comparison)
                )
    report.finish(rows)


def _arms(case: Case) -> list[tuple[int | str, float | None]]:
    """Return the numbers of threads to try, with the least gain over one thread."""
    work = case.mini_batch_size * case.sizes[0] * case.sizes[1]
    arms: list[tuple[int | str, float | None]] = [
        (2, LEAST_GAIN if work >= SHARED_WORK else None),
        ("auto", LEAST_AUTO),
    ]
    if case is CASES[0]:
        arms.append((MANY_THREADS, 1 / MOST_SLOWDOWN))
    return arms


def _against_one(case: Case, dtype: str, threads: int | str, *, quick: bool) -> Comparison:
    """Return the time on one thread over that on so many."""
    task, effort, make = case.task(dtype), case.effort(quick=quick), ROSTER[CHAMPION].make
    with Worker("one thread") as one, Worker(f"{threads} threads") as several:
        one.make(make, task, 1)
        several.make(make, task, threads)
        return compare_arms(
            one.arm("train"),
            several.arm("train"),
            quads=effort.quads,
            block_seconds=effort.block_seconds,
        )
