"""A run: the ratios of the times of two new processes, base and head, in quads A B B A."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from benchmarks.gate.cases import GateCase
from benchmarks.gate.versions import Version
from bpmatrix.bench.comparing import calibrate, measure_pairs


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
    """

    runs: int = 3
    more_runs: int = 4
    quads: int = 60
    block_seconds: float = 0.004


@dataclass(frozen=True, slots=True)
class Match:
    """The cases of base and head, which are the same except in tests of the gate."""

    name: str
    base: GateCase
    head: GateCase

    @classmethod
    def of(cls, case: GateCase) -> Match:
        """Return the match of a case with itself."""
        return cls(case.name, case, case)


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
            arms[1](calls)
            pairs = measure_pairs(*arms, (calls, calls), repeats.quads, rng)
            sign = -1 if swapped else 1
            result.logs[match.name] = [sign * log for log in pairs.log_ratios]
            seconds = float(np.median(pairs.seconds_a)), float(np.median(pairs.seconds_b))
            result.seconds[match.name] = seconds if swapped else seconds[::-1]
        result.compilations = {
            name: worker.call("compilations_inside") for name, worker in workers.items()
        }
    return result
