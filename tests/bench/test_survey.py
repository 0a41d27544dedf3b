"""Ratios between any two contenders, each of which was timed against bpmatrix."""

import pytest
from bench.surveys import point, survey


@pytest.mark.parametrize(
    ("name", "over", "expected"),
    [
        ("bpmatrix", "loop", 30),
        ("numpy", "loop", 6),
        ("bpmatrix float32", "loop", 37.5),
        ("bpmatrix", "jax", 2),
        ("loop", "bpmatrix", 1 / 30),
        ("loop", "loop", 1),
    ],
)
def test_the_gain_of_one_over_another(name, over, expected):
    gain = point().gain(name, over)

    assert (gain.low, gain.median, gain.high) == pytest.approx((expected,) * 3)


def test_noise_makes_an_interval():
    gain = point(noise=0.1).gain("numpy", "loop")

    assert gain.low < gain.median < gain.high
    assert gain.low < 6 < gain.high


def test_who_did_not_take_part_has_no_gain():
    here = point(names=["bpmatrix", "loop"])

    assert here.gain("jax", "loop") is here.gain("bpmatrix", "jax") is None
    assert here.seconds_per_sample("jax") is None


def test_bpmatrix_alone_has_no_gain():
    assert point(names=["bpmatrix"]).gain("bpmatrix", "bpmatrix") is None


def test_time_per_sample():
    assert point(m=100).seconds_per_sample("numpy") == pytest.approx(50e-6)


def test_the_headline_is_that_of_the_books_network():
    wanted = point(10, 30)

    assert survey(point(1), point(10, 100), point(10, dtype="float32"), wanted).headline is wanted
    assert survey(point(1), point(10, names=["bpmatrix"])).headline is None


def test_contenders_are_named_once():
    found = survey(point(1, names=["bpmatrix", "loop"]), point(10, names=["bpmatrix", "jax"]))

    assert found.contenders == ["bpmatrix", "loop", "jax"]
