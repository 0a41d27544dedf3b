"""The data of an estimator: checked, encoded, weighted, standardized, split."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import (
    _check_sample_weight,
    check_array,
    check_X_y,
    validate_data,
)

from bpmatrix.array_types import Array, Floats
from bpmatrix.errors import ArgumentError, DataError
from bpmatrix.estimators.fitted import Fitted
from bpmatrix.estimators.rows import Rows, check_names, own_rows, table_of
from bpmatrix.estimators.standardization import Standardization
from bpmatrix.samples.arrays import Targets
from bpmatrix.samples.refused import check_no_dates
from bpmatrix.samples.weighting import check_range

# The kernels read these without conversion; scikit-learn converts anything else to the first.
TYPES = (np.float64, np.float32, np.uint8)


@dataclass(frozen=True, eq=False)
class FitArguments:
    """The arguments of `fit`, or those of `partial_fit` if there are `epochs`."""

    X: Any
    y: Any
    sample_weight: Any
    X_val: Any = None
    y_val: Any = None
    checkpoint: str | os.PathLike[str] | None = None
    classes: Any = None
    epochs: int | None = None

    @property
    def incremental(self) -> bool:
        """Whether these are the arguments of `partial_fit`."""
        return self.epochs is not None

    @property
    def has_validation(self) -> bool:
        """Whether `X_val` or `y_val` was passed."""
        return self.X_val is not None or self.y_val is not None


class Gate(Fitted):
    """The part of an estimator that prepares data for the engine."""

    _random_state: np.random.RandomState
    _standardization: Standardization | None
    _class_factors: Floats | None = None

    def _samples(self, given: FitArguments, *, first: bool) -> Rows:
        """Return training data, checked, encoded, weighted, standardized."""
        X, y = self._checked(given.X, given.y, first=first)
        weight = None
        if given.sample_weight is not None:
            frame = table_of(given.sample_weight, "sample_weight")
            weights = frame.array if frame else given.sample_weight
            check_no_dates(weights, "sample_weight")
            weight = _check_sample_weight(
                weights, X, dtype=np.float64, ensure_non_negative=True, copy=True
            )
        encoded = self._learn_targets(y, weight, given, first=first)
        weight = self._with_class_weight(encoded, weight)
        if weight is not None and not weight.all():
            X, encoded, weight = _without_zero_weights(X, encoded, weight)
        if weight is not None:
            type_of_x = "float32" if X.dtype == np.float32 else "float64"
            dtype = self.dtype or (type_of_x if first else self._description.dtype)
            check_range(weight, np.dtype(dtype).name, "sample_weight times class_weight")
        if first:
            self._standardization = Standardization.of(X, weight) if self.standardize else None
        return Rows.of(self._standardized(X), encoded, weight, self._targets)

    def _held_out(self, X: Any, y: Any) -> Rows:
        """Return validation data, prepared in the same way."""
        if X is None or y is None:
            raise ArgumentError(
                "X_val and y_val must be passed together",
                got="only one of them",
                cure="Pass both or neither.",
            )
        X, y = self._checked(X, y, first=False, suffix="_val")
        if len(y) < 2 and self._y_is_numeric:
            raise too_small(len(y), "Pass more samples: R^2 is undefined for a single one.")
        encoded = self._encode(y)
        weight = self._with_class_weight(encoded, None)
        check_some_weight(weight is None or bool(weight.any()))
        return Rows.of(self._standardized(X), encoded, weight, self._targets)

    def _checked(self, X: Any, y: Any, *, first: bool, suffix: str = "") -> tuple[Any, Any]:
        """Validate inputs and targets as scikit-learn does; the first fit sets the features."""
        frame = table_of(y, f"y{suffix}", are_labels=not self._y_is_numeric)
        y = frame.array if frame else y
        if self._y_is_numeric:
            check_no_dates(y, f"y{suffix}")
        checked: tuple[Any, Any] = self._validated(
            X, f"X{suffix}", own_rows(y, f"y{suffix}"), first=first,
            multi_output=True, y_numeric=self._y_is_numeric,
        )  # fmt: skip
        return checked

    def _validated(
        self, X: Any, name: str, y: Any = "no_validation", *, first: bool = False, **rest: Any
    ) -> Any:
        """Validate inputs as scikit-learn does, of any library; the first fit sets the features."""
        options = {"accept_sparse": "csr", "dtype": TYPES, "order": "C", **rest}
        frame = table_of(X, name)
        if frame is None or frame.names is None:
            check_no_dates(X, name)
            return validate_data(self, own_rows(X, name), y, reset=first, **options)
        if hasattr(X, "iloc"):  # pandas; other versions of scikit-learn know other libraries
            validate_data(self, X, reset=first, skip_check_array=True)
        else:
            check_names(self, frame.names, name, first=first)
        if isinstance(y, str):
            return check_array(frame.array, estimator=self, input_name="X", **options)
        return check_X_y(frame.array, y, estimator=self, **options)

    def _with_class_weight(self, encoded: Array, weight: Array | None) -> Array | None:
        """Return sample weights, multiplied by the class weights."""
        if self._class_factors is None:
            return weight
        return np.asarray(self._class_factors[encoded] * (1.0 if weight is None else weight))

    def _check_split(self, samples: Rows) -> None:
        """Check that the samples can be split, before a random number is drawn."""
        held_out = math.ceil(samples.n * self.validation_fraction)
        cure = "Raise validation_fraction, pass more samples, or X_val and y_val."
        if held_out < 2:
            raise too_small(held_out, cure)
        if held_out >= samples.n:
            raise DataError(
                "the validation split leaves no sample to train on",
                got=f"{held_out} of {samples.n} samples",
                cure="Lower validation_fraction, pass more samples, or X_val and y_val.",
            )

    def _split(self, samples: Rows) -> tuple[Rows, Rows]:
        """Hold out a fraction of the samples, drawn as scikit-learn draws it."""
        rest = [] if samples.weight is None else [samples.weight]
        X, X_val, y, y_val, *weights = train_test_split(
            samples.X,
            samples.y,
            *rest,
            random_state=self._random_state,
            test_size=self.validation_fraction,
            stratify=samples.y if self._stratifies() else None,
        )
        weight, weight_val = weights or (None, None)
        return (
            Rows.of(X, y, weight, self._targets),
            Rows.of(X_val, y_val, weight_val, self._targets),
        )

    def _standardized(self, X: Any) -> Any:
        """Return the inputs of the network for the rows X."""
        if self._standardization is None:
            return X
        dtype = self.dtype or ("float32" if X.dtype == np.float32 else "float64")
        return self._standardization.apply(X, np.dtype(dtype).name)

    def _inputs(self, X: Any) -> Any:
        """Return the rows of a prediction, checked and standardized."""
        if not self._is_plain(X):
            X = self._validated(X, "X")
        return self._standardized(X)

    def _is_plain(self, X: Any) -> bool:
        """Whether X passes scikit-learn's checks, which take longer than a small prediction.

        The engine itself checks for numbers that are not finite.
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

    # ----------------------------------------------- what classifier and regressor implement

    _y_is_numeric = False
    _counterpart: Any  # the class of scikit-learn
    n_outputs_: int

    def _learn_targets(
        self, y: Any, weight: Array | None, given: FitArguments, *, first: bool
    ) -> Array:
        """Learn classes and their weights, or scales, from the targets; return them encoded."""
        raise NotImplementedError

    def _encode(self, y: Any) -> Array:
        """Return checked targets, encoded."""
        raise NotImplementedError

    def _targets(self, encoded: Array) -> Targets:
        """Return encoded targets in the engine's form."""
        raise NotImplementedError

    def _stratifies(self) -> bool:
        """Whether a split is stratified by class."""
        return False


def check_some_weight(is_some: bool) -> None:
    """Raise a DataError unless some validation sample has a weight above 0."""
    if not is_some:
        raise DataError(
            "all validation samples have weight 0: class_weight is 0 for their classes",
            cure="Add validation samples of other classes, or give these classes a weight.",
        )


def too_small(n: int, cure: str) -> DataError:
    """Return the error for too few validation samples."""
    return DataError(
        "the validation set is too small", got=f"{n} samples", expected="2 or more", cure=cure
    )


def _without_zero_weights(X: Any, encoded: Array, weight: Array) -> tuple[Any, Array, Array]:
    """Drop the samples of weight 0."""
    positive = weight > 0
    if not positive.any():
        raise DataError("all sample weights are zero", expected="at least one weight above 0")
    return X[positive], encoded[positive], weight[positive]
