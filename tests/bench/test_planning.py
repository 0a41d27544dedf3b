"""What is measured where."""

import pytest

from bpmatrix.bench.planning import PEERS, PLANS

MNIST, DIGITS = 784, 64


def spots(plan, n_inputs=MNIST, peers=PEERS):
    return {(s.mini_batch_size, s.width, s.dtype): s for s in PLANS[plan].spots(n_inputs, peers)}


def test_the_default_run_answers_the_first_question():
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
    assert PLANS["full"].peak


def test_the_loop_takes_part_where_it_ends_in_time():
    found = spots("full")

    assert "loop" in found[1024, 30, "float64"].names
    assert "loop" not in found[1024, 2048, "float64"].names
    assert "loop" in found[1, 2048, "float64"].names


def test_only_what_is_installed_takes_part():
    assert "jax" not in spots("default", peers=("pytorch",))[10, 30, "float64"].names


@pytest.mark.parametrize(("plan", "limit"), [("quick", 15), ("default", 60)])
def test_the_limits_leave_room_for_the_last_round(plan, limit):
    assert PLANS[plan].seconds <= 0.8 * limit


@pytest.mark.parametrize("plan", PLANS)
def test_the_digits_are_enough_for_every_mini_batch(plan):
    assert max(PLANS[plan].mini_batch_sizes) <= 1200
    assert all("numpy" in spot.names for spot in spots(plan, DIGITS).values())
