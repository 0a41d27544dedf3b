"""Contenders: each trains the network of a `Task` in its own way, with the same result.

A contender is created from a task and a number of threads, in a worker process. ``train(steps)``
takes that many further steps, ``parameters()`` returns (weights, biases). Other libraries are
imported only when their contender is created.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bpmatrix.array_types import Array
from bpmatrix.bench.contenders.book import Loop, Matrix
from bpmatrix.bench.contenders.engine import Engine
from bpmatrix.bench.contenders.jax_scan import JaxScan
from bpmatrix.bench.contenders.sklearn_mlp import SklearnMLP
from bpmatrix.bench.contenders.torch_eager import TorchEager
from bpmatrix.bench.task import Task
from bpmatrix.engine.places import count_processors


class Contender(Protocol):
    """The object inside a worker process."""

    def train(self, steps: int) -> None:
        """Take this many further steps."""

    def parameters(self) -> tuple[list[Array], list[Array]]:
        """Return W_l (n_l, n_{l-1}) and b_l (n_l, 1), l = 1..L."""


@dataclass(frozen=True, slots=True)
class Family:
    """One library or method.

    Attributes
    ----------
    make : callable
        Makes a contender from a task and a number of threads.
    threads : tuple, optional
        The numbers of threads to try, of which only the fastest is timed; by default 1 and the
        number of processors.
    dtype : str, optional
        The dtype it computes in, by default that of the task.
    library : str, optional
        The import name of the library that must be installed.
    """

    make: Callable[[Task, int | str], Contender]
    threads: tuple[int | str, ...] = ()
    dtype: str | None = None
    library: str | None = None

    def variants(self) -> tuple[int | str, ...]:
        """Return its numbers of threads."""
        return self.threads or tuple(sorted({1, count_processors()}))


# bpmatrix chooses its threads itself.
ROSTER: dict[str, Family] = {
    "bpmatrix": Family(Engine, ("auto",)),
    "bpmatrix float32": Family(Engine, ("auto",), "float32"),
    "loop": Family(Loop),
    "numpy": Family(Matrix),
    "jax": Family(JaxScan, library="jax"),
    "pytorch": Family(TorchEager, library="torch"),
    "sklearn": Family(SklearnMLP, library="sklearn"),
}
