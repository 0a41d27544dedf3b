"""Threads that run one compiled program together, and end together whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["run_together"]

# The layout of the control words, in elements of 8 bytes: see `kernels/threads.py`.
CALLED_OFF, FLAGS, SPACING = 8, 16, 8


def run_together(threads: int, program: Callable[[int, NDArray[np.int64]], int]) -> int:
    """Run ``program(t, control)`` for t = 0 .. threads - 1 at once; return what t = 0 returned.

    Each call owns its threads: two calls that share a pool could wait for each other for ever.
    Whatever interrupts the caller, the others are called off and have ended when this returns, so
    that no buffer dies under a running thread.
    """
    control = np.zeros(FLAGS + SPACING * threads, np.int64)
    if threads == 1:
        return program(0, control)
    gate = threading.Event()

    def run(t: int) -> None:
        gate.wait()
        if control[CALLED_OFF] == 0:
            program(t, control)

    others = [threading.Thread(target=run, args=(t,), daemon=True) for t in range(1, threads)]
    started: list[Any] = []
    try:
        for thread in others:
            thread.start()
            started.append(thread)
        gate.set()
        result = program(0, control)
    except BaseException:
        control[CALLED_OFF] = 1
        raise
    finally:
        gate.set()
        for thread in started:
            thread.join()
    return result
