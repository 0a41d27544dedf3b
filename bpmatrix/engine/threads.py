"""Threads that run one compiled program together, and end together whatever happens.

A signal handler may raise at almost any point of the main thread, as Ctrl-C does. So the caller
waits only for bare locks, whose methods are atomic; those of `threading.Thread` and
`threading.Event` are written in Python, and can be interrupted half-way.

If memory is short, a thread may fail to start, or die before its first line. The caller would wait
for it in the barrier, in compiled code, where it gets no signals. So it enters the program only
after all other threads have begun, and the threads report to each other in memory that is allocated
before: elements of lists and of the control array.
"""

from __future__ import annotations

import _thread
import threading
import weakref
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from bpmatrix.array_types import Integers
from bpmatrix.engine.places import count_processors, current_processor, settle
from bpmatrix.errors import ThreadStartError
from bpmatrix.kernels.codes import CALLED_OFF, CROWDED, FLAGS, SPACING

Result = TypeVar("Result")
Run = Callable[[int, object], None]

# How often the caller checks that a thread which has not begun is still alive.
SECONDS_BETWEEN_CHECKS = 0.02


class _Life:
    """An object that only its thread refers to: it is freed when the thread ends."""

    __slots__ = ("__weakref__",)


def run_together(threads: int, program: Callable[[int, Integers], Result]) -> Result:
    """Run ``program(t, control)`` for t = 0 .. threads - 1 at once; return the result for t = 0.

    Each call owns its threads: two calls that share a pool could wait for each other forever. If
    the caller is interrupted, the other threads are called off. When this function returns, none of
    them is in the program or will begin it, so that no array is freed while a thread uses it.

    Raises
    ------
    ThreadStartError
        If a thread cannot be started, or ends before its first line.
    """
    control = np.zeros(FLAGS + SPACING * threads, np.int64)
    if threads == 1:
        return program(0, control)
    control[CROWDED] = threads > count_processors()
    words = memoryview(control)  # type: ignore[arg-type]
    arrivals, ends = ([_held_lock() for _ in range(threads)] for _ in range(2))
    has_begun, has_ended = ([False] * threads for _ in range(2))
    failures: list[BaseException | None] = [None] * threads
    results: list[Result] = []
    processors = [current_processor()]

    def run(t: int, _life: object) -> None:
        try:
            has_begun[t] = True  # before it reads CALLED_OFF, which the caller sets first
            arrivals[t].release()
            if control[CALLED_OFF] == 0:
                settle(processors)
                program(t, control)
        except BaseException as error:  # noqa: BLE001 - raised again by the caller
            words[CALLED_OFF] = 1
            failures[t] = error
        finally:
            has_ended[t] = True
            ends[t].release()

    try:
        lives = [_start(run, t) for t in range(1, threads)]
        _wait_for_beginning(lives, has_begun, arrivals)
        results.append(program(0, control))
    except BaseException as error:  # noqa: BLE001 - raised again below
        words[CALLED_OFF] = 1
        failures[0] = error
    waiting = True
    while waiting:  # not in a function: a signal could raise before its first line
        try:
            for t in range(1, threads):
                while has_begun[t] and not has_ended[t]:
                    ends[t].acquire()
            waiting = False
        except BaseException as error:  # noqa: BLE001 - raised again below
            words[CALLED_OFF] = 1
            failures[0] = failures[0] or error
    for failure in failures:
        if failure is not None:
            raise failure
    return results[0]


def _held_lock() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


def _start(run: Run, t: int) -> weakref.ref[_Life]:
    """Start a thread; return a weak reference that is dead once the thread has ended."""
    life = _Life()
    alive = weakref.ref(life)
    try:
        _thread.start_new_thread(run, (t, life))
    except RuntimeError as error:
        raise _not_started(str(error)) from None
    return alive


def _wait_for_beginning(
    lives: list[weakref.ref[_Life]], has_begun: list[bool], arrivals: list[threading.Lock]
) -> None:
    """Wait until every thread t >= 1 has begun; raise an error if one ended before."""
    for t, life in enumerate(lives, start=1):
        while not has_begun[t]:
            arrived = arrivals[t].acquire(timeout=SECONDS_BETWEEN_CHECKS)
            if not arrived and life() is None and not has_begun[t]:
                raise _not_started("one that ended before its first line, for lack of memory")


def _not_started(got: str) -> ThreadStartError:
    return ThreadStartError(
        "a thread could not be started",
        got=got,
        cure="Free some memory or raise the limit of this process; or use one thread: pass"
        " n_threads=1 to a training, or set the environment variable BPMATRIX_NUM_THREADS=1 for"
        " everything else.",
    )
