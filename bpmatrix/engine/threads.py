"""Threads that run one compiled program together, and end together whatever happens.

A signal handler may raise at nearly any moment of the main thread: Ctrl-C does. So the caller
waits for nothing but bare locks, whose methods are done or not begun when that happens; those of
`threading.Thread` and `threading.Event` are Python, and can be left in the middle of their work.
"""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bpmatrix.engine.places import count_processors, current_processor, settle

__all__ = ["CALLED_OFF", "run_together"]

Result = TypeVar("Result")

# The layout of the control words, in elements of 8 bytes: see `kernels/threads.py`.
CALLED_OFF, CROWDED, FLAGS, SPACING = 8, 9, 16, 8


def run_together(threads: int, program: Callable[[int, NDArray[np.int64]], Result]) -> Result:
    """Run ``program(t, control)`` for t = 0 .. threads - 1 at once; return what t = 0 returned.

    Each call owns its threads: two calls that share a pool could wait for each other for ever.
    Whatever interrupts the caller, the others are called off, and none of them is in the program or
    will begin it when this returns, so that no buffer dies under a running thread.
    """
    control = np.zeros(FLAGS + SPACING * threads, np.int64)
    if threads == 1:
        return program(0, control)
    control[CROWDED] = threads > count_processors()
    gates, ends = ([_held_lock() for _ in range(threads)] for _ in range(2))
    begun: list[int] = []
    ended: list[int] = []
    results: list[Result] = []
    failures: list[BaseException] = []
    processors = [current_processor()]

    def run(t: int) -> None:
        try:
            gates[t].acquire()
            begun.append(t)  # before it asks: the caller calls off, and then looks who has begun
            if control[CALLED_OFF] == 0:
                settle(processors)
                program(t, control)
        except BaseException as error:  # noqa: BLE001 - raised again by the caller
            control[CALLED_OFF] = 1
            failures.append(error)
        finally:
            ended.append(t)
            ends[t].release()

    try:
        for t in range(1, threads):
            _thread.start_new_thread(run, (t,))
        _open(gates)
        results.append(program(0, control))
    except BaseException as error:  # noqa: BLE001 - raised again below
        control[CALLED_OFF] = 1
        failures.append(error)
    waiting = True
    while waiting:  # not in a function, which a signal could keep from beginning
        try:
            _open(gates)
            for t in list(begun) if control[CALLED_OFF] else range(1, threads):
                while t not in ended:
                    ends[t].acquire()
            waiting = False
        except BaseException as error:  # noqa: BLE001 - raised again below
            control[CALLED_OFF] = 1
            failures.append(error)
    if failures:
        raise failures.pop(0)
    return results[0]


def _held_lock() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


def _open(gates: list[threading.Lock]) -> None:
    """Let the threads through; nobody waits any more at a gate that was open before."""
    for gate in gates:
        if gate.locked():
            gate.release()
