"""Signals and forks: deferring Ctrl-C to the end of a block, and locks that a fork waits for."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

INTERRUPTED = 130  # the exit status after Ctrl-C
SECONDS_TO_CLEAN_UP = 10.0


def lock_for_forks() -> threading.RLock:
    """Return a lock; a fork waits for it: the child would inherit it held, with no owner."""
    lock = threading.RLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
        )
    return lock


@contextmanager
def signals_held() -> Iterator[list[BaseException]]:
    """Defer what signal handlers raise within the block to its end; yield what has been deferred.

    Python runs signal handlers between any two instructions of the main thread, so Ctrl-C may raise
    KeyboardInterrupt in the middle of an import, or in a callback from C, which cannot pass an
    exception on. Handlers still run at once; only their exceptions wait.

    Examples
    --------
    >>> import signal
    >>> done = []
    >>> before = signal.signal(signal.SIGINT, signal.default_int_handler)
    >>> try:
    ...     with signals_held():
    ...         signal.raise_signal(signal.SIGINT)
    ...         done.append("all of it")
    ... except KeyboardInterrupt:
    ...     done.append("then Ctrl-C")
    >>> done
    ['all of it', 'then Ctrl-C']
    >>> _ = signal.signal(signal.SIGINT, before)
    """
    if threading.current_thread() is not threading.main_thread():  # only it runs signal handlers
        yield []
        return
    handlers: dict[int, Callable[[int, FrameType | None], Any]] = {}
    raised: list[BaseException] = []
    holding = True

    def hold(number: int, frame: FrameType | None) -> None:
        try:
            handlers[number](number, frame)
        except BaseException as error:
            if not holding:
                raise
            raised.append(error)

    try:
        for number in signal.valid_signals():
            handler = signal.getsignal(number)
            if callable(handler):  # otherwise no Python function is called
                handlers[number] = handler
                signal.signal(number, hold)
        yield raised
    finally:
        try:
            for number in reversed(handlers):
                signal.signal(number, handlers[number])
        finally:  # a restored handler may raise; from here on, so may those not yet restored
            holding = False
        if raised:
            raise raised.pop(0)


@contextmanager
def termination_as_ctrl_c() -> Iterator[None]:
    """Treat SIGTERM in the block like Ctrl-C, then terminate the process as usual.

    This does nothing if the process has its own handler for SIGTERM, or outside the main thread,
    the only one that handles signals. On Windows, terminating a process sends no signal.

    Examples
    --------
    >>> with termination_as_ctrl_c():
    ...     print("at work")
    at work
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    came = -math.inf

    def interrupt(*_: object) -> None:
        nonlocal came
        # A second one must not interrupt the cleanup, unless the first was lost: Python discards
        # exceptions in finalizers, and a callback may catch them.
        if time.monotonic() - came > SECONDS_TO_CLEAN_UP:
            came = time.monotonic()
            raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if came > -math.inf:
            signal.raise_signal(signal.SIGTERM)
