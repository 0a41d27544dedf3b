"""What runs inside a worker process: one contender, and a loop that waits for requests.

While it waits it sleeps in a read, so that the worker whose turn it is has the processors alone.
The threads of a library's pool may not: those of OpenBLAS look for more work for 50 milliseconds.
So a worker is told to fall asleep before it is the turn of another, and says when it has.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["UnsuitedError", "main"]

# Linux tells what each thread does. Their processor time would tell too, but only at the ticks of
# the system's clock, ten milliseconds apart.
THREADS = Path("/proc/self/task")
LOOK = 0.001  # seconds between two looks
PATIENCE = 0.5


class UnsuitedError(Exception):
    """A contender has no way to do what the task asks; the message says what it lacks."""


def main() -> None:
    """Serve requests from standard input until it closes."""
    # On Windows the whole console hears Ctrl-C; the parent ends this process by closing the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no reply
    gc.disable()
    serve(sys.stdin.buffer, replies)


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer each request ``(command, arguments)`` with ``(kind, value)``."""
    contender: Any = None
    while True:
        try:
            command, arguments = pickle.load(requests)  # noqa: S301 - a process of our own, no file
        except (EOFError, pickle.UnpicklingError):  # the parent ended, perhaps within a request
            return
        if command == "make":
            contender = None  # its memory goes before the next one comes
            gc.collect()
        kind, value = _answer(contender, command, arguments)
        if command == "make" and kind == "done":
            contender, value = value, None
        try:
            pickle.dump((kind, value), replies, pickle.HIGHEST_PROTOCOL)
            replies.flush()
        except BrokenPipeError:  # the parent was interrupted, and waits for no answer
            os._exit(0)  # closing `replies` would fail once more, aloud


def wait_for_threads() -> None:
    """Sleep until no other thread of this process runs; give up after half a second."""
    end = time.perf_counter() + PATIENCE
    while _others_run() and time.perf_counter() < end:
        time.sleep(LOOK)


def _others_run() -> bool:
    for thread in THREADS.glob("*/stat"):
        try:
            told = thread.read_text()
        except OSError:  # it has ended
            continue
        state = told.rpartition(")")[2].split()[0]
        if state == "R" and thread.parent.name != str(threading.get_native_id()):
            return True
    return False


def _answer(contender: Any, command: str, arguments: tuple[Any, ...]) -> tuple[str, Any]:
    """Return what a request gives, or why it gives nothing."""
    if command == "fall asleep":
        wait_for_threads()
        return "done", None
    name, *rest = arguments
    try:
        if command == "make":
            return "done", name(*rest)
        method = getattr(contender, name)
        start = time.perf_counter()
        value = method(*rest)
        seconds = time.perf_counter() - start
    except ModuleNotFoundError as error:
        return "skipped", f"{error.name} is not installed"
    except UnsuitedError as error:
        return "skipped", str(error)
    except Exception as error:  # noqa: BLE001 - the parent decides what a failure means
        return "failed", f"{type(error).__name__}: {error}"
    return "done", seconds if command == "time" else value
