"""The processors that the threads of one run begin on: each on its own, as far as there are enough.

Linux may start a thread on the processor of the one that started it, although another is idle. As
long as the two wait for each other, each of them asleep while the other works, the system sees
nothing to repair: two threads then take longer than one (docs/decisions/0011).
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress

__all__ = ["count_processors", "current_processor", "settle"]


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
    """Return the number of the processor that runs this thread, -1 where the system won't tell.

    Examples
    --------
    >>> current_processor() >= -1
    True
    """
    return -1 if _ask_system is None else int(_ask_system())


def settle(taken: list[int]) -> None:
    """Move this thread off the processors that others of its run have taken, if one is free.

    The system stays free to move it on.

    Parameters
    ----------
    taken : list of int
        The processors of the others; that of this thread is appended.

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
        # The next one, not the first: many processes would all go there.
        free = sorted(allowed.difference(taken), key=lambda number: (number < here, number))
        if free:
            with suppress(OSError):  # a processor can be switched off at any time
                os.sched_setaffinity(0, {free[0]})
                here = free[0]
                os.sched_setaffinity(0, allowed)
    taken.append(here)


# A handle that keeps Python's lock: the question takes less time than to give the lock away.
_ask_system = getattr(ctypes.PyDLL(None), "sched_getcpu", None) if sys.platform == "linux" else None
