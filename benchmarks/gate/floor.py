"""Least speed-ups over the loop, to catch a large slowdown without a base, on any machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

from benchmarks.cases import find_case
from benchmarks.gate.verdicts import Verdict, Word
from benchmarks.gate.versions import Version, pinned
from bpmatrix.bench.comparing import compare_arms
from bpmatrix.bench.contenders import ROSTER
from bpmatrix.bench.statistics import Ratio
from bpmatrix.bench.workers import Worker, WorkerError

# The least speed-ups: 0.6 of those on the slower of two machines. They differ by 10 % between
# processes, and by more between machines.
FLOORS = {
    ("numpy", "784-30-10/10", "float64"): 2.8,
    ("bpmatrix", "784-30-10/10", "float64"): 19.0,
    ("bpmatrix", "784-30-10/10", "float32"): 26.5,
    ("bpmatrix", "784-100-10/32", "float64"): 23.0,
}
N_SAMPLES = 1000
QUADS, BLOCK_SECONDS = 12, 0.02


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
    """Return the verdict on a speed-up, which is measured again if it is below the floor."""
    try:
        best = measure()
        if best.median < least:
            best = max(best, measure(), key=lambda ratio: ratio.median)
    except WorkerError as error:
        return Verdict("floor", name, Word.MISSING, str(error))
    word = Word.PASS if best.median >= least else Word.REGRESSION
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
