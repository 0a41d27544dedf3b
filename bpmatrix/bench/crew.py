"""Workers that stay from one contest to the next: some libraries need seconds to be imported."""

from __future__ import annotations

from typing import Self

from bpmatrix.bench.contenders import thread_environment
from bpmatrix.bench.workers import Worker

__all__ = ["Crew"]


class Crew:
    """Worker processes by the name of their contender and its number of threads.

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
