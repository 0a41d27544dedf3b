"""How far our figures may be from published ones, fixed before the first run."""

from __future__ import annotations

import math

Band = tuple[float, float]

IMAGES = 10_000
# For two experiments the book prints two runs: 95.49 and 95.33 %, 96.48 and 96.53 % (ch. 3, 5).
# Their standard deviations |a - b| / sqrt(2) are 0.113 and 0.035, that is 2.5 and 1.0 % of the
# share of wrong answers. The larger one serves as the spread over seeds.
SPREAD_OF_ERRORS = 0.025
SIGMAS = 3
RULE = (
    "three standard deviations of the difference between one published run and the mean of ours, "
    "sqrt((p (1 - p) / 10,000 + (0.025 (1 - p))^2) (1 + 1 / runs)): the binomial error of a share "
    "p of 10,000 images, and the spread over seeds, 2.5 % of the wrong answers, the larger of the "
    "two values that follow from experiments printed twice in the book (95.49 and 95.33 %, 96.48 "
    "and 96.53 %)"
)


def band(published: float, runs: int) -> Band:
    """Return the band around a published percentage for the mean of some runs; see `RULE`.

    Examples
    --------
    >>> low, high = band(96.49, runs=3)     # plus or minus 0.71
    >>> round(low, 2), round(high, 2)
    (95.78, 97.2)
    """
    wrong = 1 - published / 100
    variance = (1 - wrong) * wrong / IMAGES + (SPREAD_OF_ERRORS * wrong) ** 2
    half = 100 * SIGMAS * math.sqrt(variance * (1 + 1 / runs))
    return max(0.0, published - half), min(100.0, published + half)
