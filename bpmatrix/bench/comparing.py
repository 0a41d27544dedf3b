"""The ratio of the times of two functions, from blocks of calls in the order A B B A.

Times differ from day to day and from minute to minute; the ratio of two times measured within a
moment does not. In A B B A a linear drift cancels, and whether A or B comes first is random.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bpmatrix.bench.statistics import Ratio, median_ratio

# Runs this many calls and returns the seconds that they took.
Arm = Callable[[int], float]
Clock = Callable[[], float]

MOST_CALLS = 1 << 24
LARGEST_STEP = 32.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of `compare`.

    Attributes
    ----------
    ratio : Ratio
        How many times as long f takes as g: above 1, g is faster.
    f, g : float
        Median seconds per call, which hold for this run only, unlike the ratio.
    log_ratios : tuple of float
        The logarithm of the ratio in each quad.
    """

    ratio: Ratio
    f: float
    g: float
    log_ratios: tuple[float, ...]


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
    """Compare the times of two functions in this process.

    Each is called in blocks of about `block_seconds`, in quads f g g f or g f f g at random. All
    times of a quad are measured within a moment, so the noise of the machine cancels in its ratio;
    the result is the median over all quads.

    Both are called some times before the timing, to compile and to find the block length. Their
    results are not compared: check first that they agree.

    Parameters
    ----------
    f, g : callable without arguments
        The functions to compare.
    quads : int, default 40
        The number of ratios. A comparison takes about ``4 * quads * block_seconds``.
    block_seconds : float, default 0.005
        The length of a block; a longer single call is a block.
    confidence : float, default 0.95
        The confidence level of the interval.
    seed : int, default 0
        Seed of the order of the quads and of the bootstrap.
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
    """Compare two arms, which measure their own calls, like `compare`."""
    if quads < 1:
        raise ValueError(f"quads={quads}: expected at least 1")
    calls = calibrate(a, block_seconds), calibrate(b, block_seconds)
    pairs = measure_pairs(a, b, calls, quads, np.random.default_rng(seed))
    return Comparison(
        median_ratio(pairs.log_ratios, confidence=confidence, seed=seed),
        float(np.median(pairs.seconds_a)),
        float(np.median(pairs.seconds_b)),
        tuple(pairs.log_ratios),
    )


@dataclass
class Pairs:
    """The measurements of two arms, one entry per quad A B B A.

    Attributes
    ----------
    seconds_a, seconds_b : list of float
        Seconds per call, the mean of the two blocks of the quad.
    log_ratios : list of float
        The mean of log(a / b) over the two pairs of the quad.
    """

    seconds_a: list[float] = field(default_factory=list)
    seconds_b: list[float] = field(default_factory=list)
    log_ratios: list[float] = field(default_factory=list)

    def add(self, a: tuple[float, float], b: tuple[float, float]) -> None:
        """Add a quad: seconds per call of both blocks of each arm."""
        self.seconds_a.append((a[0] + a[1]) / 2)
        self.seconds_b.append((b[0] + b[1]) / 2)
        self.log_ratios.append(float(np.log(a[0] * a[1] / (b[0] * b[1])) / 2))


def in_process(function: Callable[[], object], clock: Clock = time.perf_counter) -> Arm:
    """Return the arm that calls a function of this process."""

    def run(calls: int) -> float:
        enabled = gc.isenabled()
        gc.disable()  # it may hit one arm for the garbage of the other
        try:
            start = clock()
            for _ in range(calls):
                function()
            return clock() - start
        finally:
            if enabled:
                gc.enable()

    return run


def calibrate(arm: Arm, seconds: float) -> int:
    """Return the number of calls in a block of about this many seconds: a power of two.

    Each number is run twice and timed the second time, since the first run may compile.
    """
    calls = 1
    while True:
        arm(calls)
        took = arm(calls)
        factor = min(seconds / max(took, 1e-9), LARGEST_STEP)
        if factor < 2 or calls >= MOST_CALLS:
            return calls
        calls *= 2 ** int(np.log2(factor))


def measure_pairs(
    a: Arm, b: Arm, calls: tuple[int, int], quads: int, rng: np.random.Generator
) -> Pairs:
    """Measure this many quads of two arms, each in a random order."""
    pairs = Pairs()
    for a_first in rng.random(quads) < 0.5:
        measure_quad(a, b, calls, pairs, a_first=bool(a_first))
    return pairs


def measure_quad(a: Arm, b: Arm, calls: tuple[int, int], pairs: Pairs, *, a_first: bool) -> None:
    """Run A B B A or B A A B, and add the result to `pairs`."""
    n_a, n_b = calls
    if a_first:
        a_1, b_1, b_2, a_2 = a(n_a), b(n_b), b(n_b), a(n_a)
    else:
        b_1, a_1, a_2, b_2 = b(n_b), a(n_a), a(n_a), b(n_b)
    pairs.add((a_1 / n_a, a_2 / n_a), (b_1 / n_b, b_2 / n_b))
