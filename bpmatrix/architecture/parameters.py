"""All weights and biases as one flat vector, theta, and its views.

theta holds W_1, b_1, W_2, b_2, ..., nothing between them. W_l is (n_l, n_{l-1}) with contiguous
rows, b_l is (n_l, 1). Whoever writes into a view writes into theta.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Layout", "Parameters"]

Real = NDArray[Any]


@dataclass(frozen=True)
class Layout:
    """Where the parameters of each layer lie in theta.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer, n_0 ... n_L.
    bias : bool
        Whether the layers have biases.

    Examples
    --------
    >>> Layout([3, 2, 1], bias=True).size
    11
    """

    sizes: Sequence[int]
    bias: bool

    @cached_property
    def size(self) -> int:
        """The number of parameters."""
        return sum(n_out * (n_in + self.bias) for n_in, n_out in pairwise(self.sizes))

    def offsets(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the offsets of W_l and b_l, l = 0..L; slot 0 is unused, no bias is at -1."""
        W, b = [0], [-1]
        end = 0
        for n_in, n_out in pairwise(self.sizes):
            W.append(end)
            end += n_out * n_in
            b.append(end if self.bias else -1)
            end += n_out * self.bias
        return np.array(W, dtype=np.int64), np.array(b, dtype=np.int64)


@dataclass(frozen=True)
class Parameters:
    """A flat vector of parameters (or of their gradient) and its views, layer by layer.

    Attributes
    ----------
    flat : (size,) array
        Everything, in the order W_1, b_1, W_2, b_2, ...
    weights : tuple of (n_l, n_{l-1}) arrays
        `weights[0]` belongs to layer l = 1.
    biases : tuple of (n_l, 1) arrays
        Empty in a network without biases.

    Examples
    --------
    >>> p = Parameters.of(np.arange(11.0), Layout([3, 2, 1], bias=True))
    >>> p.weights[1], p.biases[1]
    (array([[8., 9.]]), array([[10.]]))
    """

    flat: Real
    weights: tuple[Real, ...]
    biases: tuple[Real, ...]

    @classmethod
    def of(cls, flat: Real, layout: Layout) -> Parameters:
        """Return the views of a flat vector."""
        W, b = layout.offsets()
        weights, biases = [], []
        for l, (n_in, n_out) in enumerate(pairwise(layout.sizes), start=1):
            weights.append(flat[W[l] : W[l] + n_out * n_in].reshape(n_out, n_in))
            if layout.bias:
                biases.append(flat[b[l] : b[l] + n_out].reshape(n_out, 1))
        return cls(flat, tuple(weights), tuple(biases))
