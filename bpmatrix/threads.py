"""Threads that run one compiled program together, and end together whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["CALLED_OFF", "run_together"]

Result = TypeVar("Result")

# The layout of the control words, in elements of 8 bytes: see `kernels/threads.py`.
CALLED_OFF, FLAGS, SPACING = 8, 16, 8


def run_together(threads: int, program: Callable[[int, NDArray[np.int64]], Result]) -> Result:
    """Run ``program(t, control)`` for t = 0 .. threads - 1 at once; return what t = 0 returned.

    Each call owns its threads: two calls that share a pool could wait for each other for ever.
    Whatever interrupts the caller, the others are called off and have ended when this returns, so
    that no buffer dies under a running thread.
    """
    control = np.zeros(FLAGS + SPACING * threads, np.int64)
    if threads == 1:
        return program(0, control)
    gate = threading.Event()
    failures: list[BaseException] = []

    def run(t: int) -> None:
        gate.wait()
        try:
            if control[CALLED_OFF] == 0:
                program(t, control)
        except BaseException as error:  # noqa: BLE001 - raised again by the caller
            control[CALLED_OFF] = 1
            failures.append(error)

    others = [threading.Thread(target=run, args=(t,), daemon=True) for t in range(1, threads)]
    try:
        for thread in others:
            thread.start()
        gate.set()
        result = program(0, control)
    except BaseException:
        control[CALLED_OFF] = 1
        raise
    finally:
        gate.set()
        _join(others)
    if failures:
        raise failures[0]
    return result


def _join(threads: list[threading.Thread]) -> None:
    """Wait for the threads that were started, through Ctrl-C, which is raised afterwards."""
    interrupt: KeyboardInterrupt | None = None
    for thread in threads:
        while thread.ident is not None and thread.is_alive():
            try:
                thread.join()
            except KeyboardInterrupt as error:
                interrupt = error
    if interrupt is not None:
        raise interrupt
