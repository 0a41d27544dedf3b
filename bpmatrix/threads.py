"""Threads that run one compiled program together, and end together whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.errors import ArgumentError

__all__ = ["choose_threads", "run_together"]

# The layout of the control words, in elements of 8 bytes: see `kernels/threads.py`.
CALLED_OFF, FLAGS, SPACING = 8, 16, 8


def choose_threads(n_threads: int | str, parameters: int, mini_batch_size: int) -> int:
    """Return how many threads share each mini-batch.

    Parameters
    ----------
    n_threads : int or "auto"
        A number is obeyed. "auto" takes one thread: a mini-batch is small work.
    parameters, mini_batch_size : int
        What a step costs.

    Raises
    ------
    ArgumentError
        If `n_threads` is neither "auto" nor a whole number of at least 1.

    Examples
    --------
    >>> choose_threads(2, 23860, 10)
    2
    """
    if n_threads == "auto":
        return 1
    if not isinstance(n_threads, int) or isinstance(n_threads, bool) or n_threads < 1:
        raise ArgumentError(
            "n_threads is no number of threads", got=repr(n_threads), expected='"auto" or 1, 2, ...'
        )
    return n_threads


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
