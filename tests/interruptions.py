"""Interrupts a call at each of the moments at which Python looks for a signal, one after another.

CPython runs the handlers of signals when a Python function begins and when a function of C has
returned; also at the end of a loop's body, which is as good as one of these. A profile function is
called at the same moments, and what it raises comes from there, as it does from a handler.
"""

from __future__ import annotations

import gc
import inspect
import sys
from collections.abc import Callable, Iterator
from itertools import count

Call = Callable[[], object]


def interruptions(
    error: type[BaseException], prepare: Callable[[], Call], every: int = 1
) -> Iterator[object]:
    """Prepare and call again and again, raise the error at a later moment each time.

    With `every`, at each so-and-so-many-th moment of a call that has many.

    Yields what came of it: the exception that left the call, or what it returned all the same. The
    last is from the last moment of the call.
    """
    for moment in count(0, every):
        left, outcome = _interrupted(moment, error, prepare())
        if left >= 0:  # the call was over before its moment had come
            return
        yield outcome


def _interrupted(moment: int, error: type[BaseException], call: Call) -> tuple[int, object]:
    left = moment

    def look(frame, event: str, argument: object) -> None:
        nonlocal left
        # A generator is also "called" when it is thrown away, which is no such moment.
        is_call = event == "call" and not frame.f_code.co_flags & inspect.CO_GENERATOR
        if is_call or (event == "c_return" and argument is not sys.setprofile):
            left -= 1
            if left < 0:
                raise error  # once: Python removes a profile function that raises

    before = sys.getprofile()
    gc.disable()  # what is raised in a finalizer is lost
    sys.setprofile(look)
    try:
        outcome = call()
    except BaseException as raised:  # noqa: BLE001 - whatever left the call
        outcome = raised
    finally:
        sys.setprofile(before)
        gc.enable()
    if isinstance(outcome, BaseException):
        # Its frames hold what was interrupted, and this one holds it.
        outcome = outcome.with_traceback(None)
    return left, outcome
