"""The speed-up over the loop has a floor: a collapse is caught on any machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks.cases import find_case
from benchmarks.data import Samples
from benchmarks.gate.baseline import Baseline
from benchmarks.gate.verdicts import Verdict, Word
from benchmarks.gate.versions import Version, pinned
from bpmatrix.bench.comparing import compare_arms
from bpmatrix.bench.contenders import ROSTER
from bpmatrix.bench.statistics import Ratio
from bpmatrix.bench.task import Task
from bpmatrix.bench.workers import Worker, WorkerError

__all__ = ["RACES", "SHARE", "Race", "floors", "judge_floor", "measure_race"]

# The ratio of loop and matrix differs by 10 % from process to process and by more between
# machines: less than this share of the accepted one is neither.
SHARE = 0.6
N_SAMPLES = 1000
QUADS, BLOCK_SECONDS = 12, 0.02

Measure = Callable[["Race"], Ratio]


@dataclass(frozen=True, slots=True)
class Race:
    """The loop against a contender in the training of a case."""

    case: str
    contender: str
    dtype: str

    @property
    def name(self) -> str:
        """What the baseline calls it."""
        return f"loop / {self.contender}, {self.case} {self.dtype}"


RACES = (
    Race("784-30-10/10", "numpy", "float64"),
    Race("784-30-10/10", "bpmatrix", "float64"),
    Race("784-30-10/10", "bpmatrix", "float32"),
    Race("784-100-10/32", "bpmatrix", "float64"),
)


def floors(head: Version, baseline: Baseline, tell: Callable[[str], object]) -> list[Verdict]:
    """Return a verdict on each race of a version."""

    def measure(race: Race) -> Ratio:
        tell(race.name)
        return measure_race(head, race)

    with pinned():
        return [judge_floor(race, baseline, measure) for race in RACES]


def judge_floor(race: Race, baseline: Baseline, measure: Measure) -> Verdict:
    """Return the verdict on a race; a first result below the floor has to be repeated to count."""
    accepted = baseline.floors.get(race.name)
    try:
        found = [measure(race)]
        if accepted is not None and found[0].median < SHARE * accepted:
            found.append(measure(race))
    except WorkerError as error:
        return Verdict("floor", race.name, Word.MISSING, str(error))
    best = max(found, key=lambda ratio: ratio.median)
    figures = {"speed_up": asdict(best), "accepted": accepted}
    said = f"{best} times as fast as the loop"
    if accepted is None:
        why = f"{said}; no floor yet: `accept` sets one"
        return Verdict("floor", race.name, Word.NEW, why, figures)
    word = Word.PASS if best.median >= SHARE * accepted else Word.REGRESSION
    why = f"{said}, at least {SHARE * accepted:.3g} expected: {SHARE} of {accepted:.3g}"
    return Verdict("floor", race.name, word, why, figures)


def measure_race(head: Version, race: Race) -> Ratio:
    """Return how many times as long the loop takes, in two new processes."""
    task = _task(race)
    with _worker(head, "loop", task) as loop, _worker(head, race.contender, task) as other:
        return compare_arms(
            loop.arm("train"), other.arm("train"), quads=QUADS, block_seconds=BLOCK_SECONDS
        ).ratio


def _worker(head: Version, name: str, task: Task) -> Worker:
    worker = Worker(name, head.environment(), package=head.folder)
    worker.make(ROSTER[name].make, task, 1)
    return worker


def _task(race: Race) -> Task:
    """Return a small task of the case: what matters is the arithmetic, not the data."""
    case, rng = find_case(race.case), np.random.default_rng(0)
    X = rng.integers(256, size=(N_SAMPLES, case.sizes[0]), dtype=np.uint8).T
    labels = rng.integers(case.sizes[-1], size=N_SAMPLES)
    return case.task(race.dtype, Samples(X, 1 / 255, labels, "random bytes"))
