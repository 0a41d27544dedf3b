"""How many threads a training may use, and how many are worth starting."""

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

# The multiplications of a step per thread that outweigh barriers and smaller tiles, measured with
# two threads (`python -m benchmarks steps`).
WORTH_A_BARRIER = 290_000
# Beyond the number of processors, each further thread makes a step slower; with a thousand, one
# step takes seconds.
MOST_THREADS = 256
# The multiplications that outweigh starting a thread without barriers.
WORTH_A_START = 4_000_000

CONTROL_GROUPS = Path("/sys/fs/cgroup")

# The current trainings: the thread of each, and the id of the object that it changes. There is no
# lock, which a fork could find held: methods of a list are atomic for threads and signals.
_trainings: list[tuple[int, int]] = []


def choose_threads(n_threads: int | str, parameters: int, mini_batch_size: int) -> int:
    """Return how many threads share each mini-batch.

    Parameters
    ----------
    n_threads : int or "auto"
        A number is used as it is, up to 256 or, if larger, the number of processors. "auto"
        takes as many threads as the work of a step is worth, but at most this training's share of
        the processors.
    parameters, mini_batch_size : int
        They determine the work of a step: about three multiplications per parameter and sample.

    Raises
    ------
    ArgumentError
        If `n_threads` is neither "auto" nor a whole number in that range.

    Examples
    --------
    >>> choose_threads(2, parameters=23860, mini_batch_size=10)
    2
    """
    if isinstance(n_threads, str) and n_threads == "auto":
        work = 3 * parameters * mini_batch_size
        return max(1, min(work // WORTH_A_BARRIER, available_processors() // (1 + _others())))
    most = max(MOST_THREADS, count_processors())
    with suppress(ArgumentError):
        if (threads := whole_number(n_threads, "n_threads", least=1)) <= most:
            return threads
    raise ArgumentError(
        "n_threads is not valid", got=repr(n_threads), expected=f'"auto" or 1, 2, ..., {most}'
    )


def threads_worth_starting(multiplications: int) -> int:
    """Return how many threads should share work that needs no barriers.

    Examples
    --------
    >>> threads_worth_starting(1000)
    1
    """
    if multiplications < 2 * WORTH_A_START:
        return 1  # without a system call: a prediction may take only microseconds
    return max(1, min(multiplications // WORTH_A_START, available_processors() // (1 + _others())))


@contextmanager
def running(changed: object, what: str = "network") -> Iterator[None]:
    """Count a training while it runs, so that "auto" shares the processors.

    Parameters
    ----------
    changed : object
        The object that the training changes.
    what : str, default "network"
        The name of the object in an error.

    Raises
    ------
    ArgumentError
        If another thread is training the same object.
    """
    training = threading.get_ident(), id(changed)
    try:
        _trainings.append(training)
        first = next(thread for thread, it in tuple(_trainings) if it == training[1])
        if first != training[0]:
            raise ArgumentError(
                f"the {what} is being trained by another thread",
                cure=f"Wait until it has finished, or train a copy.deepcopy of the {what}.",
            )
        yield
    finally:
        _trainings.remove(training)


def _others() -> int:
    """Return how many trainings run in other threads."""
    return sum(thread != threading.get_ident() for thread, _ in tuple(_trainings))


def _forget_others() -> None:
    """Forget the trainings of other threads: after a fork, only the calling thread is left."""
    _trainings[:] = [entry for entry in _trainings if entry[0] == threading.get_ident()]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_others)


def available_processors() -> int:
    """Return how many processors this process may use.

    The affinity mask, the quota of a container and ``BPMATRIX_NUM_THREADS`` are upper limits. In
    the worker processes of a pool it is 1, since the workers themselves use all processors.

    Raises
    ------
    ArgumentError
        If ``BPMATRIX_NUM_THREADS`` is not a whole number of at least 1.

    Examples
    --------
    >>> available_processors() >= 1
    True
    """
    wanted = os.environ.get("BPMATRIX_NUM_THREADS")
    if wanted is not None and not (wanted.isdecimal() and int(wanted) > 0):
        raise ArgumentError(
            "the environment variable BPMATRIX_NUM_THREADS is not valid",
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
    """Return a list of the processors that the quota of a container amounts to, if any (Linux).

    It is read once, since it hardly ever changes, and reading it takes as long as a small training.
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
