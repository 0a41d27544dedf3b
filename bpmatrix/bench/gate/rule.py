"""The decision whether head is slower than base, from the measured ratios.

With processes pinned to one processor and three runs, a limit of 3 % flagged 0.2 % of the runs with
equal code and all runs that were 7 % slower (`self_test` repeats this measurement). New runs must
confirm a flag.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bpmatrix.bench.gate.verdicts import Word
from bpmatrix.bench.statistics import RESAMPLES, resampled_medians

# The log-ratios head / base of each quad, by run.
Runs = Sequence[Sequence[float]]

LIMIT = float(np.log(1.03))
WIDEST = float(np.log(1.03))
CONFIDENCE = 0.99
NEIGHBORS = 10


@dataclass(frozen=True, slots=True)
class Estimate:
    """A log-ratio head / base with its interval: above 0, head is slower."""

    median: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval is narrow enough for a verdict."""
        return (self.high - self.low) / 2 <= WIDEST

    def __str__(self) -> str:
        slower, low, high = (100 * np.expm1(x) for x in (self.median, self.low, self.high))
        return f"{slower:+.1f} % [{low:+.1f}, {high:+.1f}]"


def estimate(runs: Runs, seed: int = 0) -> Estimate:
    """Return the median over runs of each run's median, with a bootstrap interval of 99 %.

    The bootstrap has two levels, since processes differ as well as quads: it draws runs, and in
    each drawn run blocks of up to ten neighboring quads.
    """
    logs = [np.asarray(run, np.float64) for run in runs]
    rng, k = np.random.default_rng(seed), len(logs)
    inner = np.stack(
        [resampled_medians(run, rng, max(1, min(NEIGHBORS, run.size // 6))) for run in logs]
    )
    runs_drawn = rng.integers(k, size=(RESAMPLES, k))
    medians = inner[runs_drawn, rng.integers(RESAMPLES, size=(RESAMPLES, k))]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.median(medians, axis=1), [tail, 1 - tail])
    return Estimate(float(np.median([np.median(run) for run in logs])), float(low), float(high))


def is_flagged(first: Runs) -> bool:
    """Return whether a second stage is needed: slower than the limit, or unclear."""
    found = estimate(first)
    return found.median > LIMIT or not found.is_clear


def decide(first: Runs, second: Runs = ()) -> tuple[Word, Estimate, str]:
    """Return the verdict on a case, the estimate from all runs, and the reason in words.

    It is a regression if the median of the second stage exceeds the limit and the interval of all
    runs is above 0.
    """
    found = estimate([*first, *second])
    if second and (again := estimate(second)).median > LIMIT and found.low > 0:
        return Word.REGRESSION, found, f"head takes {found}, confirmed by new runs: {again}"
    if not found.is_clear:
        return Word.INCONCLUSIVE, found, f"head takes {found}: too much noise for a verdict"
    note = ", flagged, but not confirmed by new runs" if second else ""
    return Word.PASS, found, f"head takes {found}{note}"
