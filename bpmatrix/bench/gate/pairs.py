"""A run: the ratios of the times of two new processes, base and head, in quads A B B A."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from bpmatrix.bench.comparing import calibrate, measure_pairs
from bpmatrix.bench.workers import Worker

FEWEST_QUADS = 6


class Version(Protocol):
    """A version of the measured code: "base" or "head"."""

    @property
    def name(self) -> str:
        """Its name in reports."""

    def start(self) -> Worker:
        """Return a new process whose contender prepares and runs benchmarks of this version."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """How long to measure.

    Attributes
    ----------
    runs, more_runs : int
        Pairs of new processes in the first stage, and in the second for flagged cases.
    quads : int
        Ratios for each case in a run.
    block_seconds : float
        The least time of a block.
    run_seconds : float
        About the longest time of a benchmark in a run; a slow one gets fewer quads.
    """

    runs: int = 3
    more_runs: int = 4
    quads: int = 60
    block_seconds: float = 0.004
    run_seconds: float = 15.0

    def quads_of(self, block: float) -> int:
        """Return the number of quads, if a block takes this many seconds."""
        affordable = int(self.run_seconds / (4 * max(block, 1e-9)))
        return min(self.quads, max(affordable, FEWEST_QUADS))


@dataclass(frozen=True, slots=True)
class Match:
    """A benchmark of base and head.

    Attributes
    ----------
    name : str
        Its name in reports.
    base, head : object
        What the worker of each version prepares; the same except in tests of the gate.
    threads : int
        With more than one, the result is information without a verdict, since other programs of
        the machine delay the threads.
    """

    name: str
    base: object
    head: object
    threads: int = 1


@dataclass
class RunResult:
    """The result of a run: log-ratios head / base and seconds by match, and compilations."""

    logs: dict[str, list[float]] = field(default_factory=dict)
    compilations: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, tuple[float, float]] = field(default_factory=dict)


def measure_run(
    base: Version, head: Version, matches: Sequence[Match], repeats: Repeats, run: int
) -> RunResult:
    """Measure every match in two new processes, one at a time.

    Successive runs swap which process starts first, which affects its place in memory, which
    prepares first, and which is A.

    Raises
    ------
    WorkerError
        If a process fails.
    """
    result, swapped = RunResult(), run % 2 == 1
    rng = np.random.default_rng(run)
    with ExitStack() as stack:
        order = (base, head) if swapped else (head, base)
        workers = {version.name: stack.enter_context(version.start()) for version in order}
        for match in matches:
            cases = {base.name: match.base, head.name: match.head}
            arms = []
            for version in order:
                workers[version.name].call("prepare", match.name, cases[version.name])
                arms.append(workers[version.name].arm("run", match.name))
            # Equal numbers of calls per block, since the first calls after a sleep are slow.
            calls = calibrate(arms[0], repeats.block_seconds)
            quads = repeats.quads_of(arms[1](calls))
            pairs = measure_pairs(arms[0], arms[1], (calls, calls), quads, rng)
            sign = -1 if swapped else 1
            result.logs[match.name] = [sign * log for log in pairs.log_ratios]
            seconds = float(np.median(pairs.seconds_a)), float(np.median(pairs.seconds_b))
            result.seconds[match.name] = seconds if swapped else seconds[::-1]
        result.compilations = {
            name: worker.call("compilations_inside") for name, worker in workers.items()
        }
    return result
