"""Worker processes, one per contender.

Two libraries in one process share thread pools, allocators and environment variables, and waiting
threads of one slow down the other. A worker process has one contender, measures it with its own
clock, and sleeps with all its threads, blocked on a pipe, while another one runs.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from threading import Timer
from typing import Any, ClassVar

from bpmatrix.bench.comparing import Arm

SECONDS_FOR_AN_ANSWER = 600.0
SECONDS_TO_END = 5.0

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")

# Workers serve requests with this package's code, also if their `bpmatrix` is another version, so
# that the same code measures both versions.
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
    """A contender cannot take part: it is not installed, or cannot do the task."""


class Worker(AbstractContextManager["Worker"]):
    """A process with one contender.

    Parameters
    ----------
    name : str
        Its name in reports.
    environment : mapping, optional
        More environment variables, such as numbers of threads, which most libraries read when they
        are imported.
    seconds_for_an_answer : float
        A worker that takes longer is ended.
    package : Path, optional
        A folder with another version of ``bpmatrix`` for the worker to import.

    Examples
    --------
    >>> from collections import Counter
    >>> with Worker("counter") as worker:
    ...     worker.make(Counter, "abba")
    ...     worker.call("most_common")
    [('a', 2), ('b', 2)]
    """

    _latest: ClassVar[Worker | None] = None  # the last one that was used

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
        self._process = subprocess.Popen(  # noqa: S603 - this Python and our own program
            [sys.executable, "-c", START, json.dumps(path), str(SERVING)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            process_group=0,  # only the parent handles Ctrl-C
        )

    def make(self, factory: Callable[..., object], *arguments: object) -> None:
        """Make ``factory(*arguments)`` the worker's contender, replacing the old one.

        Raises
        ------
        SkippedError
            If a library is missing or the contender cannot do the task.
        WorkerError
            If the factory fails or the process dies.
        """
        self._request("make", factory, *arguments)

    def call(self, method: str, *arguments: object) -> Any:
        """Return the result of a method of the contender."""
        return self._request("call", method, *arguments)

    def time(self, method: str, *arguments: object) -> float:
        """Return the seconds that a method took, by the worker's clock."""
        return float(self._request("time", method, *arguments))

    def arm(self, method: str, *arguments: object) -> Arm:
        """Return an arm that times a method whose last argument is a number of calls."""
        return lambda calls: self.time(method, *arguments, calls)

    def fall_asleep(self) -> None:
        """Wait until all its threads sleep, for at most half a second."""
        self._exchange("fall asleep")

    def close(self) -> None:
        """End the process if it is still running."""
        if Worker._latest is self:
            Worker._latest = None
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # unsent data for a dead worker
                    continue
        try:
            self._process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _request(self, command: str, *arguments: object) -> Any:
        before, Worker._latest = Worker._latest, self
        if before is not None and before is not self:
            with suppress(WorkerError):  # it has ended with all its threads
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
            kind, value = pickle.load(replies)  # noqa: S301 - from our own process
        except (EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
            self.close()
            status = self._process.returncode
            raise WorkerError(
                f"{self.name}: its process ended with exit status {status}"
            ) from error
        finally:
            timer.cancel()
        if kind == "done":
            return value
        message = f"{self.name}: {value}"
        raise SkippedError(message) if kind == "skipped" else WorkerError(message)


class Crew(AbstractContextManager["Crew"]):
    """Workers that outlive a contest, since some libraries take seconds to import.

    The key of a worker is the name of its contender and the number of threads.

    Examples
    --------
    >>> with Crew() as crew:
    ...     crew.hire("loop", 1) is crew.hire("loop", 1)
    True
    """

    def __init__(self) -> None:
        self._workers: dict[tuple[str, int | str], Worker] = {}

    def hire(self, name: str, threads: int | str) -> Worker:
        """Return the worker for this contender, starting it if there is none."""
        key = name, threads
        if key not in self._workers:
            self._workers[key] = Worker(name, thread_environment(threads))
        return self._workers[key]

    def dismiss(self, worker: Worker) -> None:
        """End a worker; its contender gets a new process when it is needed again."""
        worker.close()
        self._workers = {key: kept for key, kept in self._workers.items() if kept is not worker}

    def close(self) -> None:
        """End all workers, even busy ones."""
        for worker in self._workers.values():
            worker.close()
        self._workers = {}

    def __exit__(self, *exception: object) -> None:
        self.close()


def thread_environment(threads: int | str) -> dict[str, str]:
    """Return the environment variables that limit libraries to a number of threads.

    XLA reads the size of its pools from NPROC, and from its flags whether it splits a product.
    """
    if threads == "auto":
        return {}
    variables = dict.fromkeys(THREAD_VARIABLES, str(threads))
    if threads == 1:
        flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        variables["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
    return variables


def isolated(folder: Path) -> dict[str, str]:
    """Return the variables of a process with one version: one thread, its own compiled code."""
    cache = str(folder / "compiled")
    return {**thread_environment(1), "PYTHONHASHSEED": "0", "NUMBA_CACHE_DIR": cache}
