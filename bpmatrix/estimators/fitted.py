"""The result of a fit: one flat vector of weights with scikit-learn's views of it, and records."""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np

from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.array_types import Array
from bpmatrix.engine.memory import aligned_copy
from bpmatrix.errors import ShapeError
from bpmatrix.estimators.parameters import Parameterized, their_name
from bpmatrix.estimators.sklearn_callbacks import SKLEARN_CALLBACKS
from bpmatrix.samples.arrays import as_array


class Fitted(Parameterized):
    """The result of a fit: a description, parameters, `coefs_`, `intercepts_`, and records.

    `coefs_` (n_in, n_out) and `intercepts_` (n_out,) are writable views of the parameters: writing
    into them changes the predictions. So does assigning other arrays, which are copied into the
    parameters before these are used.
    """

    _description: Description
    _parameters: Parameters
    # scikit-learn sets them. The names exist only if the columns of X have names.
    n_features_in_: int
    feature_names_in_: Array
    coefs_: list[Array]
    intercepts_: list[Array]
    # Plain attributes, as in scikit-learn, since users set them together with their own weights.
    n_layers_: int
    out_activation_: str
    # The records of a fit. Validation curves are lists or None; `best_loss_` is None with
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
    # What the order of the samples depended on, besides the seed; None for arrays.
    blocks_: dict[str, int | None] | None

    @property
    def _is_fitted(self) -> bool:
        """Whether there is a network; `coefs_` alone may be initial weights set by the user."""
        return "_parameters" in vars(self)

    def __sklearn_is_fitted__(self) -> bool:
        return self._is_fitted

    def _describe(self, description: Description) -> None:
        """Set the network's description, and scikit-learn's attributes for it."""
        self._description = description
        self.n_layers_ = len(description.sizes)
        self.out_activation_ = their_name(str(description.activations[-1]))

    def _publish(self, parameters: Parameters) -> None:
        """Set new parameters, and public views of them."""
        self._parameters = parameters
        self._views = views_of(parameters)
        self.coefs_, self.intercepts_ = (list(views) for views in self._views)

    def _adopt_public_weights(self, *, restore_views: bool = False) -> None:
        """Copy arrays assigned in place of views into the parameters; a fit restores the views.

        Raises
        ------
        ShapeError, ArrayTypeError
            If one has the wrong shape or does not hold real numbers, before anything is copied.
        """
        replaced = []
        for name, views in zip(("coefs_", "intercepts_"), self._views, strict=True):
            given = getattr(self, name, ())
            if len(given) != len(views):
                raise ShapeError(
                    f"{name} must have one array per layer",
                    got=f"{len(given)} arrays",
                    expected=f"{len(views)}, of shapes {[view.shape for view in views]}",
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
        if restore_views:
            self.coefs_, self.intercepts_ = (list(views) for views in self._views)

    def _empty_records(self) -> dict[str, Any]:
        """Return the records of a stochastic solver before its first epoch."""
        early = self.early_stopping
        return {
            "loss_curve_": [],
            "validation_loss_curve_": None,
            "validation_scores_": [] if early else None,
            "best_validation_score_": -np.inf if early else None,
            "best_loss_": None if early else np.inf,
            "_no_improvement_count": 0,
        }

    def _continue_records(self) -> None:
        """Initialize the records that neither the previous fit nor the user has set."""
        empty = self._empty_records()
        stopped_early = getattr(self, "best_loss_", empty["best_loss_"]) is None
        # If early_stopping was switched on or off, all records start anew.
        known = vars(self) if stopped_early == self.early_stopping else {}
        for name, value in empty.items():
            found = known.get(name, value)
            if isinstance(value, list) and not isinstance(found, list):
                found = list(found)  # the user may have set an array
            setattr(self, name, found)

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle without the views, which would become separate arrays."""
        state: dict[str, Any] = dict(super().__getstate__())
        if "_parameters" in state:
            self._adopt_public_weights()
            for name in ("_views", "coefs_", "intercepts_"):
                del state[name]
            state["_parameters"] = self._parameters.flat
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Create new views, of parameters aligned to a cache line."""
        flat = state.pop("_parameters", None)
        super().__setstate__(state)
        if flat is not None:
            self._describe(self._description)
            self._publish(Parameters.of(aligned_copy(flat), self._description.layout))

    def __copy__(self) -> Self:
        """Make a deep copy: models that share arrays would train each other."""
        shared = (vars(self).get(name) for name in SKLEARN_CALLBACKS)
        return copy.deepcopy(self, {id(each): each for each in shared if each is not None})


def views_of(parameters: Parameters) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Return scikit-learn's views: (n_in, n_out) weights, and (n_out,) biases."""
    return tuple(W.T for W in parameters.weights), tuple(b[:, 0] for b in parameters.biases)
