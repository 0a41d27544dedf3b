"""Threads that work together: whatever fails at whatever moment, all have ended, and soon.

The programs here are Python functions that wait for each other as the compiled ones do: at a
barrier that can be called off.
"""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from bpmatrix import threads as module
from bpmatrix.kernels import threads as kernels
from bpmatrix.threads import CALLED_OFF, run_together

# A limit for what must not hang, far above what it takes.
PATIENCE = 30


@pytest.fixture(autouse=True)
def _every_thread_ends():
    """Assert that no thread of a test is alive after it."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + PATIENCE
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        time.sleep(0.001)
    assert not left


def others_alive() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t is not threading.current_thread()]


def wait_as_at_a_barrier(control: np.ndarray) -> int:
    """Wait for somebody who never comes; -1 when called off, as the kernels' barrier."""
    deadline = time.monotonic() + PATIENCE
    while control[CALLED_OFF] == 0:
        assert time.monotonic() < deadline, "nobody called the barrier off"
        time.sleep(0.001)
    return -1


def test_the_layout_of_the_control_words_is_that_of_the_kernels() -> None:
    """Both sides speak of the same words."""
    assert (module.CALLED_OFF, module.FLAGS, module.SPACING) == (
        kernels.CALLED_OFF,
        kernels.FLAGS,
        kernels.SPACING,
    )


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_number_runs_once_at_the_same_time(count: int) -> None:
    """t = 0 is the caller, the others are threads of their own; the result is that of t = 0."""
    meeting = threading.Barrier(count, timeout=PATIENCE)
    seen = []

    def program(t: int, control: np.ndarray) -> int:
        meeting.wait()
        seen.append((t, threading.get_ident()))
        assert control.dtype == np.int64
        assert not control.any()
        assert control.size >= module.FLAGS + count * module.SPACING
        return 100 + t

    assert run_together(count, program) == 100
    assert sorted(t for t, _ in seen) == list(range(count))
    assert dict(seen)[0] == threading.get_ident()
    assert len({identity for _, identity in seen}) == count
    assert not [t for t in others_alive() if t.name.startswith("Thread") and not t.daemon]


def test_two_calls_at_once_do_not_wait_for_each_other() -> None:
    """Each call owns its threads, so that calls can only be late for their own."""
    meeting = threading.Barrier(4, timeout=PATIENCE)  # all four threads of two calls must be there
    results = []

    def program(t: int, control: np.ndarray) -> int:
        meeting.wait()
        return t

    callers = [
        threading.Thread(target=lambda: results.append(run_together(2, program)), daemon=True)
        for _ in range(2)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(PATIENCE)
    assert results == [0, 0]


@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyboardInterrupt(), SystemExit()])
@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_failure_of_one_thread_calls_the_others_off(place: int, error: BaseException) -> None:
    """Whoever fails, the others leave the barrier, and the caller gets the error."""
    called_off = []

    def program(t: int, control: np.ndarray) -> int:
        if t == place:
            raise error
        called_off.append(wait_as_at_a_barrier(control))
        return 0

    with pytest.raises(type(error)) as caught:
        run_together(4, program)
    assert caught.value is error
    # A thread that had not begun yet need not begin any more.
    assert len(called_off) <= 3
    assert set(called_off) <= {-1}


@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_thread_that_cannot_start_ends_the_others(monkeypatch, place: int) -> None:
    """Where the system has no thread left, no program runs, and those that started have ended."""
    ran, started = [], []
    start = threading.Thread.start

    def failing_start(thread: threading.Thread) -> None:
        if len(started) == place - 1:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", failing_start)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        run_together(4, lambda t, control: ran.append(t))
    assert ran == []
    assert len(started) == place - 1
    assert not any(thread.is_alive() for thread in started)


@pytest.mark.parametrize("when", ["before", "after"])
def test_ctrl_c_at_the_start_of_a_thread(monkeypatch, when: str) -> None:
    """Ctrl-C just before or just after a thread has started: no program runs, all end."""
    ran, start = [], threading.Thread.start

    def interrupted_start(thread: threading.Thread) -> None:
        if when == "after":
            start(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted_start)
    with pytest.raises(KeyboardInterrupt):
        run_together(3, lambda t, control: ran.append(t))
    assert ran == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_ctrl_c_at_the_gate(monkeypatch, when: str) -> None:
    """Ctrl-C just before or just after the gate opens: all end, t = 0 has not begun."""
    seen, workers = [], []

    class Gate(threading.Event):
        opened = 0

        def set(self) -> None:
            Gate.opened += 1
            if Gate.opened == 1 and when == "before":
                raise KeyboardInterrupt
            super().set()
            if Gate.opened == 1:
                raise KeyboardInterrupt

    class Worker(threading.Thread):
        def start(self) -> None:
            super().start()
            workers.append(self)

    def program(t: int, control: np.ndarray) -> int:
        seen.append(t)
        return wait_as_at_a_barrier(control)

    monkeypatch.setattr(module, "threading", SimpleNamespace(Event=Gate, Thread=Worker))
    with pytest.raises(KeyboardInterrupt):
        run_together(3, program)
    assert Gate.opened > 1
    assert 0 not in seen
    assert when == "after" or seen == []
    assert len(workers) == 2
    assert not any(worker.is_alive() for worker in workers)


def test_a_second_ctrl_c_waits_for_the_threads_too(monkeypatch) -> None:
    """Ctrl-C while the others are being waited for is raised after they have ended."""
    running, go = threading.Event(), threading.Event()
    presses = []

    class Worker(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            if len(presses) < 2:
                presses.append(self)
                raise KeyboardInterrupt
            go.set()
            super().join(timeout)

    def program(t: int, control: np.ndarray) -> int:
        if t == 1:
            running.set()
            assert go.wait(PATIENCE)
        else:
            assert running.wait(PATIENCE)
        return t

    gate = SimpleNamespace(Event=threading.Event, Thread=Worker)
    monkeypatch.setattr(module, "threading", gate)
    with pytest.raises(KeyboardInterrupt):
        run_together(2, program)
    assert len(presses) == 2
    assert not presses[0].is_alive()


def test_one_thread_is_the_caller_and_nobody_else(monkeypatch) -> None:
    """With one thread, none is made."""
    monkeypatch.setattr(threading, "Thread", None)
    assert run_together(1, lambda t, control: 7) == 7
    with pytest.raises(ZeroDivisionError):
        run_together(1, lambda t, control: 1 // 0)
