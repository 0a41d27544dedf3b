"""Contenders in processes of their own.

Two libraries in one process share thread pools, allocators and environment variables, and the
waiting threads of one slow the other down. A worker process holds one contender, measures it with
its own clock and sleeps, blocked on a pipe and with all its threads, while another one runs.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import Any, ClassVar, Self

from bpmatrix.bench.comparing import Arm

__all__ = [
    "Crew", "SkippedError", "Worker", "WorkerError", "thread_environment",
]  # fmt: skip

SECONDS_FOR_AN_ANSWER = 600.0
SECONDS_TO_END = 5.0

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")

# The loop that serves requests is this package's own, also where the worker's `bpmatrix` is another
# version: both versions are measured by the same code.
SERVING = Path(__file__).with_name("serving.py")
START = """
import json, sys
from importlib.util import module_from_spec, spec_from_file_location
sys.path[:] = json.loads(sys.argv[1])
spec = spec_from_file_location("bpmatrix.bench.serving", sys.argv[2])
serving = sys.modules[spec.name] = module_from_spec(spec)
spec.loader.exec_module(serving)
serving.main()
"""


class WorkerError(Exception):
    """A contender failed, or its process died."""


class SkippedError(WorkerError):
    """A contender cannot take part here: it isn't installed, or it has no such network."""


class Worker:
    """A process that holds one contender.

    Parameters
    ----------
    name : str
        What reports call it.
    environment : mapping, optional
        Variables for the process beside those of this one, such as numbers of threads, which most
        libraries read when they are imported.
    seconds_for_an_answer : float
        A worker that takes longer is ended.
    package : Path, optional
        A folder that holds another version of ``bpmatrix``, which the worker imports in place of
        that of this process.

    Examples
    --------
    >>> from collections import Counter
    >>> with Worker("counter") as worker:
    ...     worker.make(Counter, "abba")
    ...     worker.call("most_common")
    [('a', 2), ('b', 2)]
    """

    _latest: ClassVar[Worker | None] = None  # whose turn it was

    def __init__(
        self,
        name: str,
        environment: Mapping[str, str] | None = None,
        seconds_for_an_answer: float = SECONDS_FOR_AN_ANSWER,
        package: Path | None = None,
    ) -> None:
        self.name = name
        self.patience = seconds_for_an_answer
        path = [entry or str(Path.cwd()) for entry in sys.path]
        if package is not None:
            path.insert(0, str(package))
        self._process = subprocess.Popen(  # noqa: S603 - this Python, with a program of our own
            [sys.executable, "-c", START, json.dumps(path), str(SERVING)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            process_group=0,  # Ctrl-C on the terminal is the parent's to act upon
        )

    def make(self, factory: Callable[..., object], *arguments: object) -> None:
        """Make ``factory(*arguments)`` the worker's contender, in place of the one before.

        Raises
        ------
        SkippedError
            If a library is missing or the contender is not meant for the task.
        WorkerError
            If the factory fails or the process dies.
        """
        self._request("make", factory, *arguments)

    def call(self, method: str, *arguments: object) -> Any:
        """Return what a method of the contender returns."""
        return self._request("call", method, *arguments)

    def time(self, method: str, *arguments: object) -> float:
        """Return the seconds that a method took, on the worker's clock."""
        return float(self._request("time", method, *arguments))

    def arm(self, method: str, *arguments: object) -> Arm:
        """Return a method whose last argument is a number of calls as an arm of a comparison."""
        return lambda calls: self.time(method, *arguments, calls)

    def fall_asleep(self) -> None:
        """Return when none of its threads runs, or when they have had half a second to end."""
        self._exchange("fall asleep")

    def close(self) -> None:
        """End the process, if it has not ended by itself."""
        if Worker._latest is self:
            Worker._latest = None
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what was not yet sent to a dead worker
                    continue
        try:
            self._process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _request(self, command: str, *arguments: object) -> Any:
        before, Worker._latest = Worker._latest, self
        if before is not None and before is not self:
            with suppress(WorkerError):  # it has ended, and all its threads with it
                before.fall_asleep()
        return self._exchange(command, *arguments)

    def _exchange(self, command: str, *arguments: object) -> Any:
        requests, replies = self._process.stdin, self._process.stdout
        if requests is None or replies is None:  # for the type checker
            raise WorkerError(f"{self.name} has no pipes")
        timer = Timer(self.patience, self._process.kill)
        timer.daemon = True  # Ctrl-C may come between its start and the next line
        try:
            timer.start()
            pickle.dump((command, arguments), requests, pickle.HIGHEST_PROTOCOL)
            requests.flush()
            kind, value = pickle.load(replies)  # noqa: S301 - a process of our own, no file
        except (EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
            raise WorkerError(self._obituary()) from error
        finally:
            timer.cancel()
        if kind == "done":
            return value
        message = f"{self.name}: {value}"
        raise SkippedError(message) if kind == "skipped" else WorkerError(message)

    def _obituary(self) -> str:
        """Say how the process ended."""
        self.close()
        return f"{self.name}: its process ended with exit status {self._process.returncode}"


class Crew:
    """Workers that stay from one contest to the next: some libraries take seconds to import.

    They are found by the name of their contender and its number of threads.

    Examples
    --------
    >>> with Crew() as crew:
    ...     crew.hire("loop", 1) is crew.hire("loop", 1)
    True
    """

    def __init__(self) -> None:
        self._workers: dict[tuple[str, int | str], Worker] = {}

    def hire(self, name: str, threads: int | str) -> Worker:
        """Return the worker for this contender, started if there is none."""
        key = name, threads
        if key not in self._workers:
            self._workers[key] = Worker(name, thread_environment(threads))
        return self._workers[key]

    def rest(self, worker: Worker) -> None:
        """Let a worker give its memory back; it stays."""
        worker.make(object)

    def dismiss(self, worker: Worker) -> None:
        """End a worker; the next one for its contender is a new process."""
        worker.close()
        self._workers = {key: kept for key, kept in self._workers.items() if kept is not worker}

    def close(self) -> None:
        """End all workers, however busy."""
        for worker in self._workers.values():
            worker.close()
        self._workers = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def thread_environment(threads: int | str) -> dict[str, str]:
    """Return the variables that hold libraries to a number of threads, read at their import.

    XLA takes the size of its pools from NPROC, and whether a product is split from its flags.
    """
    if threads == "auto":
        return {}
    variables = dict.fromkeys(THREAD_VARIABLES, str(threads))
    if threads == 1:
        flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        variables["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
    return variables
