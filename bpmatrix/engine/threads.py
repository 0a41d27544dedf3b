"""Threads that run one compiled program together, and end together whatever happens.

A signal handler may raise at nearly any moment of the main thread: Ctrl-C does. So the caller
waits for nothing but bare locks, whose methods are done or not begun when that happens; those of
`threading.Thread` and `threading.Event` are Python, and can be left in the middle of their work.

Where memory is short, a thread may not start, or die before it runs a line. The caller would wait
for it in the barrier of compiled code, where it hears no signal. So it enters the program only when
all others have begun; and what has to be said then takes no new memory: places of lists and words
that are there already.
"""

from __future__ import annotations

import _thread
import threading
import weakref
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bpmatrix.engine.places import count_processors, current_processor, settle
from bpmatrix.errors import ThreadStartError
from bpmatrix.kernels.codes import CALLED_OFF, CROWDED, FLAGS, SPACING

__all__ = ["run_together"]

Result = TypeVar("Result")
Run = Callable[[int, object], None]

# Who waits for a thread to begin looks so often whether it is still alive.
SECONDS_BETWEEN_LOOKS = 0.02


class _Life:
    """Held by one thread alone: it goes when the thread ends, even before its first line."""

    __slots__ = ("__weakref__",)


def run_together(threads: int, program: Callable[[int, NDArray[np.int64]], Result]) -> Result:
    """Run ``program(t, control)`` for t = 0 .. threads - 1 at once; return what t = 0 returned.

    Each call owns its threads: two calls that share a pool could wait for each other for ever.
    Whatever interrupts the caller, the others are called off, and none of them is in the program or
    will begin it when this returns, so that no buffer dies under a running thread.

    Raises
    ------
    ThreadStartError
        If the system starts no further thread, or one of them ends before it has begun.
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
            has_begun[t] = True  # before it asks: the caller calls off, and then looks who has
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
        for t, life in enumerate(lives, start=1):
            while not has_begun[t]:
                if not arrivals[t].acquire(timeout=SECONDS_BETWEEN_LOOKS) and life() is None:
                    _check_that_it_had_begun(has_begun[t])
        results.append(program(0, control))
    except BaseException as error:  # noqa: BLE001 - raised again below
        words[CALLED_OFF] = 1
        failures[0] = error
    waiting = True
    while waiting:  # not in a function, which a signal could keep from beginning
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
    """Start a thread; return what tells whether it is alive."""
    life = _Life()
    alive = weakref.ref(life)
    try:
        _thread.start_new_thread(run, (t, life))
    except RuntimeError as error:
        raise _not_started(str(error)) from None
    return alive


def _check_that_it_had_begun(has_begun: bool) -> None:
    """Raise ThreadStartError for a thread that is no more, unless it has just begun and ended."""
    if not has_begun:
        raise _not_started("one that ended before its first line: there was no memory for it")


def _not_started(got: str) -> ThreadStartError:
    return ThreadStartError(
        "a thread could not be started",
        got=got,
        cure="Free some memory or raise the limit of this process; or take one thread: pass"
        " n_threads=1 to a training, set the environment variable BPMATRIX_NUM_THREADS=1 for"
        " all else.",
    )
