"""What classifier and regressor have in common: data in, a fit, weights out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from bpmatrix import evaluation, prediction
from bpmatrix.arrays import Targets
from bpmatrix.costs import AnyCost
from bpmatrix.description import Description
from bpmatrix.errors import ArgumentError, DataError
from bpmatrix.estimators import storage
from bpmatrix.estimators.fitted import Fitted
from bpmatrix.estimators.parameters import check_parameters, hidden_activations, hidden_sizes
from bpmatrix.estimators.quasi_newton import fit_quasi_newton
from bpmatrix.estimators.samples import Samples, as_columns
from bpmatrix.estimators.standardization import Standardization
from bpmatrix.estimators.stochastic import fit_stochastic, forget
from bpmatrix.estimators.weights import first_parameters
from bpmatrix.history import EpochInfo
from bpmatrix.sparse import SparseColumns

__all__ = ["MultilayerPerceptron"]

Array = NDArray[Any]

# What the kernels read as it is; scikit-learn converts anything else to the first of them.
TYPES = (np.float64, np.float32, np.uint8)


class MultilayerPerceptron(Fitted):
    """The part of an estimator that asks nothing of its targets."""

    hidden_layer_sizes: int | Sequence[int]
    activation: Any
    solver: str
    random_state: Any
    warm_start: bool
    early_stopping: bool
    validation_fraction: float
    dtype: str | None
    standardize: bool
    callbacks: Sequence[Callable[[EpochInfo], object]] | None

    def _keep(self, arguments: dict[str, Any]) -> None:
        """Set the arguments of a constructor, as scikit-learn wants them: unchanged."""
        for name in self._get_param_names():
            setattr(self, name, arguments[name])

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
        first = not hasattr(self, "_parameters") or not (self.warm_start or incremental)
        samples = self._samples(X, y, sample_weight, first=first, incremental=incremental)
        self._random_state = check_random_state(self.random_state)
        if first:
            self._begin(samples.X)
        elif (*hidden_sizes(self), self.n_outputs_) != self._description.sizes[1:]:
            raise ArgumentError(
                "a fit that goes on cannot change the layers",
                got=f"{[*hidden_sizes(self), self.n_outputs_]}",
                expected=f"{list(self._description.sizes[1:])}",
                cure="Set warm_start=False to begin anew.",
            )
        self._solve(samples, validation, incremental=incremental)

    def _begin(self, X: Any) -> None:
        """Draw the weights of a new network, and empty the records."""
        output, cost = self._output()
        hidden = hidden_activations(self)
        dtype = "float32" if X.dtype == np.float32 else "float64"
        self._description = Description(
            (X.shape[1], *hidden_sizes(self), self.n_outputs_),
            (*hidden, output),
            cost,
            dtype=dtype if self.dtype is None else np.dtype(self.dtype).name,
        )
        self._publish(first_parameters(self._description, hidden, self._random_state))
        self._optimizer = None
        self.n_iter_ = self.t_ = 0
        if self.solver != "lbfgs":
            forget(self)

    def _solve(
        self, samples: Samples, validation: tuple[Any, Any] | None, *, incremental: bool
    ) -> None:
        """Split off or take the validation samples, and let the solver work."""
        self._take_over_public_weights()
        held_out = None if validation is None else self._held_out(*validation)
        if self.solver == "lbfgs":
            fit_quasi_newton(self, samples)
            return
        if self.early_stopping:
            self._best = self._parameters.flat.copy()
            # scikit-learn keeps the first of several epochs with the best score; where it has no
            # say, one with less loss is better, both to keep and to go on.
            self._least_loss = None if held_out is None else np.inf
            if held_out is None:
                samples, held_out = self._split(samples)
        fit_stochastic(self, samples, held_out, incremental=incremental)

    # ------------------------------------------------------------------------------ data

    def _samples(
        self, X: Any, y: Any, sample_weight: Any, *, first: bool, incremental: bool
    ) -> Samples:
        """Let training data through scikit-learn's gate, and standardize them."""
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            y_numeric=self._y_is_numeric,
            dtype=TYPES,
            order="C",
            reset=first,
        )
        weight = None
        if sample_weight is not None:
            weight = _check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
        encoded = self._learn_targets(y, weight, first=first, incremental=incremental)
        self._learn_class_weight(encoded, weight, incremental=incremental)
        weight = self._with_class_weight(encoded, weight)
        if weight is not None and not weight.all():
            X, encoded, weight = _without_nothing(X, encoded, weight)
        if first:
            self._standardization = Standardization.of(X, weight) if self.standardize else None
        return Samples.of(self._standardized(X), encoded, weight, self._targets)

    def _held_out(self, X: Any, y: Any) -> Samples:
        """Let validation data through the same gate."""
        if X is None or y is None:
            raise ArgumentError(
                "X_val and y_val go together", got="only one of them", cure="Pass both, or none."
            )
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            y_numeric=self._y_is_numeric,
            dtype=TYPES,
            order="C",
            reset=False,
        )
        encoded = self._encode(y)
        weight = self._with_class_weight(encoded, None)
        return Samples.of(self._standardized(X), encoded, weight, self._targets)

    def _split(self, samples: Samples) -> tuple[Samples, Samples]:
        """Hold a part of the samples out, drawn as scikit-learn draws it."""
        rest = [] if samples.weight is None else [samples.weight]
        X, X_val, y, y_val, *weights = train_test_split(
            samples.X,
            samples.y,
            *rest,
            random_state=self._random_state,
            test_size=self.validation_fraction,
            stratify=samples.y if self._stratifies() else None,
        )
        if X_val.shape[0] < 2:
            raise DataError(
                "the validation part is too small",
                got=f"{X_val.shape[0]} samples",
                expected="2 or more",
                cure="Raise validation_fraction, pass more samples, or X_val and y_val.",
            )
        weight, weight_val = weights or (None, None)
        return (
            Samples.of(X, y, weight, self._targets),
            Samples.of(X_val, y_val, weight_val, self._targets),
        )

    def _standardized(self, X: Any) -> Any:
        """Return inputs as the network sees them."""
        if self._standardization is None:
            return X
        dtype = self.dtype or ("float32" if X.dtype == np.float32 else "float64")
        return self._standardization.apply(X, np.dtype(dtype).name)

    def _inputs(self, X: Any) -> Any:
        """Let the rows of a prediction through the gate."""
        if not self._is_plain(X):
            X = validate_data(self, X, accept_sparse="csr", dtype=TYPES, order="C", reset=False)
        return self._standardized(X)

    def _predicted(self, X: Any) -> Array:
        """Return the output activations (n, n_L) of whatever a prediction is asked for."""
        if not hasattr(self, "_parameters"):  # what check_is_fitted asks for takes longer
            check_is_fitted(self)
        return self._outputs(self._inputs(X))

    def _is_plain(self, X: Any) -> bool:
        """Whether scikit-learn's checks, which outlast a small prediction, would find nothing.

        What is not finite the engine finds by itself.
        """
        return (
            type(X) is np.ndarray
            and X.dtype in (np.float64, np.float32)
            and X.flags.c_contiguous
            and X.ndim == 2
            and X.shape[0] > 0
            and X.shape[1] == self.n_features_in_
            and not hasattr(self, "feature_names_in_")
            and (self._standardization is None or bool(np.isfinite(X).all()))
        )

    # ----------------------------------------------------------------------- predictions

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

    _y_is_numeric = False
    n_outputs_: int

    def _learn_targets(
        self, y: Any, weight: Array | None, *, first: bool, incremental: bool
    ) -> Array:
        """Learn from the targets of a fit what they are, and return them encoded."""
        raise NotImplementedError

    def _encode(self, y: Any) -> Array:
        """Return checked targets as what the engine learns."""
        raise NotImplementedError

    def _targets(self, encoded: Array) -> Targets:
        """Return encoded targets in the engine's form."""
        raise NotImplementedError

    def _output(self) -> tuple[str, AnyCost]:
        """Return the output's activation function and the cost, as the engine names them."""
        raise NotImplementedError

    def _loss_of(self, cost: Any) -> Any:
        """Return costs of the engine as scikit-learn's loss."""
        return cost

    def _learn_class_weight(
        self, encoded: Array, weight: Array | None, *, incremental: bool
    ) -> None:
        """Learn what the samples of each class count, from those that are trained on."""

    def _with_class_weight(self, encoded: Array, weight: Array | None) -> Array | None:
        """Return the weights of samples, with those of their classes."""
        del encoded
        return weight

    def _stratifies(self) -> bool:
        """Whether a split keeps the shares of the classes."""
        return False

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that sparse rows are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _without_nothing(X: Any, encoded: Array, weight: Array) -> tuple[Any, Array, Array]:
    """Leave out the samples of weight 0, so that they are as if they were not there."""
    counts = weight > 0
    if not counts.any():
        raise DataError(
            "the weights of all samples are zero", expected="one sample of a weight above 0"
        )
    return X[counts], encoded[counts], weight[counts]
