"""The median of paired ratios and its confidence interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bpmatrix.array_types import Floats

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of two times with its confidence interval.

    Attributes
    ----------
    median : float
        The median over all pairs.
    low, high : float
        The ends of the interval.
    """

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return three digits each: ``2.41 [2.38, 2.45]``."""
        return f"{self.median:.3g} [{self.low:.3g}, {self.high:.3g}]"

    def times(self, factor: float) -> Ratio:
        """Return the ratio and its interval times a factor.

        Examples
        --------
        >>> print(Ratio(2.0, 1.5, 2.5).times(10.0))
        20 [15, 25]
        """
        return Ratio(factor * self.median, factor * self.low, factor * self.high)


def median_ratio(log_ratios: ArrayLike, *, confidence: float = 0.95, seed: int = 0) -> Ratio:
    """Return the median ratio of some pairs and its bootstrap interval.

    The noise of neighboring pairs is correlated. The bootstrap therefore draws blocks of neighbors,
    in the order of measurement (the circular block bootstrap of Politis and Romano, 1992); the
    block length is about the cube root of the number of pairs.

    With few pairs the interval is a little too narrow. In simulations with 20 to 100 pairs and
    outliers, 95 % intervals covered the true median in 91 to 94 % of the runs with independent
    pairs, and in 85 to 88 % of the runs with noise of autocorrelation 0.5.

    Parameters
    ----------
    log_ratios : (k,) array_like
        The logarithm of the ratio of each pair, in the order of measurement.
    confidence : float, default 0.95
        The confidence level of the interval.
    seed : int, default 0
        Seed of the resampling: equal arguments give equal intervals.

    Raises
    ------
    ValueError
        If there are no pairs, or a ratio is not finite.

    Examples
    --------
    >>> print(median_ratio(np.log([2.0, 2.1, 1.9, 2.0, 2.0, 2.2, 1.8, 2.0])))
    2 [1.95, 2.05]
    """
    logs = np.asarray(log_ratios, np.float64)
    if logs.ndim != 1 or logs.size == 0 or not np.isfinite(logs).all():
        raise ValueError(f"log_ratios of shape {logs.shape}: expected one finite number per pair")
    run = max(1, round(np.cbrt(logs.size)))
    medians = resampled_medians(logs, np.random.default_rng(seed), run)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(medians, [tail, 1.0 - tail])
    return Ratio(*(float(np.exp(value)) for value in (np.median(logs), low, high)))


def resampled_medians(logs: Floats, rng: np.random.Generator, run: int) -> Floats:
    """Return medians (RESAMPLES,) of resamples by circular blocks of `run` neighbors."""
    starts = rng.integers(logs.size, size=(RESAMPLES, -(-logs.size // run), 1))
    picked = (starts + np.arange(run)).reshape(RESAMPLES, -1)[:, : logs.size] % logs.size
    medians: Floats = np.median(logs[picked], axis=1)
    return medians
