"""The families of contenders by name, and the ways to run them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from bpmatrix.bench.contenders.book import Loop, Matrix
from bpmatrix.bench.contenders.engine import Engine
from bpmatrix.bench.contenders.jax_scan import JaxScan
from bpmatrix.bench.contenders.sklearn_mlp import SklearnMLP
from bpmatrix.bench.contenders.torch_eager import TorchEager
from bpmatrix.bench.task import Task
from bpmatrix.engine.places import count_processors

__all__ = ["ROSTER", "Contender", "Family"]

Array = NDArray[Any]


class Contender(Protocol):
    """What a worker process holds."""

    def train(self, steps: int) -> None:
        """Take so many steps, from where it stands; return when they are done."""

    def parameters(self) -> tuple[list[Array], list[Array]]:
        """Return W_l (n_l, n_{l-1}) and b_l (n_l, 1), l = 1..L."""


@dataclass(frozen=True, slots=True)
class Family:
    """One library or method.

    Attributes
    ----------
    make : callable
        Makes the contender of a task and a number of threads.
    is_peer : bool
        Whether the better of one thread and all is taken; else each variant stands for itself.
    dtype : str, optional
        The type that it computes in, if not that of the task.
    threads : tuple, optional
        The numbers of threads to run it with, if not those that `variants` takes by itself.
    library : str, optional
        What has to be installed for it, by the name that is imported.
    """

    make: Callable[[Task, int | str], Contender]
    is_peer: bool = True
    dtype: str | None = None
    threads: tuple[int | str, ...] | None = None
    library: str | None = None

    def variants(self) -> tuple[int | str, ...]:
        """Return the numbers of threads to run it with."""
        if self.threads is not None:
            return self.threads
        numbers = sorted({1, count_processors()})
        return tuple(numbers) if self.is_peer else ("auto", *numbers)


ROSTER: dict[str, Family] = {
    "bpmatrix": Family(Engine, is_peer=False),
    "loop": Family(Loop),
    "numpy": Family(Matrix),
    "jax": Family(JaxScan, library="jax"),
    "pytorch": Family(TorchEager, library="torch"),
    "sklearn": Family(SklearnMLP, library="sklearn"),
}
