import numpy as np
import pytest

from bpmatrix.bench.statistics import Ratio, median_ratio


def noise(rng, size):
    """Noise of a shared machine: correlated, with outliers on both sides."""
    steps = 0.05 * rng.standard_normal(size)
    correlated = steps + 0.5 * np.roll(steps, 1)
    return correlated + np.where(rng.random(size) < 0.1, rng.standard_normal(size), 0)


@pytest.mark.parametrize("quads", [20, 60])
def test_coverage_of_the_interval(quads):
    covered = 0
    for seed in range(300):
        ratio = median_ratio(np.log(2.5) + noise(np.random.default_rng(seed), quads), seed=seed)
        covered += ratio.low <= 2.5 <= ratio.high

    assert 0.87 < covered / 300 <= 1


def test_more_pairs_make_the_interval_narrower():
    widths = []
    for quads in (10, 4000):
        ratio = median_ratio(noise(np.random.default_rng(1), quads))
        widths.append(ratio.high - ratio.low)

    assert widths[1] < widths[0] / 3


def test_the_same_seed_gives_the_same_interval():
    logs = noise(np.random.default_rng(2), 30)

    assert median_ratio(logs, seed=5) == median_ratio(logs, seed=5)
    assert median_ratio(logs, seed=5) != median_ratio(logs, seed=6)


def test_an_interval_contains_its_median_and_widens_with_confidence():
    logs = noise(np.random.default_rng(3), 40)
    narrow, wide = median_ratio(logs, confidence=0.5), median_ratio(logs, confidence=0.99)

    assert wide.low < narrow.low <= narrow.median <= narrow.high < wide.high


def test_one_outlier_changes_nothing():
    logs = np.zeros(31)
    logs[7] = 10

    assert median_ratio(logs).median == 1


def test_a_single_pair_is_its_own_interval():
    assert median_ratio([0.0]) == Ratio(1, 1, 1)


@pytest.mark.parametrize("logs", [[], [np.nan], [0.0, np.inf], [[0.0]]])
def test_invalid_pairs(logs):
    with pytest.raises(ValueError, match="one finite number per pair"):
        median_ratio(logs)
