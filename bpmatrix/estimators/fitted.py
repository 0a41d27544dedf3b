"""What a fit leaves: one flat vector of weights with scikit-learn's views of it, and records."""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.engine.memory import aligned_copy
from bpmatrix.errors import ShapeError
from bpmatrix.estimators.parameters import Parameterized
from bpmatrix.samples.arrays import as_array

__all__ = ["Fitted"]

Array = NDArray[Any]


class Fitted(Parameterized):
    """What a fit leaves: a description, parameters, `coefs_`, `intercepts_`, and records.

    `coefs_` are writable views (n_in, n_out) of the parameters and `intercepts_` (n_out,), so that
    whoever writes into them changes the predictions. Arrays that take their place do so, too: they
    are copied into the parameters before these are used.
    """

    _description: Description
    _parameters: Parameters
    coefs_: list[Array]
    intercepts_: list[Array]
    # Plain attributes, as in scikit-learn, whose users set them beside weights of their own.
    n_layers_: int
    out_activation_: str
    # The records of a fit. Those of validation samples are lists or None; `best_loss_` is None with
    # early stopping, and `best_validation_score_` without validation samples.
    n_iter_: int
    t_: int
    loss_: float
    loss_curve_: list[float]
    best_loss_: Any
    validation_scores_: Any
    validation_loss_curve_: Any
    best_validation_score_: Any
    _no_improvement_count: int

    @property
    def _is_fitted(self) -> bool:
        """Whether there is a network; `coefs_` alone may be what the user wants to begin with."""
        return "_parameters" in vars(self)

    def __sklearn_is_fitted__(self) -> bool:
        return self._is_fitted

    def _describe(self, description: Description) -> None:
        """Take the network's description, and say of it what scikit-learn says."""
        self._description = description
        self.n_layers_ = len(description.sizes)
        output = str(description.activations[-1])
        self.out_activation_ = "logistic" if output == "sigmoid" else output

    def _publish(self, parameters: Parameters) -> None:
        """Take new parameters, and show them."""
        self._parameters = parameters
        self._views = _views(parameters)
        self.coefs_, self.intercepts_ = (list(views) for views in self._views)

    def _take_over_public_weights(self, *, for_good: bool = False) -> None:
        """Copy what was put in the place of a view; a fit puts the view back, to change it.

        Raises
        ------
        ShapeError, ArrayTypeError
            If it has another shape or holds no real numbers, before anything is copied.
        """
        replaced = []
        for name, views in zip(("coefs_", "intercepts_"), self._views, strict=True):
            given = getattr(self, name, ())
            if len(given) != len(views):
                raise ShapeError(
                    f"{name} does not have one array for each layer",
                    got=f"{len(given)} arrays",
                    expected=f"{len(views)}, of the shapes {[view.shape for view in views]}",
                )
            for i, (array, view) in enumerate(zip(given, views, strict=True)):
                if array is view:
                    continue
                numbers = as_array(array, f"{name}[{i}]")
                if numbers.shape != view.shape:
                    raise ShapeError(
                        f"{name}[{i}] does not fit the network",
                        got=f"shape {numbers.shape}",
                        expected=f"{view.shape}",
                    )
                replaced.append((view, numbers.copy()))  # it may be a view of another layer
        for view, array in replaced:
            view[:] = array
        if for_good:
            self.coefs_, self.intercepts_ = (list(views) for views in self._views)

    def _empty_records(self) -> dict[str, Any]:
        """Return what the records of a stochastic solver are before its first epoch."""
        early = self.early_stopping
        return {
            "loss_curve_": [],
            "validation_loss_curve_": None,
            "validation_scores_": [] if early else None,
            "best_validation_score_": -np.inf if early else None,
            "best_loss_": None if early else np.inf,
            "_no_improvement_count": 0,
        }

    def _go_on_recording(self) -> None:
        """Begin the records that the fit before did not keep, and that the user has not set."""
        empty = self._empty_records()
        has_stopped_early = getattr(self, "best_loss_", empty["best_loss_"]) is None
        # Records of the other way to stop end here.
        kept = vars(self) if has_stopped_early == self.early_stopping else {}
        for name, value in empty.items():
            found = kept.get(name, value)
            if isinstance(value, list) and not isinstance(found, list):
                found = list(found)  # which can go on, where the user has set something else
            setattr(self, name, found)

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
            self._describe(self._description)
            self._publish(Parameters.of(aligned_copy(flat), self._description.layout))

    def __copy__(self) -> Self:
        """Copy all of it: two models with one optimizer's state would train each other."""
        return copy.deepcopy(self)


def _views(parameters: Parameters) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    return tuple(W.T for W in parameters.weights), tuple(b[:, 0] for b in parameters.biases)
