"""The rule for bands, against examples by hand."""

import pytest

from bpmatrix.reproduction.bands import band


def test_an_accuracy_of_one_half_in_one_run():
    """p = 1/2: binomial 0.5 %, seeds 1.25 %, twice: 3 sqrt(2 (0.25 + 1.5625)) = 3 sqrt(3.625)."""
    low, high = band(50.0, runs=1)

    assert (low, high) == pytest.approx((50 - 3 * 3.625**0.5, 50 + 3 * 3.625**0.5))


def test_more_runs_make_a_band_narrower():
    assert band(96.0, 1)[0] < band(96.0, 3)[0] < band(96.0, 1000)[0] < 96.0


def test_a_band_stays_a_percentage():
    assert band(100.0, 1) == (100.0, 100.0)
    assert band(0.01, 1)[0] == 0.0
