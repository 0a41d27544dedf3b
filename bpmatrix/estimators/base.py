"""What classifier and regressor share: fitting, weights, prediction."""

from __future__ import annotations

import os
import warnings
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from bpmatrix.architecture.costs import AnyCost
from bpmatrix.architecture.description import Description
from bpmatrix.array_types import Array
from bpmatrix.engine import evaluation, prediction
from bpmatrix.engine.evaluation import joined
from bpmatrix.engine.processors import choose_threads, running
from bpmatrix.errors import ArgumentError
from bpmatrix.estimators import resumable, storage
from bpmatrix.estimators.blocks import BlockGate, named
from bpmatrix.estimators.descent import SolverState
from bpmatrix.estimators.exported import Exported
from bpmatrix.estimators.from_sklearn import from_sklearn
from bpmatrix.estimators.gate import FitArguments
from bpmatrix.estimators.parameters import HiddenLayers, batch_size, check_parameters, check_type
from bpmatrix.estimators.quasi_newton import Validation, fit_quasi_newton
from bpmatrix.estimators.rows import Rows, as_columns
from bpmatrix.estimators.sklearn_callbacks import CallbackSupport, fit_task
from bpmatrix.estimators.stochastic import Fit, fit_stochastic
from bpmatrix.estimators.to_sklearn import to_sklearn
from bpmatrix.estimators.weights import initial_parameters, zero_parameters
from bpmatrix.foreign import ESTIMATOR, FIT, knowing
from bpmatrix.samples.ahead import Ahead
from bpmatrix.samples.blocks import Blocks
from bpmatrix.samples.sparse import SparseColumns
from bpmatrix.storage import tensor_files
from bpmatrix.storage.checkpoints import Checkpoints, in_use
from bpmatrix.training.endings import warn_of_interruption
from bpmatrix.training.recipe import Recipe
from bpmatrix.training.record import opened
from bpmatrix.training.slices import SliceRunner

PUBLIC_WEIGHTS = ("coefs_", "intercepts_")
CURVES = ("loss_curve_", "validation_scores_", "validation_loss_curve_")


