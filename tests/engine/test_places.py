"""The threads of a run start on different processors."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from bpmatrix.engine import places
from bpmatrix.engine.threads import run_together

linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux lets a thread choose its processor"
)


@pytest.fixture
def moves(monkeypatch):
    """Four processors that may be used; return the calls to the system."""
    asked: list[set[int]] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda thread: {0, 2, 3, 5}, raising=False)
    monkeypatch.setattr(
        os, "sched_setaffinity", lambda thread, allowed: asked.append(set(allowed)), raising=False
    )
    monkeypatch.setattr(sys, "platform", "linux")
    return asked


def on(monkeypatch, number):
    monkeypatch.setattr(places, "current_processor", lambda: number)


@pytest.mark.parametrize(
    ("here", "others", "there"),
    [
        (0, [0], 2),
        (2, [2, 3], 5),
        (5, [5], 0),  # after the last one comes the first
        (3, [2, 3, 5], 0),
    ],
)
def test_a_thread_leaves_the_processor_of_another_for_the_next_free_one(
    monkeypatch, moves, here, others, there
):
    on(monkeypatch, here)
    taken = list(others)
    places.settle(taken)
    assert moves == [{there}, {0, 2, 3, 5}]  # it may be moved on by the system
    assert taken == [*others, there]


@pytest.mark.parametrize(
    ("here", "others"),
    [
        (2, [0]),  # it has one of its own
        (2, [0, 2, 3, 5]),  # there is no free one
        (-1, [-1]),  # the system does not tell
    ],
)
def test_a_thread_stays_where_nothing_is_to_be_gained(monkeypatch, moves, here, others):
    on(monkeypatch, here)
    taken = list(others)
    places.settle(taken)
    assert moves == []
    assert taken == [*others, here]


def test_a_processor_that_is_switched_off_is_ignored(monkeypatch, moves):
    def fail(thread, allowed):
        raise OSError("Invalid argument")

    on(monkeypatch, 0)
    monkeypatch.setattr(os, "sched_setaffinity", fail, raising=False)
    taken = [0]
    places.settle(taken)
    assert taken == [0, 0]


@linux
def test_a_run_leaves_every_thread_the_processors_it_may_use():
    allowed = os.sched_getaffinity(0)
    seen = []

    def program(t, control):
        seen.append(os.sched_getaffinity(0))

    for _ in range(20):
        run_together(3, program)
    assert seen == [allowed] * 60
    assert os.sched_getaffinity(0) == allowed


@linux
def test_a_thread_does_leave_a_processor():
    """With a single one that may be used, it stays."""
    seen = []

    def work():
        here = places.current_processor()
        taken = [here]
        places.settle(taken)
        seen.append((here, taken[-1]))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    ((before, after),) = seen
    assert (before == after) == (len(os.sched_getaffinity(0)) == 1)
