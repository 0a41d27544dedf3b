"""How many times as long one function takes as another."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bpmatrix.bench.statistics import Ratio, median_ratio
from bpmatrix.bench.timing import Arm, Pairs, calibrate, in_process, measure_quad

__all__ = ["Comparison", "compare", "compare_arms"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of `compare`.

    Attributes
    ----------
    ratio : Ratio
        How many times as long f takes as g: above 1, g is faster.
    f, g : float
        Median seconds per call. They hold for this run alone; the ratio is what lasts.
    log_ratios : tuple of float
        The logarithm of the ratio in each quad, as measured.
    """

    ratio: Ratio
    f: float
    g: float
    log_ratios: tuple[float, ...]

    @classmethod
    def of(cls, pairs: Pairs, confidence: float = 0.95, seed: int = 0) -> Comparison:
        """Return what some pairs say."""
        return cls(
            median_ratio(pairs.log_ratios, confidence=confidence, seed=seed),
            float(np.median(pairs.seconds_a)),
            float(np.median(pairs.seconds_b)),
            tuple(pairs.log_ratios),
        )


def compare(
    f: Callable[[], object],
    g: Callable[[], object],
    *,
    quads: int = 40,
    block_seconds: float = 0.005,
    confidence: float = 0.95,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Comparison:
    """Compare the time that two functions take, in this process.

    Each is called in blocks of about `block_seconds`, in quads f g g f or g f f g at random. The
    ratio of a quad compares what was measured within a moment, so that the noise of the machine
    falls out of it; the result is the median over all quads.

    Both are called some times before the clock counts, to compile and to find the block length.
    What they compute is not compared: check first that they give the same answer.

    Parameters
    ----------
    f, g : callable without arguments
        What to compare.
    quads : int, default 40
        How many ratios to take. The time of a comparison is about ``4 * quads * block_seconds``.
    block_seconds : float, default 0.005
        The least time of a block, if a single call is shorter.
    confidence : float, default 0.95
        How often the interval is to cover the true ratio.
    seed : int, default 0
        Drives the order of the quads and the bootstrap.
    clock : callable, default `time.perf_counter`
        Returns seconds.

    Returns
    -------
    Comparison
        ``.ratio`` with ``.median``, ``.low`` and ``.high``; seconds per call as ``.f`` and ``.g``.

    Raises
    ------
    ValueError
        If `quads` is less than 1.

    Examples
    --------
    >>> comparison = compare(lambda: sum(range(20_000)), lambda: sum(range(1_000)), quads=8)
    >>> comparison.ratio.low > 2
    True
    """
    return compare_arms(
        in_process(f, clock),
        in_process(g, clock),
        quads=quads,
        block_seconds=block_seconds,
        confidence=confidence,
        seed=seed,
    )


def compare_arms(
    a: Arm,
    b: Arm,
    *,
    quads: int = 40,
    block_seconds: float = 0.005,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Compare two arms, each of which measures its own calls, as `compare` does."""
    if quads < 1:
        raise ValueError(f"quads={quads}: expected at least 1")
    calls = calibrate(a, block_seconds), calibrate(b, block_seconds)
    pairs = Pairs()
    for a_first in np.random.default_rng(seed).random(quads) < 0.5:
        measure_quad(a, b, calls, pairs, a_first=bool(a_first))
    return Comparison.of(pairs, confidence, seed)
