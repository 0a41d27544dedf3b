"""A small grid from end to end, with workers."""

from dataclasses import replace

import numpy as np
import pytest
from bench.fakes import Wrong

from bpmatrix.bench import surveying
from bpmatrix.bench.contenders import ROSTER
from bpmatrix.bench.surveying import GRIDS, PEERS, Grid
from bpmatrix.bench.task import TrainingData

GRID = Grid("default", (5, 10), (4,), ("float64",), (10,), 0.001, 0.0)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    rng = np.random.default_rng(0)
    X, labels = rng.integers(17, size=(23, 6), dtype=np.uint8).T, np.arange(23) % 10
    samples = TrainingData(X, 1 / 16, labels, "noise")
    monkeypatch.setattr(surveying, "real_data", lambda: samples)
    monkeypatch.setattr(surveying, "LEAST_SECONDS", 1e-9)  # the least number of rounds
    monkeypatch.setattr(surveying, "find_spec", lambda name: None)
    monkeypatch.setattr(surveying, "describe_machine", lambda: {"load before the run": "0.01"})


def test_a_survey_from_end_to_end():
    told = []
    found = surveying.survey(GRID, lambda part, line: told.append((part, line)))

    assert [point.mini_batch_size for point in found.points] == [5, 10]
    for point in found.points:
        names = [figure.name for figure in point.figures]
        assert names == ["bpmatrix", "loop", "numpy", "bpmatrix float32"]
        assert {len(figure.log_ratios) for figure in point.figures[1:]} == {4}
        assert all(figure.threads >= 1 for figure in point.figures)
        assert point.sizes == (6, 4, 10)
    assert found.data == "noise"
    assert found.notes == tuple(f"{name}: not installed" for name in ("jax", "pytorch", "sklearn"))
    parts = [part for part, _ in told]
    assert parts == sorted(parts)
    assert 0 < parts[0] < parts[-1] <= 1
    assert told[0][1] == "mini-batch 5, width 4, float64: computing the expected cost"


def test_a_busy_machine_is_noted():
    assert surveying._busy({"load before the run": "0.01"}) == surveying._busy({}) == []
    (note,) = surveying._busy({"load before the run": "1000.00"})
    assert "load 1000.00" in note


def test_a_wrong_result_leaves_a_point_empty_and_a_note(monkeypatch):
    monkeypatch.setitem(ROSTER, "bpmatrix", replace(ROSTER["bpmatrix"], make=Wrong))
    grid = replace(GRID, mini_batch_sizes=(5,), peers_at=())
    found = surveying.survey(grid, lambda part, line: None)

    assert found.points[0].figures == ()
    assert any("bpmatrix: excluded, its cost is" in note for note in found.notes)
    assert found.notes[0] == "jax, pytorch, sklearn: left out of a default run"


MNIST, DIGITS = 784, 64


def spots(grid, n_inputs=MNIST, peers=PEERS):
    return {(s.mini_batch_size, s.width, s.dtype): s for s in GRIDS[grid].spots(n_inputs, peers)}


def test_the_default_run_has_the_headline():
    found = spots("default")

    assert sorted(m for m, _, _ in found) == [1, 10, 32, 100, 1000]
    for spot in found.values():
        assert {"loop", "numpy", "bpmatrix float32"} <= set(spot.names)
    assert set(PEERS) <= set(found[10, 30, "float64"].names)


def test_the_full_run_is_the_grid():
    found = spots("full")

    assert len(found) == 5 * 5 * 2
    assert {m for m, _, _ in found} == {1, 10, 32, 128, 1024}
    assert {width for _, width, _ in found} == {10, 30, 100, 512, 2048}
    assert all(set(PEERS) <= set(spot.names) for spot in found.values())


def test_the_loop_takes_part_if_it_is_not_too_slow():
    found = spots("full")

    assert "loop" in found[1024, 30, "float64"].names
    assert "loop" not in found[1024, 2048, "float64"].names
    assert "loop" in found[1, 2048, "float64"].names


def test_only_installed_peers_take_part():
    assert "jax" not in spots("default", peers=("pytorch",))[10, 30, "float64"].names


@pytest.mark.parametrize(("grid", "limit"), [("quick", 15), ("default", 60)])
def test_the_limits_leave_time_for_the_last_round(grid, limit):
    assert GRIDS[grid].seconds <= 0.8 * limit


@pytest.mark.parametrize("grid", GRIDS)
def test_the_digits_are_enough_for_every_mini_batch(grid):
    assert max(GRIDS[grid].mini_batch_sizes) <= 1200
    assert all("numpy" in spot.names for spot in spots(grid, DIGITS).values())
