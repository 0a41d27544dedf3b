"""The speed-up by threads, and the slowdown by too many of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NamedTuple

import click

from benchmarks.cases import CASES, Case
from benchmarks.options import CASE, DTYPE, JSON, QUICK
from benchmarks.report import Report, verdict
from bpmatrix.bench.comparing import Comparison, compare_arms
from bpmatrix.bench.contenders import ROSTER
from bpmatrix.bench.contenders.matmul import Matmul
from bpmatrix.bench.contest import CHAMPION
from bpmatrix.bench.workers import Worker, thread_environment

# With at least this many multiplications (784-100-10 with 32 columns) two threads must reach
# LEAST_GAIN.
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
    """Training: two threads against one, "auto" against one, and eight on all processors.

    The first rows are a large product in NumPy, which shows what a second processor gains here.
    """
    report = Report("How many times as fast as one thread", json_file)
    report.columns("case", "type", "threads", "gain [95 %]", "target")

    def add(name: str, dtype: str, threads: int | str, target: float | None, arm: _Arm) -> None:
        report.tell(f"{name} {dtype} on {threads}")
        comparison = _against_one(arm, threads, quick=quick)
        shown = str(comparison.ratio)
        report.row(name, dtype, str(threads), shown, verdict(comparison.ratio.median, target))
        report.record(case=name, dtype=dtype, threads=threads, comparison=asdict(comparison))

    for dtype in dtypes:
        add("a large product", dtype, 2, None, _product(dtype))
    for case in cases:
        for dtype in dtypes:
            step = _step(case, dtype)
            for threads, target in _arms(case):
                add(case.name, dtype, threads, target, step)
    report.finish()


class _Arm(NamedTuple):
    """The factory of a contender with a number of threads, and the method to time."""

    making: Callable[[int | str], tuple[Any, ...]]
    method: str


def _product(dtype: str) -> _Arm:
    return _Arm(lambda threads: (Matmul, dtype), "multiply")


def _step(case: Case, dtype: str) -> _Arm:
    task = case.task(dtype)
    return _Arm(lambda threads: (ROSTER[CHAMPION].make, task, threads), "train")


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


def _against_one(arm: _Arm, threads: int | str, *, quick: bool) -> Comparison:
    """Return the time on one thread over that on `threads`."""
    effort = CASES[0].effort(quick=quick)
    with (
        Worker("one thread", thread_environment(1)) as one,
        Worker(f"{threads} threads", thread_environment(threads)) as several,
    ):
        one.make(*arm.making(1))
        several.make(*arm.making(threads))
        return compare_arms(
            one.arm(arm.method),
            several.arm(arm.method),
            quads=effort.quads,
            block_seconds=effort.block_seconds,
        )
