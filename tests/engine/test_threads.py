"""Threads that work together: whatever fails at whatever moment, all have ended, and soon.

The programs here are Python functions that wait for each other as the compiled ones do: at a
barrier that can be called off.
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from interruptions import interruptions

from bpmatrix.engine import threads as module
from bpmatrix.engine.threads import run_together
from bpmatrix.errors import ThreadStartError
from bpmatrix.kernels.codes import CALLED_OFF, CROWDED, FLAGS, SPACING

# A limit for what must not hang, far above what it takes.
PATIENCE = 30


@pytest.fixture(autouse=True)
def _every_thread_ends():
    """Assert that no thread of a test is alive after it."""
    before = _thread._count()
    yield
    deadline = time.monotonic() + PATIENCE
    while _thread._count() > before and time.monotonic() < deadline:
        time.sleep(0.001)
    assert _thread._count() == before


def wait_as_at_a_barrier(control: np.ndarray) -> int:
    """Wait for a thread that never arrives; return -1 when called off, like the barrier."""
    deadline = time.monotonic() + PATIENCE
    while control[CALLED_OFF] == 0:
        assert time.monotonic() < deadline, "nobody called the barrier off"
        time.sleep(0.001)
    return -1


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_number_runs_once_at_the_same_time(count: int) -> None:
    """t = 0 is the caller, the others are threads of their own; the result is that of t = 0."""
    meeting = threading.Barrier(count, timeout=PATIENCE)
    seen = []

    def program(t: int, control: np.ndarray) -> int:
        meeting.wait()
        seen.append((t, threading.get_ident()))
        assert control.dtype == np.int64
        assert np.flatnonzero(control).tolist() in ([], [CROWDED])
        assert control.size >= FLAGS + count * SPACING
        return 100 + t

    assert run_together(count, program) == 100
    assert sorted(t for t, _ in seen) == list(range(count))
    assert dict(seen)[0] == threading.get_ident()
    assert len({identity for _, identity in seen}) == count


@pytest.mark.parametrize("threads", [2, 3])
def test_more_threads_than_processors_are_a_crowd(threads, monkeypatch) -> None:
    """Who waits in a crowd gives its processor away at once."""
    monkeypatch.setattr(module, "count_processors", lambda: 2)
    assert run_together(threads, lambda t, control: bool(control[CROWDED])) is (threads > 2)


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
    """Whichever thread fails, the others leave the barrier, and the caller gets the error."""
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
    """Where the system has no thread left, those that started are called off."""
    ran, started, start = [], [], _thread.start_new_thread

    def failing_start(*arguments) -> None:
        if len(started) == place - 1:
            raise RuntimeError("can't start new thread")
        started.append(start(*arguments))

    monkeypatch.setattr(_thread, "start_new_thread", failing_start)

    def program(t: int, control: np.ndarray) -> int:
        ran.append(t)
        return wait_as_at_a_barrier(control)

    with pytest.raises(ThreadStartError, match=r"can't start new thread.*n_threads=1"):
        run_together(4, program)
    assert set(ran) <= set(range(1, place))
    assert len(started) == place - 1


@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_thread_that_dies_before_its_first_line_ends_the_others(monkeypatch, place: int) -> None:
    """Where the memory ends in between, the caller does not wait for it, nor enter the program."""
    ran, count, start = [], [], _thread.start_new_thread

    def start_or_lose(run, arguments) -> None:
        count.append(1)
        start(*((run, arguments) if len(count) != place else (lambda: None, ())))

    def program(t: int, control: np.ndarray) -> int:
        ran.append(t)
        return wait_as_at_a_barrier(control)

    monkeypatch.setattr(_thread, "start_new_thread", start_or_lose)
    with pytest.raises(ThreadStartError, match=r"ended before its first line.*n_threads=1"):
        run_together(4, program)
    assert set(ran) <= {1, 2, 3} - {place}


@pytest.mark.parametrize("moment", ["at once", "late", "ended before anybody looks"])
def test_a_thread_may_take_its_time_to_begin(monkeypatch, moment: str) -> None:
    """However long the system takes to start it: as long as it lives, it is waited for."""
    monkeypatch.setattr(module, "SECONDS_BETWEEN_CHECKS", 1e-3)
    start = _thread.start_new_thread

    def slow_start(run, arguments) -> None:
        def later(*arguments) -> None:
            time.sleep(0.05 * (moment == "late"))
            run(*arguments)

        start(later, arguments)
        time.sleep(0.05 * (moment == "ended before anybody looks"))

    monkeypatch.setattr(_thread, "start_new_thread", slow_start)
    assert run_together(3, lambda t, control: 5 + t) == 5


@pytest.mark.parametrize("locks", range(6))
def test_no_memory_for_a_lock_starts_nothing(monkeypatch, locks: int) -> None:
    """If memory runs out before the first thread has started, the error says so."""
    ran, made, lock = [], [], threading.Lock

    def failing_lock():
        if len(made) == locks:
            raise MemoryError
        made.append(1)
        return lock()

    monkeypatch.setattr(module, "threading", SimpleNamespace(Lock=failing_lock))
    with pytest.raises(MemoryError):
        run_together(3, lambda t, control: ran.append(t))
    assert ran == []


# Ctrl-C, the handler of a signal that a time limit sets, and memory that ends.
ERRORS = [KeyboardInterrupt, TimeoutError, MemoryError]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("who_waits", ["the caller", "the others"])
def test_an_interruption_at_any_moment(who_waits: str, error: type) -> None:
    """Whenever a signal arrives, the caller gets it, and no thread is running by then."""
    begun, ended, arrived = [], [], []

    def program(t: int, control: np.ndarray) -> int:
        if t == 0:
            arrived.append(t)
            return t
        begun.append(t)
        if who_waits == "the caller":
            time.sleep(1e-4)
        deadline = time.monotonic() + PATIENCE
        while not arrived and not control[CALLED_OFF] and time.monotonic() < deadline:
            time.sleep(0)
        ended.append(t)
        return t

    def prepare():
        for names in (begun, ended, arrived):
            names.clear()
        return lambda: run_together(3, program)

    moments = 0
    for outcome in interruptions(error, prepare):
        assert isinstance(outcome, error)
        assert sorted(begun) == sorted(ended)
        moments += 1
    assert moments > 20
    assert prepare()() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to a waiting thread")
def test_a_waiting_caller_goes_on_waiting_after_ctrl_c() -> None:
    """Ctrl-C again and again while the others are waited for is raised after they have ended."""
    heard, ended, main = [], [], threading.get_ident()

    def hear(*_) -> None:
        heard.append(1)
        raise KeyboardInterrupt

    def program(t: int, control: np.ndarray) -> int:
        if t == 1:
            deadline = time.monotonic() + PATIENCE
            while len(heard) < 2 and time.monotonic() < deadline:
                # Again and again: a signal just before the caller waits does not wake it.
                signal.pthread_kill(main, signal.SIGINT)
                time.sleep(1e-3)
            ended.append(t)
        return t

    before = signal.signal(signal.SIGINT, hear)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_together(2, program)
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended == [1]
    assert len(heard) >= 2


def test_one_thread_is_the_caller_itself(monkeypatch) -> None:
    """With one thread, none is made."""
    monkeypatch.setattr(_thread, "start_new_thread", None)
    assert run_together(1, lambda t, control: 7) == 7
    with pytest.raises(ZeroDivisionError):
        run_together(1, lambda t, control: 1 // 0)
