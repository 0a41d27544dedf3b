"""Ratios of contenders that were timed against bpmatrix; the JSON file."""

import json

import pytest
from bench.surveys import default_survey, full_survey, point, survey

from bpmatrix.bench.survey import from_json, to_json
from bpmatrix.errors import DataFileError


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


def test_absent_contenders_have_no_gain():
    here = point(names=["bpmatrix", "loop"])

    assert here.gain("jax", "loop") is here.gain("bpmatrix", "jax") is None
    assert here.figure("jax") is None


def test_bpmatrix_alone_has_no_gain():
    assert point(names=["bpmatrix"]).gain("bpmatrix", "bpmatrix") is None


def test_the_headline_is_that_of_the_books_network():
    wanted = point(10, 30)

    assert survey(point(1), point(10, 100), point(10, dtype="float32"), wanted).headline is wanted
    assert survey(point(1), point(10, names=["bpmatrix"])).headline is None


def test_contenders_are_named_once():
    found = survey(point(1, names=["bpmatrix", "loop"]), point(10, names=["bpmatrix", "jax"]))

    assert found.contenders == ["bpmatrix", "loop", "jax"]


@pytest.mark.parametrize("made", [default_survey(), full_survey()], ids=["default", "full"])
def test_round_trip(made):
    text = to_json(made)

    assert from_json(text, "file") == made
    assert to_json(from_json(text, "file")) == text


def changed(change):
    content = json.loads(to_json(default_survey()))
    change(content)
    return json.dumps(content)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"points": []}',
        changed(lambda content: content.pop("machine")),
        changed(lambda content: content.update(schema=1)),
        changed(lambda content: content.update(points=[])),
        changed(lambda content: content["points"][0].update(figures=[None])),
        changed(lambda content: content["points"][0].update(sizes=[784, 10])),
        changed(lambda content: content["points"][0]["figures"][0].update(times=[])),
        changed(lambda content: content["points"][0]["figures"][1].update(times=[-1.0])),
        changed(lambda content: content["points"][0]["figures"][1].update(log_ratios=[1.0])),
        changed(lambda content: content["points"][0]["figures"][1].update(log_ratios=[None])),
        to_json(default_survey())[:-9],
        changed(lambda content: content["points"][0].update(sizes=[10**9, 30, 1])).replace(
            "1000000000", "1e999"
        ),
        "[" * 100_000,
    ],
)
def test_other_files_are_rejected(text):
    with pytest.raises(DataFileError, match=r"file\.json cannot be read as a benchmark"):
        from_json(text, "file.json")
