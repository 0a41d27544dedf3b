"""Checked inputs and targets, with their weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpmatrix.array_types import Floats, Integers
from bpmatrix.samples.arrays import Targets


@dataclass(frozen=True, slots=True)
class Samples:
    """Checked inputs and targets, with their weights.

    Attributes
    ----------
    X, targets : array or SparseColumns, Targets
        Samples as columns, and their targets.
    shown : (n,) array of int64 or None
        The columns used for training; None means all.
    weights : array of float64 or None
        The weight of each column; None means 1.
    """

    X: Any
    targets: Targets
    shown: Integers | None = None
    weights: Floats | None = None

    @property
    def n(self) -> int:
        """The number of samples used for training."""
        return int(self.X.shape[1] if self.shown is None else self.shown.size)

    @property
    def record(self) -> dict[str, int | None]:
        """What the order of the samples depends on besides the seed: nothing."""
        return {}

    @property
    def is_one_window(self) -> bool:
        """Whether all samples are shuffled together: yes."""
        return True

    def order(self, permutation: Callable[[int], Integers] | None) -> Any:
        """Return the order of an epoch (1, n): drawn, or that of the columns for None."""
        order = np.arange(self.n) if permutation is None else permutation(self.n)
        return (order if self.shown is None else self.shown[order])[None]

    def skip(self, permutation: Callable[[int], Integers]) -> None:
        """Draw the order of an epoch, and forget it."""
        permutation(self.n)

    def parts(self) -> Iterator[Samples]:
        """Return all samples, part by part: here in one."""
        yield self

    def take(self, columns: Integers) -> Samples:
        """Return a copy of some columns, each contiguous."""
        array = self.targets.array
        return Samples(
            self.X.T[columns].T,
            replace(self.targets, array=np.ascontiguousarray(array.T[columns]).T),
            weights=None if self.weights is None else self.weights[columns],
        )
