"""Signals that arrive at a bad moment: what their handlers raise waits until the moment is over."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["signals_held"]


@contextmanager
def signals_held() -> Iterator[None]:
    """Let no signal end the block: what a handler raises in it is raised at its end.

    Python runs the handlers of signals between any two lines of the main thread, and Ctrl-C raises
    KeyboardInterrupt there: in the middle of an import, or in a place from where no exception gets
    out, as a callback of C is. A handler that raises nothing does its work at once, as ever.

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
    if threading.current_thread() is not threading.main_thread():  # the others get no signals
        yield
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
            if callable(handler):  # else no function of Python's hears of it
                handlers[number] = handler
                signal.signal(number, hold)
        yield
    finally:
        try:
            for number in reversed(handlers):
                signal.signal(number, handlers[number])
        finally:  # a handler that is back may raise; those that are not let everything through
            holding = False
        if raised:
            raise raised.pop(0)
