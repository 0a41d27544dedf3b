"""Interrupt a call at each moment at which Python checks for signals, one after another.

CPython runs signal handlers when a Python function begins and when a C function has returned; also
at the end of a loop's body, which is equivalent to one of these. A profile function is called at
the same moments, and its exceptions are raised there, like those of a handler.
"""

from __future__ import annotations

import gc
import inspect
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import count

Call = Callable[[], object]


def interruptions(
    error: type[BaseException], prepare: Callable[[], Call], every: int = 1
) -> Iterator[object]:
    """Prepare and call repeatedly, raising the error at a later moment each time.

    `every` skips moments: only every so many are tried.

    Yields the outcome: the exception that left the call, or the returned value. The last one is
    from the last moment of the call.
    """
    for moment in count(0, every):
        left, outcome = _interrupted(moment, error, prepare())
        if left >= 0:  # the call ended before the moment
            return
        yield outcome


def _interrupted(moment: int, error: type[BaseException], call: Call) -> tuple[int, object]:
    left = moment

    def look(frame, event: str, argument: object) -> None:
        nonlocal left
        # A generator is also "called" when it is discarded, which does not count.
        is_call = event == "call" and not frame.f_code.co_flags & inspect.CO_GENERATOR
        if is_call or (event == "c_return" and argument is not sys.setprofile):
            left -= 1
            if left < 0:
                raise error  # only once: Python removes a profile function that raises

    before, handler = sys.getprofile(), signal.getsignal(signal.SIGINT)
    gc.disable()  # exceptions in finalizers are lost
    sys.setprofile(look)
    try:
        outcome = call()
    except BaseException as raised:  # noqa: BLE001 - whatever left the call
        outcome = raised
    finally:
        sys.setprofile(before)
        # `signals_held` is interrupted, too, unlike by a signal.
        signal.signal(signal.SIGINT, handler)
        gc.enable()
    if isinstance(outcome, BaseException):
        # Avoid a reference cycle with the frames of the traceback.
        outcome = outcome.with_traceback(None)
    return left, outcome
