"""The weights of an estimator: one flat vector, and scikit-learn's views of it."""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.engine.memory import aligned_copy
from bpmatrix.errors import ShapeError

__all__ = ["Fitted"]

Array = NDArray[Any]


class Fitted(BaseEstimator):
    """What a fit leaves: a description, parameters, `coefs_` and `intercepts_`.

    `coefs_` are writable views (n_in, n_out) of the parameters and `intercepts_` (n_out,), so that
    whoever writes into them changes the predictions. Arrays that take their place do so, too: they
    are copied into the parameters before these are used.
    """

    _description: Description
    _parameters: Parameters
    coefs_: list[Array]
    intercepts_: list[Array]

    def _publish(self, parameters: Parameters) -> None:
        """Take new parameters, and show them."""
        self._parameters = parameters
        self._views = _views(parameters)
        self.coefs_, self.intercepts_ = (list(views) for views in self._views)

    def _take_over_public_weights(self, *, for_good: bool = False) -> None:
        """Copy what was put in the place of a view; a fit puts the view back, to change it.

        Raises
        ------
        ShapeError
            If it has another shape.
        """
        for given, views in zip((self.coefs_, self.intercepts_), self._views, strict=True):
            for array, view in zip(given, views, strict=True):
                if array is view:
                    continue
                if np.shape(array) != view.shape:
                    raise ShapeError(
                        "an array in coefs_ or intercepts_ does not fit the network",
                        got=f"shape {np.shape(array)}",
                        expected=f"{view.shape}",
                    )
                view[:] = array
        if for_good:
            self.coefs_, self.intercepts_ = (list(views) for views in self._views)

    @property
    def out_activation_(self) -> str:
        """scikit-learn's name of the activation function of the outputs."""
        name = str(self._description.activations[-1])
        return "logistic" if name == "sigmoid" else name

    @property
    def n_layers_(self) -> int:
        """How many layers there are, with inputs and outputs."""
        return len(self._description.sizes)

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle without the views, which would become arrays of their own."""
        state: dict[str, Any] = dict(super().__getstate__())
        if "_parameters" in state:
            self._take_over_public_weights()
            for name in ("_views", "coefs_", "intercepts_"):
                del state[name]
            state["_parameters"] = self._parameters.flat
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the views anew, of parameters that begin on a cache line."""
        flat = state.pop("_parameters", None)
        super().__setstate__(state)
        if flat is not None:
            self._publish(Parameters.of(aligned_copy(flat), self._description.layout))

    def __copy__(self) -> Self:
        """Copy all of it: two models with one optimizer's state would train each other."""
        return copy.deepcopy(self)


def _views(parameters: Parameters) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    return tuple(W.T for W in parameters.weights), tuple(b[:, 0] for b in parameters.biases)
