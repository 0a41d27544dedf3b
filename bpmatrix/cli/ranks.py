"""``bpmatrix train --mpi``: the same command on every rank, of which rank 0 prints and saves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bpmatrix.errors import MissingPackageError

if TYPE_CHECKING:
    from bpmatrix.engine.ranks import Ranks

Value = TypeVar("Value")

FAILED = 2


def world() -> Any:
    """Return the communicator of all processes that mpiexec has started.

    Raises
    ------
    MissingPackageError
        If mpi4py cannot be imported.
    """
    try:
        from mpi4py import MPI  # noqa: PLC0415 - an optional package
    except (ImportError, RuntimeError):  # without an MPI runtime it is a RuntimeError
        raise MissingPackageError.of_extra("--mpi", "mpi4py with MPI", "mpi") from None
    return MPI.COMM_WORLD


@contextmanager
def one_voice(comm: Any) -> Iterator[None]:
    """Let rank 0 alone print, also the error that all ranks raise; nothing for None."""
    if comm is None or comm.Get_rank() == 0:
        yield
        return
    try:
        with (
            Path(os.devnull).open("w", encoding="utf-8") as nowhere,
            redirect_stdout(nowhere),
            redirect_stderr(nowhere),
        ):
            yield
    except click.exceptions.Exit:
        raise
    except Exception:  # noqa: BLE001 - rank 0 raises the same
        raise click.exceptions.Exit(FAILED) from None


def first_alone(ranks: Ranks | None, action: Callable[[], Value]) -> Value:
    """Return what the action does on this rank, after rank 0 has done it: it may download."""
    if ranks is None:
        return action()
    if ranks.rank:
        ranks.agree()
    found = action()
    if not ranks.rank:
        ranks.agree()
    return found
