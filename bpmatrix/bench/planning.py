"""How much a run of ``bpmatrix bench`` measures, and in what time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from math import inf

from bpmatrix.bench.contenders import ROSTER, Family
from bpmatrix.bench.contenders.engine import Engine
from bpmatrix.bench.contest import CHAMPION
from bpmatrix.bench.survey import LOOP, MATRIX, SINGLE

__all__ = ["CONTENDERS", "PEERS", "PLANS", "Plan", "Spot"]

# One variant of bpmatrix: the one that a user gets who asks for nothing.
CONTENDERS: dict[str, Family] = ROSTER | {
    CHAMPION: replace(ROSTER[CHAMPION], threads=("auto",)),
    SINGLE: Family(Engine, "the engine in float32", False, dtype="float32", threads=("auto",)),
}
PEERS = tuple(name for name, family in CONTENDERS.items() if family.library is not None)

# The loop takes part up to so many multiplications of one mini-batch by the first weights: some
# tenths of a second.
MOST_WORK_OF_THE_LOOP = 3e7
# A point with peers gets so many times as much of the time as one without.
WEIGHT_OF_PEERS = 4


@dataclass(frozen=True, slots=True)
class Spot:
    """A place to measure at, and who takes part beside bpmatrix."""

    width: int
    mini_batch_size: int
    dtype: str
    names: tuple[str, ...]

    @property
    def weight(self) -> int:
        """Its part of the time, in relation to others."""
        return WEIGHT_OF_PEERS if set(self.names) & set(PEERS) else 1


@dataclass(frozen=True, slots=True)
class Plan:
    """A grid of mini-batch sizes and widths, and the time for it.

    Attributes
    ----------
    peers_at : tuple of int
        The mini-batch sizes at which the installed peers take part.
    block_seconds : float
        The length of a block of the paired timing.
    seconds : float
        For all of it, after the compilation; a round that has begun is ended.
    peak : bool
        Whether the share of the attainable speed is measured too.
    """

    name: str
    mini_batch_sizes: tuple[int, ...]
    widths: tuple[int, ...]
    dtypes: tuple[str, ...]
    peers_at: tuple[int, ...]
    block_seconds: float
    seconds: float
    most_quads: int = 60
    peak: bool = False

    def spots(self, n_inputs: int, peers: tuple[str, ...]) -> list[Spot]:
        """Return all places in the order of the run, with those peers that are installed."""
        return [
            Spot(width, m, dtype, self._names(n_inputs, width, m, dtype, peers))
            for dtype, width, m in product(self.dtypes, self.widths, self.mini_batch_sizes)
        ]

    def _names(
        self, n_inputs: int, width: int, m: int, dtype: str, peers: tuple[str, ...]
    ) -> tuple[str, ...]:
        names = [MATRIX]
        if m * width * n_inputs <= MOST_WORK_OF_THE_LOOP:
            names.insert(0, LOOP)
        if dtype != CONTENDERS[SINGLE].dtype and len(self.dtypes) == 1:
            names.append(SINGLE)
        return (*names, *(peers if m in self.peers_at else ()))


BATCHES = (1, 10, 32, 100, 1000)
# Both ends: where an engine without overhead gains most, and where it gains least.
ENDS = (10, 1000)
GRID_BATCHES, GRID_WIDTHS = (1, 10, 32, 128, 1024), (10, 30, 100, 512, 2048)

PLANS = {
    "quick": Plan("quick", (1, 10, 100), (30,), ("float64",), (), 0.01, 9.0),
    "default": Plan("default", BATCHES, (30,), ("float64",), ENDS, 0.04, 46.0),
    "full": Plan(
        "full", GRID_BATCHES, GRID_WIDTHS, ("float64", "float32"), GRID_BATCHES, 0.1, inf,
        most_quads=10, peak=True,
    ),
}  # fmt: skip
