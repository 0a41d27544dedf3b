"""All weights and biases as one flat vector, theta, and its views.

theta holds W_1, b_1, W_2, b_2, ... without gaps. W_l is (n_l, n_{l-1}) with contiguous rows, b_l is
(n_l, 1). Writing into a view changes theta.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from bpmatrix.array_types import Array, Integers
from bpmatrix.errors import AssignmentError
from bpmatrix.markup import table


@dataclass(frozen=True)
class Layout:
    """Where the parameters of each layer are in theta.

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

    def offsets(self) -> tuple[Integers, Integers]:
        """Return the offsets of W_l and b_l, l = 0..L; l = 0 is unused; -1 means no biases."""
        W, b = [0], [-1]
        end = 0
        for n_in, n_out in pairwise(self.sizes):
            W.append(end)
            end += n_out * n_in
            b.append(end if self.bias else -1)
            end += n_out * self.bias
        return np.array(W, dtype=np.int64), np.array(b, dtype=np.int64)


class Views(tuple[Array, ...]):  # noqa: SLOT001 - a tuple has no slot for the name
    """A tuple of views of one vector; writing into a view changes the vector.

    Examples
    --------
    >>> views = Views([np.zeros(2), np.ones(2)])
    >>> views[0] += 1
    >>> views
    (array([1., 1.]), array([1., 1.]))
    """

    name = "views"

    @classmethod
    def called(cls, name: str, arrays: Iterable[Array]) -> Views:
        """Return views with a name for errors."""
        views = cls(arrays)
        views.name = name
        return views

    def __setitem__(self, place: Any, array: object) -> None:
        """Accept the same view, which ``weights[0] += 1`` assigns back, and no other array."""
        name = self.name if isinstance(place, slice) else f"{self.name}[{place}]"
        check_in_place(name, array, self[place])


@dataclass(repr=False)
class Parameters:
    """A flat vector of parameters (or their gradient) and its views, layer by layer.

    Attributes
    ----------
    flat : (size,) array
        All parameters, in the order W_1, b_1, W_2, b_2, ...
    weights : tuple of (n_l, n_{l-1}) arrays
        `weights[0]` belongs to layer l = 1.
    biases : tuple of (n_l, 1) arrays
        Empty in a network without biases.

    Notes
    -----
    Arrays are changed in place, ``weights[0] += 1`` or ``weights[0][:] = W``, and never replaced.

    Examples
    --------
    >>> p = Parameters.of(np.arange(11.0), Layout([3, 2, 1], bias=True))
    >>> p
    Parameters(11 float64: W (2, 3), b (2, 1), W (1, 2), b (1, 1))
    >>> p.weights[1], p.biases[1]
    (array([[8., 9.]]), array([[10.]]))
    """

    flat: Array
    weights: tuple[Array, ...]
    biases: tuple[Array, ...]

    def __repr__(self) -> str:
        """Return the number of parameters and the shapes; the numbers would fill pages."""
        shapes = ", ".join(f"{name} {array.shape}" for _, name, array in self._arrays())
        return f"Parameters({self.flat.size} {self.flat.dtype}: {shapes})"

    def _repr_html_(self) -> str:
        """Return a table of the shapes, for notebooks."""
        title = f"Parameters: {self.flat.size:,} of {self.flat.dtype}"
        rows = [
            [l, name, array.shape, f"{array.size:,}", *_range(array)]
            for l, name, array in self._arrays()
        ]
        return table(title, ["layer", "", "shape", "count", "smallest", "largest"], rows)

    def _arrays(self) -> Iterator[tuple[int, str, Array]]:
        for l, W in enumerate(self.weights, 1):
            yield l, "W", W
            if self.biases:
                yield l, "b", self.biases[l - 1]

    def __setattr__(self, name: str, value: object) -> None:
        """Accept the same object, which ``flat *= 2`` assigns back, and no other array."""
        if name not in self.__dataclass_fields__:
            raise AttributeError(f"Parameters has no attribute {name}")
        check_in_place(name, value, self.__dict__.setdefault(name, value))

    @classmethod
    def of(cls, flat: Array, layout: Layout) -> Parameters:
        """Return the views of a flat vector."""
        W, b = layout.offsets()
        weights, biases = [], []
        for l, (n_in, n_out) in enumerate(pairwise(layout.sizes), start=1):
            weights.append(flat[W[l] : W[l] + n_out * n_in].reshape(n_out, n_in))
            if layout.bias:
                biases.append(flat[b[l] : b[l] + n_out].reshape(n_out, 1))
        return cls(flat, Views.called("weights", weights), Views.called("biases", biases))


def penalties(layout: Layout, weight_decay: float, dtype: str = "float64") -> Array:
    """Return the factor of the penalty of each parameter: `weight_decay`, and 0 for biases.

    Examples
    --------
    >>> penalties(Layout([2, 1], bias=True), 0.5)
    array([0.5, 0.5, 0. ])
    """
    factors = Parameters.of(np.zeros(layout.size, dtype), layout)
    for W in factors.weights:
        W[:] = weight_decay
    return factors.flat


def _range(array: Array) -> list[str]:
    return [f"{number:.4g}" for number in (array.min(), array.max())] if array.size else ["", ""]


def check_in_place(name: str, array: object, view: object) -> None:
    """Check that an assignment does not replace a view; ``weights[0] += 1`` assigns it back.

    Raises
    ------
    AssignmentError
        If `array` is another object than `view`.
    """
    if array is not view:
        places = "[i]" if isinstance(view, tuple) else ""
        raise AssignmentError(
            f"{name} cannot be replaced by another array",
            cure=f"Write {name}{places}[:] = array to copy its numbers.",
        )
