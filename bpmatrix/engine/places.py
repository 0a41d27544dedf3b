"""The processors on which the threads of a run start: one each, if there are enough.

Linux may start a thread on the processor of its parent although another one is idle. As long as the
two wait for each other in turns, the scheduler sees no reason to move one, and two threads take
longer than one (docs/decisions/0011).
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress


def count_processors() -> int:
    """Return how many processors the threads of this process may run on.

    Examples
    --------
    >>> count_processors() >= 1
    True
    """
    there = os.cpu_count() or 1
    return min(there, len(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else there


def current_processor() -> int:
    """Return the number of the processor that runs this thread, -1 if the system does not tell.

    Examples
    --------
    >>> current_processor() >= -1
    True
    """
    return -1 if _ask_system is None else int(_ask_system())


def settle(taken: list[int]) -> None:
    """Move this thread to a processor that no other thread of its run has taken, if there is one.

    The scheduler may move it again later.

    Parameters
    ----------
    taken : list of int
        The processors of the other threads; that of this thread is appended.

    Examples
    --------
    >>> taken = [current_processor()]
    >>> settle(taken)
    >>> len(taken)
    2
    """
    here = current_processor()
    if sys.platform == "linux" and here >= 0 and here in taken:
        allowed = os.sched_getaffinity(0)
        # The next one, not the first, which many processes would choose.
        free = sorted(allowed.difference(taken), key=lambda number: (number < here, number))
        if free:
            with suppress(OSError):  # a processor can be switched off at any time
                os.sched_setaffinity(0, {free[0]})
                here = free[0]
                os.sched_setaffinity(0, allowed)
    taken.append(here)


# PyDLL keeps Python's lock: the call takes less time than releasing it.
_ask_system = getattr(ctypes.PyDLL(None), "sched_getcpu", None) if sys.platform == "linux" else None
