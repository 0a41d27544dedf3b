"""Paired timing: blocks of calls, in the order A B B A.

Seconds differ from day to day and from one minute to the next; the ratio of two times that were
measured within a moment does not. In A B B A a drift that is even in time cancels, and a random
start takes from each side the advantage of a place.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Arm", "Pairs", "calibrate", "in_process", "measure_quad"]

# Runs so many calls and returns the seconds that they took.
Arm = Callable[[int], float]
Clock = Callable[[], float]

MOST_CALLS = 1 << 24
LARGEST_STEP = 32.0


@dataclass
class Pairs:
    """What was measured of two arms, one entry for each quad A B B A.

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
        """Enter a quad: seconds per call of both blocks of either arm."""
        self.seconds_a.append((a[0] + a[1]) / 2)
        self.seconds_b.append((b[0] + b[1]) / 2)
        self.log_ratios.append(float(np.log(a[0] * a[1] / (b[0] * b[1])) / 2))


def in_process(function: Callable[[], object], clock: Clock = time.perf_counter) -> Arm:
    """Return the arm that calls a function of this process."""

    def run(calls: int) -> float:
        with _no_collection():
            start = clock()
            for _ in range(calls):
                function()
            return clock() - start

    return run


def calibrate(arm: Arm, seconds: float) -> int:
    """Return how many calls make a block of about so many seconds: a power of two.

    Each number is run twice and the second time counts: the first may compile for it.
    """
    calls = 1
    while True:
        arm(calls)
        took = arm(calls)
        factor = min(seconds / max(took, 1e-9), LARGEST_STEP)
        if factor < 2 or calls >= MOST_CALLS:
            return calls
        calls *= 2 ** int(np.log2(factor))


def measure_quad(a: Arm, b: Arm, calls: tuple[int, int], pairs: Pairs, *, a_first: bool) -> None:
    """Run A B B A, or B A A B, and enter the result."""
    n_a, n_b = calls
    if a_first:
        a_1, b_1, b_2, a_2 = a(n_a), b(n_b), b(n_b), a(n_a)
    else:
        b_1, a_1, a_2, b_2 = b(n_b), a(n_a), a(n_a), b(n_b)
    pairs.add((a_1 / n_a, a_2 / n_a), (b_1 / n_b, b_2 / n_b))


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector off: it strikes where it will, not where garbage was made."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
