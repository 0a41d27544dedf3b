"""Inputs and targets that passed the gate, together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.samples.arrays import Targets

__all__ = ["Samples"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Samples:
    """Inputs and targets that passed the gate.

    Attributes
    ----------
    X, targets : array, Targets
        The columns and what belongs to them.
    shown : (n,) array of int64 or None
        The columns that training shows; None is all of them.
    weights : array of float64 or None
        How much each column counts; None is 1 for all of them.
    """

    X: Array
    targets: Targets
    shown: NDArray[np.int64] | None = None
    weights: NDArray[np.float64] | None = None

    @property
    def n(self) -> int:
        """How many samples training shows."""
        return int(self.X.shape[1] if self.shown is None else self.shown.size)

    def take(self, columns: NDArray[np.int64]) -> Samples:
        """Return a copy of some columns, each contiguous as those of X are."""
        array = self.targets.array
        return Samples(
            self.X.T[columns].T,
            replace(self.targets, array=np.ascontiguousarray(array.T[columns]).T),
            weights=None if self.weights is None else self.weights[columns],
        )
