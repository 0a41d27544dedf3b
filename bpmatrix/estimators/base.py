"""What classifier and regressor have in common: a fit, its weights, and what they predict."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from bpmatrix.architecture.costs import AnyCost
from bpmatrix.architecture.description import Description
from bpmatrix.engine import evaluation, prediction
from bpmatrix.errors import ArgumentError
from bpmatrix.estimators import storage
from bpmatrix.estimators.gate import Gate
from bpmatrix.estimators.parameters import (
    check_parameters,
    check_type,
    first_activations,
    hidden_activations,
    hidden_sizes,
)
from bpmatrix.estimators.quasi_newton import fit_quasi_newton
from bpmatrix.estimators.samples import Samples, as_columns
from bpmatrix.estimators.standardization import Standardization
from bpmatrix.estimators.stochastic import fit_stochastic, forget
from bpmatrix.estimators.weights import first_parameters
from bpmatrix.history import EpochInfo
from bpmatrix.samples.sparse import SparseColumns

__all__ = ["MultilayerPerceptron"]

Array = NDArray[Any]


class MultilayerPerceptron(Gate):
    """The part of an estimator that asks nothing of its targets."""

    hidden_layer_sizes: int | Sequence[int]
    activation: Any
    solver: str
    random_state: Any
    warm_start: bool
    early_stopping: bool
    callbacks: Sequence[Callable[[EpochInfo], object]] | None
    _y_standardization: Standardization | None = None

    def _keep(self, arguments: dict[str, Any]) -> None:
        """Set the arguments of a constructor, as scikit-learn wants them: unchanged."""
        for name, value in arguments.items():
            if name != "self":
                setattr(self, name, value)

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: tuple[Any, Any] | None = None,
        *,
        incremental: bool = False,
    ) -> None:
        """Fit, or take one epoch where this is a `partial_fit`."""
        check_parameters(self)
        if incremental and self.early_stopping:
            raise ArgumentError(
                "partial_fit does not support early_stopping=True",
                cure="Set early_stopping=False, and score the epochs yourself.",
            )
        if self.solver == "lbfgs" and (validation or self.callbacks):
            raise ArgumentError(
                "the solver lbfgs has no epochs for callbacks to hear of, or to validate after",
                cure='Leave out callbacks, X_val and y_val, or set solver="adam".',
            )
        first = not hasattr(self, "_parameters") or not (self.warm_start or incremental)
        samples = self._samples(X, y, sample_weight, first=first, incremental=incremental)
        self._random_state = check_random_state(self.random_state)
        if first:
            self._begin(samples.X)
        else:
            self._go_on()
        self._solve(samples, validation, incremental=incremental)

    def _begin(self, X: Any) -> None:
        """Draw the weights of a new network, and empty the records."""
        dtype = "float32" if X.dtype == np.float32 else "float64"
        self._description = self._described(dtype if self.dtype is None else self.dtype)
        first = first_parameters(self._description, first_activations(self), self._random_state)
        self._publish(first)
        self._optimizer = None
        self.n_iter_ = self.t_ = 0
        if self.solver != "lbfgs":
            forget(self)

    def _go_on(self) -> None:
        """Take the network on with the parameters of today, where its weights have room for them.

        As in scikit-learn, activation functions and loss may have changed. What would need other
        weights, or other inputs for the same weights, may not.
        """
        old = self._description
        new = self._described(old.dtype if self.dtype is None else self.dtype)
        for name, is_now, was in (
            ("the layers", list(new.sizes), list(old.sizes)),
            ("dtype", new.dtype, old.dtype),
            ("standardize", self.standardize, self._standardization is not None),
            ("whether y is standardized", self._scales_y(), self._y_standardization is not None),
        ):
            if is_now != was:
                raise ArgumentError(
                    f"a fit that goes on cannot change {name}",
                    got=is_now,
                    expected=was,
                    cure="Set warm_start=False and call fit to begin anew.",
                )
        self._description = new

    def _described(self, dtype: Any) -> Description:
        """Return the network that the parameters of today ask for."""
        output, cost = self._output()
        dtype = np.dtype(dtype).name
        check_type(self, dtype)
        description = Description(
            (self.n_features_in_, *hidden_sizes(self), self.n_outputs_),
            (*hidden_activations(self), output),
            cost,
            dtype=dtype,
        )
        description.check_type()
        return description

    def _solve(
        self, samples: Samples, validation: tuple[Any, Any] | None, *, incremental: bool
    ) -> None:
        """Split off or take the validation samples, and let the solver work."""
        self._take_over_public_weights(for_good=True)
        held_out = None if validation is None else self._held_out(*validation)
        if self.solver == "lbfgs":
            fit_quasi_newton(self, samples)
            return
        # A fit before may have kept no records, or those of the other way to stop.
        if not hasattr(self, "loss_curve_") or (self.best_loss_ is None) != self.early_stopping:
            forget(self)
        if self.early_stopping:
            self._best = self._parameters.flat.copy()
            # scikit-learn keeps the first of several epochs with the best score; where it has no
            # say, one with less loss is better, both to keep and to go on.
            self._least_loss = None if held_out is None else np.inf
            if held_out is None:
                samples, held_out = self._split(samples)
        fit_stochastic(self, samples, held_out, incremental=incremental)

    # ----------------------------------------------------------------------- predictions

    def _predicted(self, X: Any) -> Array:
        """Return the output activations (n, n_L) of whatever a prediction is asked for."""
        if not hasattr(self, "_parameters"):  # what check_is_fitted asks for takes longer
            check_is_fitted(self)
        return self._outputs(self._inputs(X))

    def _outputs(self, X: Any) -> Array:
        """Return the output activations (n, n_L) of rows that passed `_inputs`."""
        self._take_over_public_weights()
        columns = as_columns(X)
        if isinstance(columns, SparseColumns):
            return evaluation.outputs(self._description, self._parameters.flat, columns).T
        return prediction.outputs(self._description, self._parameters.flat, columns).T

    def _loss_samples(self, samples: Samples) -> float:
        """Return the mean loss of some samples, without the penalty."""
        theta = self._parameters.flat
        found = evaluation.scores(
            self._description, theta, samples.columns, samples.targets, samples.weight
        )
        return float(self._loss_of(found.cost))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a fitted estimator to one .safetensors file, for `bpmatrix.load`.

        The file holds network, classes, standardization, names of features, parameters and records
        (`docs/file-format.md`); no callbacks, no RandomState and no state of the optimizer.

        Raises
        ------
        DataError
            If a weight is not finite.
        OSError
            If the file cannot be written.
        """
        check_is_fitted(self, "_parameters")
        storage.save(self, path)

    # ------------------------------------------------- what classifier and regressor know

    def _output(self) -> tuple[str, AnyCost]:
        """Return the output's activation function and the cost, as the engine names them."""
        raise NotImplementedError

    def _scales_y(self) -> bool:
        """Whether the parameters of today ask for standardized targets."""
        return False

    def _loss_of(self, cost: Any) -> Any:
        """Return costs of the engine as scikit-learn's loss."""
        return cost

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that sparse rows are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
