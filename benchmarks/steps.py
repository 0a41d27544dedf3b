"""Ratios of the times of whole training steps: threads, optimizers, and the attainable peak."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import click
import numpy as np

from benchmarks.cases import CASES, Case, find_case
from benchmarks.options import CASE, DTYPE, QUICK
from benchmarks.report import Report, verdict
from bpmatrix.bench.comparing import compare_arms
from bpmatrix.bench.contenders import ROSTER
from bpmatrix.bench.contest import CHAMPION, Effort
from bpmatrix.bench.statistics import Ratio
from bpmatrix.bench.task import Task
from bpmatrix.bench.workers import Worker, thread_environment
from bpmatrix.engine.places import count_processors

# With at least this many multiplications (784-100-10 with 32 columns) two threads must reach
# LEAST_GAIN.
SHARED_WORK = 784 * 100 * 32
LEAST_GAIN = 1.7
LEAST_AUTO = 0.95
MANY_THREADS, MOST_SLOWDOWN = 8, 6.0
WITH_OPTIMIZERS, MOST_COST = find_case("784-100-10/32"), 1.35
LEARNING_RATES = {"momentum": 0.3, "adam": 0.001}
# Large enough for 95 % of the best speed of any size, small enough for short blocks.
SIZE_OF_A_PRODUCT = 1200

# The number of threads, and the call that makes the contender: a function and its arguments.
Contender = tuple[int | str, tuple[Any, ...]]


class Matmul:
    """Products of two square matrices; the environment sets the number of BLAS threads."""

    flops = 2 * SIZE_OF_A_PRODUCT**3

    def __init__(self, dtype: str) -> None:
        rng, shape = np.random.default_rng(0), (2, SIZE_OF_A_PRODUCT, SIZE_OF_A_PRODUCT)
        self._a, self._b = rng.random(shape).astype(dtype)
        self._out = np.empty_like(self._a)

    def train(self, steps: int) -> None:
        """Multiply this many times."""
        for _ in range(steps):
            np.matmul(self._a, self._b, out=self._out)


@click.command()
@CASE
@DTYPE
@QUICK
def steps(cases: tuple[Case, ...], dtypes: tuple[str, ...], quick: bool) -> None:
    """Training steps in turns: by threads, by optimizer, and against the attainable peak.

    The ratios are the gain of more threads over one; for one case, the time with momentum and Adam
    over that with plain SGD; and the speed as a share of that of a large product by NumPy with the
    same dtype and number of threads.
    """
    report = Report("Ratios of the times of whole training steps")
    report.columns("case", "type", "what", "ratio [95 %]", "target")
    for case in cases:
        for dtype in dtypes:
            for what, ratio, judged in _ratios(case, case.task(dtype), case.effort(quick=quick)):
                report.row(case.name, dtype, what, str(ratio), judged)
    report.finish()


def _ratios(case: Case, task: Task, effort: Effort) -> Iterator[tuple[str, Ratio, str]]:
    """Yield each ratio, what it is, and whether it reaches its target."""
    work = case.mini_batch_size * case.sizes[0] * case.sizes[1]
    least_gains: dict[int | str, float | None] = {
        2: LEAST_GAIN if work >= SHARED_WORK else None,
        "auto": LEAST_AUTO,
    }
    if case is CASES[0]:
        least_gains[MANY_THREADS] = 1 / MOST_SLOWDOWN
    for threads, least in least_gains.items():
        ratio = _ratio(_engine(task, 1), _engine(task, threads), effort)
        yield f"gain, {threads} threads", ratio, verdict(ratio.median, least)
    if case is WITH_OPTIMIZERS:
        for name, rate in LEARNING_RATES.items():
            keeping = replace(task, optimizer=name, learning_rate=rate)
            ratio = _ratio(_engine(keeping, 1), _engine(task, 1), effort)
            yield f"time, {name}", ratio, verdict(ratio.median, MOST_COST, at_most=True)
    for threads in sorted({1, count_processors()}):
        seconds = _ratio((threads, (Matmul, task.dtype)), _engine(task, threads), effort)
        # Only the step's matrix products count as work, but its time includes everything else.
        share = seconds.times(task.flops() / Matmul.flops)
        least = case.peak.get((task.dtype, threads))
        yield f"share of the peak, {threads} threads", share, verdict(share.median, least)


def _engine(task: Task, threads: int | str) -> Contender:
    return threads, (ROSTER[CHAMPION].make, task, threads)


def _ratio(one: Contender, other: Contender, effort: Effort) -> Ratio:
    """Return the time of one contender over that of another, each in a worker of its own."""
    with (
        Worker("one", thread_environment(one[0])) as a,
        Worker("other", thread_environment(other[0])) as b,
    ):
        a.make(*one[1])
        b.make(*other[1])
        arms = a.arm("train"), b.arm("train")
        quads, block_seconds = effort.quads, effort.block_seconds
        return compare_arms(*arms, quads=quads, block_seconds=block_seconds).ratio
