"""What classifier and regressor have in common: a fit, its weights, and what they predict."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from bpmatrix.architecture.costs import AnyCost
from bpmatrix.architecture.description import Description
from bpmatrix.engine import evaluation, prediction
from bpmatrix.engine.processors import choose_threads, running
from bpmatrix.errors import ArgumentError
from bpmatrix.estimators import storage
from bpmatrix.estimators.descent import State
from bpmatrix.estimators.gate import Gate
from bpmatrix.estimators.parameters import (
    HiddenLayers,
    batch_size,
    check_parameters,
    check_type,
)
from bpmatrix.estimators.quasi_newton import fit_quasi_newton
from bpmatrix.estimators.samples import Samples, as_columns
from bpmatrix.estimators.standardization import Standardization
from bpmatrix.estimators.stochastic import Fit, fit_stochastic
from bpmatrix.estimators.weights import first_parameters, no_parameters
from bpmatrix.samples.sparse import SparseColumns
from bpmatrix.training.recipe import Recipe
from bpmatrix.training.run import warn_of_interruption
from bpmatrix.training.slices import SliceRunner

__all__ = ["MultilayerPerceptron"]

Array = NDArray[Any]

PUBLIC_WEIGHTS = ("coefs_", "intercepts_")
CURVES = ("loss_curve_", "validation_scores_", "validation_loss_curve_")


class MultilayerPerceptron(Gate):
    """The part of an estimator that asks nothing of its targets."""

    _optimizer: State | None
    _y_standardization: Standardization | None = None

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: tuple[Any, Any] | None = None,
        *,
        incremental: bool = False,
        classes: Any = None,
    ) -> None:
        """Fit, or take one epoch where this is a `partial_fit`.

        What is learned of the data, and the first weights, go onto a shadow of the estimator, which
        the estimator becomes when the first step can be taken: whatever is refused or fails before
        has changed nothing.
        """
        layers = self._check_parameters()
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
        with running(self, "estimator"):
            shadow = object.__new__(type(self))
            shadow.__dict__.update(vars(self))
            samples, held_out = shadow._prepare(
                layers, X, y, sample_weight, validation, incremental=incremental, classes=classes
            )
            if self.solver == "lbfgs":
                theta, unfinished = fit_quasi_newton(
                    shadow, shadow._description, shadow._parameters.flat, samples, shadow._loss_of
                )
                self.__dict__ = shadow.__dict__
                self._parameters.flat[:] = theta
            else:
                runner, state = self._runner(shadow, layers, samples, incremental=incremental)
                fit = Fit(
                    shadow, runner, state, samples, held_out,
                    shadow._scores, shadow._loss_of, shadow._random_state,
                    by_loss=validation is not None or self.standardize, incremental=incremental,
                )  # fmt: skip
                unfinished = self._descend(shadow, fit)
        if unfinished:
            warnings.warn(unfinished, ConvergenceWarning, stacklevel=3)

    def _runner(
        self,
        shadow: MultilayerPerceptron,
        layers: HiddenLayers,
        samples: Samples,
        *,
        incremental: bool,
    ) -> tuple[SliceRunner, State]:
        """Return what takes the steps, and its state: of a `partial_fit`, that of the last one."""
        description, theta = shadow._description, shadow._parameters.flat
        m = batch_size(self, samples.n)
        state = (shadow._optimizer if incremental else None) or State.fresh(self, theta)
        runner = SliceRunner(
            description, theta, samples.columns, samples.targets, m,
            choose_threads(self.n_threads, description.layout.size, m),
            recipe=Recipe(state.moments.optimizer, dropout=(0.0, *layers.dropout)),
            state=state.moments, sample_weight=samples.weight, seed=_seed(shadow._random_state),
            with_parts=True, keep_start=self._is_fitted and theta is self._parameters.flat,
        )  # fmt: skip
        return runner, state

    def _descend(self, shadow: MultilayerPerceptron, fit: Fit) -> str | None:
        """Become the shadow and train; return why the training has not converged, if so.

        If that fails, or is interrupted before an epoch is over, an estimator that was fitted is
        again what it was. One that was not keeps the weights that it has come to.
        """
        old, was_fitted, unfinished = self.__dict__, self._is_fitted, None
        curves = [(curve, len(curve)) for curve in map(old.get, CURVES) if isinstance(curve, list)]

        def put_back() -> None:
            self.__dict__ = old
            # A fit changes weights and lists of records in place, since the user may hold them.
            fit.back_to_start()
            for curve, length in curves:
                del curve[length:]

        shadow._optimizer = fit.state
        try:
            self.__dict__ = shadow.__dict__
            unfinished = fit_stochastic(fit)
        except KeyboardInterrupt:  # just before or after the loop, which catches it otherwise
            fit.history.stopped_by = "interrupt"
        except BaseException:
            if was_fitted:
                put_back()
            raise
        if fit.history.stopped_by == "interrupt":
            epochs, keeps = self.n_iter_, "keeps the weights that it has"
            if was_fitted and not epochs:
                put_back()
                keeps = "is as it was before"
            warn_of_interruption(epochs, f"the estimator {keeps}")
        return unfinished

    def _check_parameters(self) -> HiddenLayers:
        """Refuse parameters that no fit can use; return what they say of the hidden layers."""
        return check_parameters(self)

    def _prepare(
        self,
        layers: HiddenLayers,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: tuple[Any, Any] | None,
        *,
        incremental: bool,
        classes: Any,
    ) -> tuple[Samples, Samples | None]:
        """Learn what the data are, and be ready for the first step."""
        goes_on = self.warm_start or incremental
        first = not (self._is_fitted and goes_on)
        samples = self._samples(
            X, y, sample_weight, first=first, incremental=incremental, classes=classes
        )
        held_out = None if validation is None else self._held_out(*validation)
        splits = self.early_stopping and held_out is None and self.solver != "lbfgs"
        if splits:
            self._check_split(samples)
        self._random_state = check_random_state(self.random_state)
        if not first:
            self._go_on(layers)
        else:
            self._begin(layers, samples.X, goes_on=goes_on)
        self.n_iter_ = 0
        if self.solver == "lbfgs":
            return samples, None
        if first and not goes_on:
            self.__dict__.update(self._empty_records())
        else:
            self._go_on_recording()
        return self._split(samples) if splits else (samples, held_out)

    def _begin(self, layers: HiddenLayers, X: Any, *, goes_on: bool) -> None:
        """Begin with new weights: drawn, or those that the user has set for a fit that goes on."""
        dtype = "float32" if X.dtype == np.float32 else "float64"
        self._describe(self._described(layers, dtype if self.dtype is None else self.dtype))
        given = {name: vars(self)[name] for name in PUBLIC_WEIGHTS if name in vars(self)}
        if goes_on and given:
            self._publish(no_parameters(self._description))
            for name in PUBLIC_WEIGHTS:
                setattr(self, name, given.get(name, ()))
            self._take_over_public_weights(for_good=True)
        else:
            self._publish(first_parameters(self._description, layers.drawn_for, self._random_state))
        self._optimizer = None
        self.t_ = self.t_ if goes_on and hasattr(self, "t_") else 0

    def _go_on(self, layers: HiddenLayers) -> None:
        """Take the network on with the parameters of today, where its weights have room for them.

        As in scikit-learn, activation functions and loss may have changed. What would need other
        weights, or other inputs for the same weights, may not.
        """
        old = self._description
        new = self._described(layers, old.dtype if self.dtype is None else self.dtype)
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
        self._describe(new)
        self._take_over_public_weights(for_good=True)

    def _described(self, layers: HiddenLayers, dtype: Any) -> Description:
        """Return the network that the parameters of today ask for."""
        output, cost = self._output()
        dtype = np.dtype(dtype).name
        check_type(self, dtype)
        description = Description(
            (self.n_features_in_, *layers.sizes, self.n_outputs_),
            (*layers.activations, output),
            cost,
            dtype=dtype,
        )
        description.check_type()
        return description

    # ----------------------------------------------------------------------- predictions

    def _predicted(self, X: Any) -> Array:
        """Return the output activations (n, n_L) of whatever a prediction is asked for."""
        if not self._is_fitted:  # what check_is_fitted asks for takes longer
            check_is_fitted(self)
        return self._outputs(as_columns(self._inputs(X)))

    def _outputs(self, columns: Any) -> Array:
        """Return the output activations (n, n_L) of samples as the engine takes them."""
        self._take_over_public_weights()
        if isinstance(columns, SparseColumns):
            return evaluation.outputs(self._description, self._parameters.flat, columns).T
        return prediction.outputs(self._description, self._parameters.flat, columns).T

    def _scores(self, samples: Samples) -> evaluation.Scores:
        """Return the mean loss of some samples, without the penalty, and their score."""
        score = self._score_samples(samples)
        theta = self._parameters.flat
        found = evaluation.scores(
            self._description, theta, samples.columns, samples.targets, samples.weight
        )
        return evaluation.Scores(float(self._loss_of(found.cost)), score)

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
        check_is_fitted(self)
        self._take_over_public_weights()
        storage.save(self, self._description, self._parameters, path)

    # ------------------------------------------------- what classifier and regressor know

    def _output(self) -> tuple[str, AnyCost]:
        """Return the output's activation function and the cost, as the engine names them."""
        raise NotImplementedError

    def _score_samples(self, samples: Samples) -> float:
        """Return the score of some samples, as scikit-learn's `score` has it."""
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


def _seed(random_state: np.random.RandomState) -> int:
    """Return a number out of the state of a generator of any kind, without drawing from it."""
    state = random_state.get_state(legacy=False)["state"]
    return int(np.asarray(state["key"] if "key" in state else state["state"]).flat[0])
