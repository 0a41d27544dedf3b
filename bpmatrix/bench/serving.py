"""The program of a worker process: one contender, and a loop that serves requests.

Waiting workers sleep in a read and leave the processors to the one that is measured. The threads of
a library's pool may not sleep at once: those of OpenBLAS spin for 50 milliseconds. So before the
next worker runs, the last one is asked to fall asleep, and answers when its threads have.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

# The state of each thread on Linux. Their processor time has a resolution of only 10 milliseconds.
THREADS = Path("/proc/self/task")
POLL_SECONDS = 0.001
PATIENCE = 0.5


class UnsuitedError(Exception):
    """A contender cannot do the task; the message says what it lacks."""


def suited(kind: str, name: str, choices: Mapping[str, Any]) -> Any:
    """Return the choice with this name, or raise an error: the contender has no other ones."""
    if name not in choices:
        raise UnsuitedError(f"has no {kind} {name}")
    return choices[name]


def load_file(name: str, file: str) -> ModuleType:
    """Return a Python file as a module of this name."""
    module = sys.modules[name] = ModuleType(name)
    module.__file__ = file
    SourceFileLoader(name, file).exec_module(module)
    return module


def from_file(name: str, file: str, maker: str, *arguments: object) -> Any:
    """Return what a function of a file makes: a contender that no package has to contain."""
    return getattr(load_file(name, file), maker)(*arguments)


def main() -> None:
    """Serve requests from standard input until it closes."""
    # On Windows Ctrl-C reaches all processes of a console; the parent closes the pipe to end us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # keeps what libraries print out of the replies
    gc.disable()
    serve(sys.stdin.buffer, replies)


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer each request ``(command, arguments)`` with ``(kind, value)``."""
    contender: Any = None
    while True:
        try:
            command, arguments = pickle.load(requests)  # noqa: S301 - from our own process
        except (EOFError, pickle.UnpicklingError):  # the parent ended, perhaps within a request
            return
        if command == "make":
            contender = None  # free its memory before making the next one
            gc.collect()
        kind, value = _answer(contender, command, arguments)
        if command == "make" and kind == "done":
            contender, value = value, None
        try:
            pickle.dump((kind, value), replies, pickle.HIGHEST_PROTOCOL)
            replies.flush()
        except BrokenPipeError:  # the parent was interrupted
            os._exit(0)  # closing `replies` would fail again, with a traceback


def wait_for_threads() -> None:
    """Wait until no other thread of this process is running, for at most half a second."""
    end = time.perf_counter() + PATIENCE
    while _others_run() and time.perf_counter() < end:
        time.sleep(POLL_SECONDS)


def _others_run() -> bool:
    for thread in THREADS.glob("*/stat"):
        try:
            fields = thread.read_text()
        except OSError:  # it has ended
            continue
        state = fields.rpartition(")")[2].split()[0]
        if state == "R" and thread.parent.name != str(threading.get_native_id()):
            return True
    return False


def _answer(contender: Any, command: str, arguments: tuple[Any, ...]) -> tuple[str, Any]:
    """Return the kind of the reply and the result of a request, or why there is none."""
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
