"""A small plan from end to end, with workers."""

from dataclasses import replace

import numpy as np
import pytest
from bench.fakes import Wrong

from bpmatrix.bench import surveying
from bpmatrix.bench.planning import Plan
from bpmatrix.bench.samples import Samples

PLAN = Plan("default", (5, 10), (4,), ("float64",), (10,), 0.001, 0.0)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    rng = np.random.default_rng(0)
    X, labels = rng.integers(17, size=(23, 6), dtype=np.uint8).T, np.arange(23) % 10
    samples = Samples(X, 1 / 16, labels, "noise")
    monkeypatch.setattr(surveying, "real_samples", lambda: samples)
    monkeypatch.setattr(surveying, "LEAST_SECONDS", 1e-9)  # the least number of rounds
    monkeypatch.setattr(surveying, "find_spec", lambda name: None)
    monkeypatch.setattr(surveying, "describe_machine", lambda: {"load before the run": "0.01"})


def test_a_survey_from_end_to_end():
    told = []
    found = surveying.survey(PLAN, lambda part, line: told.append((part, line)))

    assert [point.mini_batch_size for point in found.points] == [5, 10]
    for point in found.points:
        names = [figure.name for figure in point.figures]
        assert names == ["bpmatrix", "loop", "numpy", "bpmatrix float32"]
        assert {len(figure.log_ratios) for figure in point.figures[1:]} == {4}
        assert all(figure.threads >= 1 for figure in point.figures)
        assert point.sizes == (6, 4, 10)
        assert point.peak is None
    assert found.data == "noise"
    assert found.notes == tuple(
        f"{name}: skipped, it is not installed" for name in ("jax", "pytorch", "sklearn")
    )
    parts = [part for part, _ in told]
    assert parts == sorted(parts)
    assert 0 < parts[0] < parts[-1] <= 1
    assert told[0][1] == "mini-batch 5, width 4, float64: judges"


def test_a_busy_machine_is_noted():
    assert surveying._busy({"load before the run": "0.01"}) == surveying._busy({}) == []
    (note,) = surveying._busy({"load before the run": "1000.00"})
    assert "load 1000.00" in note


def test_the_share_of_the_peak_is_measured_where_the_plan_says_so(monkeypatch):
    monkeypatch.setattr(surveying, "QUADS_FOR_THE_PEAK", 1)
    plan = replace(PLAN, mini_batch_sizes=(5,), peak=True)
    (point,) = surveying.survey(plan, lambda part, line: None).points

    assert 0 < point.peak.median < 1


def test_a_wrong_answer_leaves_a_point_empty_and_says_so(monkeypatch):
    family = replace(surveying.CONTENDERS["bpmatrix"], make=Wrong)
    monkeypatch.setitem(surveying.CONTENDERS, "bpmatrix", family)
    plan = replace(PLAN, mini_batch_sizes=(5,), peers_at=())
    found = surveying.survey(plan, lambda part, line: None)

    assert found.points[0].figures == ()
    assert any("bpmatrix: void, its cost is" in note for note in found.notes)
    assert found.notes[0] == "jax, pytorch, sklearn: left out of a default run"
