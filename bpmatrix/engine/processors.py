"""How many threads a training may use, and how many are worth it."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from bpmatrix.checks import whole_number
from bpmatrix.engine.places import count_processors
from bpmatrix.errors import ArgumentError

__all__ = ["available_processors", "choose_threads", "running", "threads_worth_starting"]

# A second thread costs a step some barriers, and the tiles of smaller shares; so many
# multiplications of a step pay for that (`python -m benchmarks scaling`, with two threads).
WORTH_A_BARRIER = 290_000
# So many pay for starting a thread that meets nobody.
WORTH_A_START = 4_000_000

CONTROL_GROUPS = Path("/sys/fs/cgroup")

# The trainings that run now: the thread of each, and the id of what it changes. No lock, which a
# fork could find held: a call of a method of a list is whole for every thread and signal.
_trainings: list[tuple[int, int]] = []


def choose_threads(n_threads: int | str, parameters: int, mini_batch_size: int) -> int:
    """Return how many threads share each mini-batch.

    Parameters
    ----------
    n_threads : int or "auto"
        A number is obeyed. "auto" takes as many as the work of a step is worth, and not more than
        the processors that are there, shared with the trainings that run now.
    parameters, mini_batch_size : int
        What a step costs: about three multiplications for each parameter and sample.

    Raises
    ------
    ArgumentError
        If `n_threads` is neither "auto" nor a whole number of at least 1.

    Examples
    --------
    >>> choose_threads(2, parameters=23860, mini_batch_size=10)
    2
    """
    if isinstance(n_threads, str) and n_threads == "auto":
        work = 3 * parameters * mini_batch_size
        return max(1, min(work // WORTH_A_BARRIER, available_processors() // (1 + _others())))
    try:
        return whole_number(n_threads, "n_threads", least=1)
    except ArgumentError:
        raise ArgumentError(
            "n_threads is no number of threads", got=repr(n_threads), expected='"auto" or 1, 2, ...'
        ) from None


def threads_worth_starting(multiplications: int) -> int:
    """Return how many threads share work that can be cut anywhere.

    Examples
    --------
    >>> threads_worth_starting(1000)
    1
    """
    if multiplications < 2 * WORTH_A_START:
        return 1  # before anything is asked of the system: a prediction may take microseconds
    return max(1, min(multiplications // WORTH_A_START, available_processors() // (1 + _others())))


@contextmanager
def running(changed: object, what: str = "network") -> Iterator[None]:
    """Count a training for as long as it runs, so that "auto" shares the processors.

    Parameters
    ----------
    changed : object
        What the training changes.
    what : str, default "network"
        What to call it in an error.

    Raises
    ------
    ArgumentError
        If another thread is training what this one would change.
    """
    training = threading.get_ident(), id(changed)
    try:
        _trainings.append(training)
        first = next(thread for thread, it in tuple(_trainings) if it == training[1])
        if first != training[0]:
            raise ArgumentError(
                f"the {what} is being trained by another thread",
                cure=f"Wait until that has ended, or train a copy.deepcopy of the {what}.",
            )
        yield
    finally:
        _trainings.remove(training)


def _others() -> int:
    """Return how many trainings run in other threads; one of this thread waits for its caller."""
    return sum(thread != threading.get_ident() for thread, _ in tuple(_trainings))


def _forget_others() -> None:
    """After a fork, the child has the thread that forked, and no other."""
    _trainings[:] = [entry for entry in _trainings if entry[0] == threading.get_ident()]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_others)


def available_processors() -> int:
    """Return how many processors this process may use.

    At most what the affinity mask, the quota of a container and ``BPMATRIX_NUM_THREADS`` allow;
    one in the worker processes of a pool, which fill the processors themselves.

    Raises
    ------
    ArgumentError
        If ``BPMATRIX_NUM_THREADS`` is no whole number of at least 1.

    Examples
    --------
    >>> available_processors() >= 1
    True
    """
    wanted = os.environ.get("BPMATRIX_NUM_THREADS")
    if wanted is not None and not (wanted.isdecimal() and int(wanted) > 0):
        raise ArgumentError(
            "the environment variable BPMATRIX_NUM_THREADS is no number of threads",
            got=repr(wanted),
            expected="1, 2, ...",
        )
    if multiprocessing.parent_process() is not None:
        return 1
    limits = [count_processors()]
    if wanted is not None:
        limits.append(int(wanted))
    return max(1, min([*limits, *_quota()]))


@cache
def _quota() -> list[int]:
    """Return the processors that a container's quota comes to, where there is one (Linux).

    Read once: it hardly ever changes, and to read it takes as long as a small training.
    """
    with suppress(OSError, ValueError):
        quota, period = (CONTROL_GROUPS / "cpu.max").read_text(encoding="ascii").split()
        return [] if quota == "max" else [max(1, int(quota) // int(period))]
    with suppress(OSError, ValueError):
        folder = CONTROL_GROUPS / "cpu"
        quota = (folder / "cpu.cfs_quota_us").read_text(encoding="ascii")
        period = (folder / "cpu.cfs_period_us").read_text(encoding="ascii")
        return [] if int(quota) < 0 else [max(1, int(quota) // int(period))]
    return []
