"""Least speed-ups over the loop, to catch a large slowdown without a base, on any machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

from benchmarks.cases import find_case
from benchmarks.gate.versions import Version
from bpmatrix.bench.comparing import compare_arms
from bpmatrix.bench.contenders import ROSTER
from bpmatrix.bench.gate.verdicts import Verdict, Word
from bpmatrix.bench.gate.versus import pinned
from bpmatrix.bench.statistics import Ratio
from bpmatrix.bench.workers import Worker, WorkerError

# The least speed-ups: half of those on the slowest of three machines. They differ by 10 % between
# processes, by more between machines, and a busy neighbor on the same host can take 40 % off one.
FLOORS = {
    ("numpy", "784-30-10/10", "float64"): 2.6,
    ("bpmatrix", "784-30-10/10", "float64"): 10.0,
    ("bpmatrix", "784-30-10/10", "float32"): 15.0,
    ("bpmatrix", "784-100-10/32", "float64"): 19.0,
}
N_SAMPLES = 1000
QUADS, BLOCK_SECONDS = 12, 0.02
MEASUREMENTS = 3


def floors(head: Version, tell: Callable[[str], object]) -> list[Verdict]:
    """Return a verdict on each speed-up of a version."""
    verdicts = []
    with pinned():
        for key, least in FLOORS.items():
            contender, case, dtype = key
            name = f"loop / {contender}, {case} {dtype}"
            tell(name)
            verdicts.append(judge_floor(name, least, lambda key=key: speed_up(head, *key)))
    return verdicts


def judge_floor(name: str, least: float, measure: Callable[[], Ratio]) -> Verdict:
    """Return the verdict on the best of up to three measurements.

    It is a regression if the whole interval lies below the floor.
    """
    try:
        best = measure()
        for _ in range(MEASUREMENTS - 1):
            if best.median < least:
                best = max(best, measure(), key=lambda ratio: ratio.median)
    except WorkerError as error:
        return Verdict("floor", name, Word.MISSING, str(error))
    if best.median >= least:
        word = Word.PASS
    else:
        word = Word.REGRESSION if best.high < least else Word.INCONCLUSIVE
    why = f"{best} times as fast as the loop, at least {least:g} expected"
    return Verdict("floor", name, word, why, {"speed_up": asdict(best), "floor": least})


def speed_up(head: Version, contender: str, case_name: str, dtype: str) -> Ratio:
    """Return the speed-up over the loop of a contender that trains on some of the samples."""
    task = find_case(case_name).task(dtype)
    task = replace(task, X=task.X[:, :N_SAMPLES], targets=task.targets[:N_SAMPLES])
    environment = head.environment()
    with (
        Worker("loop", environment, package=head.folder) as loop,
        Worker(contender, environment, package=head.folder) as other,
    ):
        loop.make(ROSTER["loop"].make, task, 1)
        other.make(ROSTER[contender].make, task, 1)
        return compare_arms(
            loop.arm("train"), other.arm("train"), quads=QUADS, block_seconds=BLOCK_SECONDS
        ).ratio