class MultilayerPerceptron(CallbackSupport, BlockGate, Exported):
    """The part of an estimator that does not depend on the kind of its targets."""

    _optimizer: SolverState | None

    @knowing(FIT, "the estimator with {}", ESTIMATOR)
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Train a new network; with `warm_start`, continue with the old one.

        A fit that fails with any error restores the previously fitted model; Ctrl-C keeps the
        complete epochs.

        Parameters
        ----------
        X : (n, n_features) array_like, table, sparse matrix or Blocks
            Samples as rows, also of pandas, polars, pyarrow or DuckDB; uint8 and float32 are
            converted one mini-batch at a time. For data larger than memory, `bpmatrix.Blocks` with
            their y and weights.
        y : array_like
            For a classifier, labels (n,) of any type, or an indicator matrix (n, n_labels); for a
            regressor, numbers (n,) or (n, n_outputs).
        sample_weight : (n,) array_like, optional
            The weight of each sample.
        X_val, y_val : array_like, optional
            Scored after every epoch, never trained on; `early_stopping` uses their loss instead of
            the score of a part of X. X_val may be `Blocks`, without y_val.
        checkpoint : path, optional
            A folder for checkpoints. If it contains a fit, that fit is resumed and produces the
            same bits as an uninterrupted one; else a new fit starts. A checkpoint is written every
            minute and at the end, also after Ctrl-C or SIGTERM. Different data or parameters raise
            an error; only `max_iter`, `n_threads`, `callbacks` and `verbose` may change.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For invalid parameters or data.
        DivergenceError
            If a cost or weight is not finite; it is a ValueError, too. With early stopping, only
            before the first score: later, the best weights are kept, with a ConvergenceWarning.
        """
        return self._fit(FitArguments(X, y, sample_weight, X_val, y_val, checkpoint))

    def _fit(self, given: FitArguments) -> Self:
        """Fit, or run some epochs for `partial_fit`.

        What is learned from the data, and the initial weights, are set on a shallow copy, whose
        attributes the estimator adopts just before the first step: a fit that is rejected or fails
        before that has changed nothing.
        """
        layers, checkpoint = check_parameters(self), given.checkpoint
        if given.incremental and self.early_stopping and not given.has_validation:
            raise ArgumentError(
                "partial_fit does not support early_stopping=True without validation data",
                cure="Pass X_val and y_val, or set early_stopping=False.",
            )
        if self.solver == "lbfgs" and (self.callbacks or checkpoint is not None):
            raise ArgumentError(
                "the solver lbfgs has no epochs, so no callbacks or checkpoints",
                cure='Leave out callbacks and checkpoint, or set solver="adam".',
            )
        self._check_takes_blocks(given)
        checkpoints = None if checkpoint is None else Checkpoints(checkpoint)
        random_state = resumable.generator_of(self.random_state, checkpoints)
        first_state = (
            resumable.random_state_to_json(random_state) if checkpoints is not None else {}
        )
        with running(self, "estimator"), in_use(checkpoints), fit_task(self, given) as join:
            shadow = object.__new__(type(self))
            shadow.__dict__.update(vars(self))
            samples, held_out = shadow._prepare(layers, given, random_state)
            by_loss = given.has_validation or self.standardize
            if self.solver == "lbfgs":
                start = shadow._parameters.flat
                theta, unfinished = fit_quasi_newton(
                    shadow, shadow._description, start, samples, shadow._loss_of,
                    Validation.of(shadow, start, held_out, shadow._scores, by_loss),
                )  # fmt: skip
                self.__dict__ = shadow.__dict__
                self._parameters.flat[:] = theta
            else:
                runner, state = self._runner(shadow, layers, samples, incremental=given.incremental)
                fit = (Fit if checkpoints is None else resumable.ResumableFit)(
                    shadow, runner, state, samples, held_out,
                    shadow._scores, shadow._loss_of, shadow._random_state,
                    by_loss=by_loss, epochs=given.epochs,
                )  # fmt: skip
                if isinstance(fit, resumable.ResumableFit):
                    fit.first_state = first_state
                join(fit)
                unfinished = self._descend(shadow, fit, checkpoints)
        if unfinished:
            warnings.warn(unfinished, ConvergenceWarning, stacklevel=3)
        return self

    def _runner(
        self,
        shadow: MultilayerPerceptron,
        layers: HiddenLayers,
        samples: Rows,
        *,
        incremental: bool,
    ) -> tuple[SliceRunner, SolverState]:
        """Return the runner and the solver's state, for `partial_fit` from the previous call."""
        description, theta = shadow._description, shadow._parameters.flat
        m = batch_size(self, samples.n)
        state = (shadow._optimizer if incremental else None) or SolverState.fresh(self, theta)
        runner = SliceRunner(
            description, theta, samples.columns.X, samples.columns.targets, m,
            choose_threads(self.n_threads, description.layout.size, m),
            recipe=Recipe(state.optimizer_state.optimizer, dropout=(0.0, *layers.dropout)),
            state=state.optimizer_state, sample_weight=samples.weight,
            seed=resumable.seed_of(shadow._random_state), with_parts=True,
            keep_start=self._is_fitted and theta is self._parameters.flat,
        )  # fmt: skip
        return runner, state

    def _descend(
        self, shadow: MultilayerPerceptron, fit: Fit, checkpoints: Checkpoints | None
    ) -> str | None:
        """Adopt the copy's attributes and train; return why training has not converged, if so.

        If that fails, or is interrupted before the end of an epoch, a fitted estimator is restored.
        One that was not fitted keeps the weights reached so far.
        """
        fit.network = self
        old, was_fitted, unfinished = self.__dict__, self._is_fitted, None
        curves = [(curve, len(curve)) for curve in map(old.get, CURVES) if isinstance(curve, list)]

        def restore() -> None:
            self.__dict__ = old
            # A fit changes weights and curves in place, since the user may have references.
            fit.undo()
            for curve, length in curves:
                del curve[length:]

        if checkpoints is not None and isinstance(fit, resumable.ResumableFit):
            try:
                checkpoints.begin(fit)
            except BaseException:
                restore()
                raise
        shadow._optimizer = fit.state
        try:
            self.__dict__ = shadow.__dict__
            with opened(fit.callbacks):
                unfinished = fit_stochastic(fit)
        except KeyboardInterrupt:  # outside the loop, which catches its own
            fit.history.stopped_by = "interrupt"
        except BaseException:
            if was_fitted:
                restore()
            raise
        self._is_interrupted = fit.history.stopped_by == "interrupt"
        if self._is_interrupted:
            epochs, consequence = self.n_iter_, "keeps its current weights"
            if was_fitted and not epochs:
                restore()
                consequence = "is unchanged"
            warn_of_interruption(epochs, f"the estimator {consequence}{fit.hint}")
        return unfinished

    def _prepare(
        self, layers: HiddenLayers, given: FitArguments, random_state: np.random.RandomState
    ) -> tuple[Rows, Rows | None]:
        """Check and encode the data, and initialize or continue weights and records."""
        continues = self.warm_start or given.incremental
        first = not (self._is_fitted and continues)
        samples = self._samples(given, first=first)
        held_out = self._held_out(given.X_val, given.y_val) if given.has_validation else None
        splits = self.early_stopping and held_out is None
        if splits:
            self._check_split(samples)
        self._random_state = random_state
        self.blocks_ = samples.columns.record or None
        if not first:
            self._continue(layers)
        else:
            self._begin(layers, samples.X, continues=continues)
        self.n_iter_ = 0
        if self.solver == "lbfgs":
            pass  # it has no curve of losses
        elif first and not continues:
            self.__dict__.update(self._empty_records())
        else:
            self._continue_records()
        return self._split(samples) if splits else (samples, held_out)

    def _begin(self, layers: HiddenLayers, X: Any, *, continues: bool) -> None:
        """Start with new weights: drawn, or set by the user for warm_start or partial_fit."""
        dtype = "float32" if X.dtype == np.float32 else "float64"
        self._describe(self._described(layers, dtype if self.dtype is None else self.dtype))
        given = {name: vars(self)[name] for name in PUBLIC_WEIGHTS if name in vars(self)}
        if continues and given:
            self._publish(zero_parameters(self._description))
            for name in PUBLIC_WEIGHTS:
                setattr(self, name, given.get(name, ()))
            self._adopt_public_weights(restore_views=True)
        else:
            drawn = initial_parameters(self._description, layers.drawn_for, self._random_state)
            self._publish(drawn)
        self._optimizer = None
        self.t_ = self.t_ if continues and hasattr(self, "t_") else 0

    def _continue(self, layers: HiddenLayers) -> None:
        """Continue the network with the current parameters, as far as its weights allow.

        As in scikit-learn, activation functions and loss may have changed. What would need weights
        of another shape, or other inputs for the same weights, may not.
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
                    f"warm_start and partial_fit cannot change {name}",
                    got=is_now,
                    expected=was,
                    cure="Set warm_start=False and call fit to start afresh.",
                )
        self._describe(new)
        self._adopt_public_weights(restore_views=True)

    def _described(self, layers: HiddenLayers, dtype: Any) -> Description:
        """Return the description of the network for the current parameters."""
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
        """Return the output activations (n, n_L) for the X of a prediction."""
        if not self._is_fitted:  # check_is_fitted is slower
            check_is_fitted(self)
        if isinstance(X, Blocks):
            with Ahead(X.with_samples()) as ahead:
                return joined([self._predicted(named(block)) for _, block in ahead])
        columns = as_columns(self._inputs(X))
        if isinstance(columns, SparseColumns):
            return prediction.check_results(self._outputs(columns), "an output")
        self._adopt_public_weights()
        return prediction.outputs(self._description, self._parameters.flat, columns).T

    def _outputs(self, columns: Any) -> Array:
        """Return the output activations (n, n_L) for checked samples, which may be NaN in a fit."""
        self._adopt_public_weights()
        return evaluation.outputs(self._description, self._parameters.flat, columns).T

    def _scores(self, samples: Rows) -> evaluation.Scores:
        """Return the mean loss of samples, without the penalty, and their score."""
        costs, outputs, targets = [], [], []
        weights: list[Any] = []
        for part in samples.columns.parts():
            outputs.append(self._outputs(part.X))
            theta = self._parameters.flat
            costs.append(evaluation.costs_and_hits(self._description, theta, part)[0])
            targets.append(self._encoded(part.targets))
            weights.append(part.weights)
        weight = None if samples.weight is None else joined(weights)
        score = self._score_of(joined(outputs), joined(targets), weight)
        loss = self._loss_of(evaluation.mean(joined(costs), weight))
        return evaluation.Scores(float(loss), score)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a fitted estimator to one .safetensors file, for `bpmatrix.load`.

        The file holds network, classes, standardization, feature names, parameters and records
        (`docs/file-format.md`), but no callbacks, RandomState or optimizer state.

        Raises
        ------
        DataError
            If a weight is not finite.
        OSError
            If the file cannot be written.
        """
        check_is_fitted(self)
        tensor_files.write(path, *self._contents())

    def _contents(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return what a file holds of the estimator."""
        self._adopt_public_weights()
        return storage.contents(self, self._description, self._parameters)

    @classmethod
    def from_sklearn(cls, estimator: Any) -> Self:
        """Return a copy of a fitted estimator of `sklearn.neural_network`, of the same kind.

        It has the same parameters, weights, classes, feature names and records, and the state of
        the optimizer, so that `partial_fit` continues as that of scikit-learn would. It computes in
        float32 if all weights are float32, else in float64.

        Parameters
        ----------
        estimator : sklearn.neural_network.MLPClassifier or MLPRegressor
            Fitted, by scikit-learn 1.6 or newer. It is not changed.

        Returns
        -------
        MLPClassifier or MLPRegressor
            A new estimator.

        Raises
        ------
        ValueError
            If the estimator is of another kind or a subclass, not fitted, has invalid parameters,
            or attributes that do not fit each other.

        Examples
        --------
        >>> from sklearn import neural_network
        >>> from sklearn.datasets import load_iris
        >>> from bpmatrix import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> theirs = neural_network.MLPClassifier(tol=0.01, random_state=1).fit(X, y)
        >>> ours = MLPClassifier.from_sklearn(theirs)
        >>> bool((ours.predict(X) == theirs.predict(X)).all())
        True
        """
        return from_sklearn(cls, estimator)

    def to_sklearn(self) -> Any:
        """Return a copy as a fitted estimator of `sklearn.neural_network`.

        It predicts the same, up to rounding. A standardization becomes part of the weights and
        biases of the first layer, that of a regressor's y of the last one; these are then float64.

        Further training is the same as here, with the state of the optimizer, if nothing was
        standardized; otherwise `partial_fit` starts a new optimizer, and a new `fit` does not
        standardize. It ignores `class_weight`, `dropout` and a `loss` that scikit-learn does not
        have, of which a UserWarning reminds. `callbacks`, `dtype`, `n_threads` and
        `validation_loss_curve_` are left out.

        Returns
        -------
        sklearn.neural_network.MLPClassifier or MLPRegressor
            A new estimator.

        Raises
        ------
        ValueError
            If the estimator is not fitted, its hidden activation functions are not one of
            "identity", "logistic", "tanh" or "relu" for all layers, or a weight is not finite.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from bpmatrix import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> ours = MLPClassifier(standardize=True, tol=0.01, random_state=1).fit(X, y)
        >>> theirs = ours.to_sklearn()
        >>> float(abs(theirs.predict_proba(X) - ours.predict_proba(X)).max()) < 1e-12
        True
        """
        return to_sklearn(self)

    # ----------------------------------------------- what classifier and regressor implement

    def _output(self) -> tuple[str, AnyCost]:
        """Return the engine's names of the output activation function and the cost."""
        raise NotImplementedError

    def _loss_of(self, cost: Any) -> Any:
        """Convert costs of the engine to scikit-learn's loss."""
        return cost

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that sparse rows are accepted."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
