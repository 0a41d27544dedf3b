"""scikit-learn's MLPRegressor on the engine of bpmatrix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import numpy as np
from sklearn import neural_network
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if

from bpmatrix.architecture.activations import OwnActivation
from bpmatrix.architecture.costs import COSTS, AnyCost, OwnCost, ParameterCost, as_cost, find_cost
from bpmatrix.array_types import Array
from bpmatrix.checks import whole_number
from bpmatrix.errors import ArgumentError, DataError
from bpmatrix.estimators.base import MultilayerPerceptron
from bpmatrix.estimators.gate import FitArguments
from bpmatrix.estimators.parameters import is_stochastic
from bpmatrix.estimators.standardization import Scaling, Standardization
from bpmatrix.foreign import ESTIMATOR, FIT, knowing
from bpmatrix.history import EpochInfo
from bpmatrix.samples.arrays import Targets
from bpmatrix.samples.blocks import Blocks
from bpmatrix.samples.survey import Seen, Survey

# The engine's names of the losses.
LOSSES = {record.loss: name for name, record in COSTS.items() if record.loss}


class MLPRegressor(RegressorMixin, MultilayerPerceptron):
    """A multilayer perceptron regressor with scikit-learn's interface; samples are rows.

    Parameters, defaults and attributes are those of `sklearn.neural_network.MLPRegressor`, and the
    same integer `random_state` gives the same training, faster. More losses and the parameters from
    `dropout` on are additions.

    Parameters
    ----------
    loss : str or cost, default "squared_error"
        "squared_error", "poisson" (half the deviance, with exp at the output), "absolute_error",
        "quantile" (the median) or another cost of `bpmatrix.Network`; `bpmatrix.Huber(delta)`,
        `bpmatrix.Quantile(q)` or `bpmatrix.OwnCost`. With `standardize` they apply to the
        standardized target.
    hidden_layer_sizes : int or sequence of int, default (100,)
        Units per hidden layer; empty for linear regression.
    activation : str, bpmatrix.OwnActivation or sequence of them, default "relu"
        "identity", "logistic", "tanh", "relu" or any other function of `bpmatrix.Network`, for all
        hidden layers; or a tuple with one per hidden layer.
    solver : {"adam", "sgd", "lbfgs"}, default "adam"
        "lbfgs" is SciPy's L-BFGS-B, on all samples at once.
    alpha : float, default 0.0001
        The penalty is alpha / 2 times the sum of squared weights, divided by the mini-batch size m:
        alpha = m * weight_decay of `Network.train`.
    batch_size : int or "auto", default "auto"
        Samples per step; "auto" is 200. Clipped to the number of samples.
    learning_rate : {"constant", "invscaling", "adaptive"}, default "constant"
        For "sgd". "invscaling" divides by (samples seen + 1)^power_t; "adaptive" divides by 5 where
        training would otherwise stop.
    learning_rate_init : float, default 0.001
        The learning rate of the first epoch.
    power_t : float, default 0.5
        The exponent of "invscaling".
    max_iter : int, default 200
        The maximum number of epochs, or of iterations of "lbfgs".
    shuffle : bool, default True
        Whether to shuffle the samples in each epoch.
    random_state : int, RandomState or None, default None
        Draws initial weights, validation split and shuffling as scikit-learn does: the same integer
        gives the same training.
    tol : float, default 1e-4
        The least improvement that counts; training stops after more than `n_iter_no_change` epochs
        without it.
    verbose : bool, default False
        Whether to print a line for each epoch.
    warm_start : bool, default False
        Whether a fit starts from the weights of the previous one; a first fit starts from `coefs_`
        and `intercepts_` if both are set.
    momentum : float, default 0.9
        For "sgd".
    nesterovs_momentum : bool, default True
        For "sgd" with momentum.
    early_stopping : bool, default False
        Whether to stop by validation samples and restore the weights of the best epoch: the one
        with the best score, as in scikit-learn, or with standardize=True or X_val the one with the
        lowest loss. ``best_validation_score_`` is its score.
    validation_fraction : float, default 0.1
        The fraction of samples held out for that, unless X_val and y_val are passed to `fit`.
    beta_1, beta_2, epsilon : float, default 0.9, 0.999 and 1e-8
        For "adam".
    n_iter_no_change : int, default 10
        See `tol`.
    max_fun : int, default 15000
        The maximum number of evaluations of "lbfgs".
    dropout : float or sequence of float, default 0.0
        The probability that a hidden unit is dropped for a sample during training; or one per
        hidden layer.
    standardize : bool, default False
        Whether to scale each feature to mean 0 and standard deviation 1, and y too unless the loss
        is "poisson"; predictions take raw features and return raw y.
    dtype : {"float32", "float64"}, optional
        The type to compute in. None is float32 for a float32 X, otherwise float64.
    n_threads : int or "auto", default "auto"
        Threads per mini-batch; the results do not depend on it.
    callbacks : sequence of functions, optional
        Each is called with a `bpmatrix.history.EpochInfo` after every epoch; one that returns True
        ends the training.

    Attributes
    ----------
    coefs_, intercepts_ : list of (n_in, n_out) and (n_out,) arrays
        Writable views of one vector. With `standardize`, they map standardized features to a
        standardized y.
    loss_, best_loss_, loss_curve_ : float, float, list of float
        Mean of loss plus penalty over the mini-batches: of the last, the best and every epoch.
    validation_scores_, best_validation_score_ : list of float, float
        R^2 of the validation samples after every epoch; None without them.
    validation_loss_curve_ : list of float
        Their mean loss, without the penalty; None without them.
    n_iter_, t_, n_layers_, n_outputs_, out_activation_ : int, int, int, int, str
        Epochs; samples seen; layers, counting inputs and outputs; outputs; output activation.
    blocks_ : dict or None
        "block_size" and "window" of the `Blocks` of the last fit; None after one on arrays.

    Notes
    -----
    As in scikit-learn, the squared error is halved, `loss_` is the mean over the outputs (for
    "poisson" the sum), and the gradient is that of the sum. "lbfgs" minimizes the sum; scikit-learn
    passes SciPy the mean with the gradient of the sum.

    Examples
    --------
    >>> import numpy as np
    >>> from bpmatrix import MLPRegressor
    >>> X = np.linspace(-2, 2, 200)[:, None]
    >>> model = MLPRegressor(solver="lbfgs", activation="tanh", max_iter=2000, random_state=1)
    >>> model.fit(X, np.sin(X[:, 0])).score(X, np.sin(X[:, 0])) > 0.99
    True
    """

    @knowing(ESTIMATOR)
    def __init__(
        self,
        loss: str | AnyCost = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | OwnActivation | Sequence[str | OwnActivation] = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: float | Sequence[float] = 0.0,
        standardize: bool = False,
        dtype: str | None = None,
        n_threads: int | str = "auto",
        callbacks: Sequence[Callable[[EpochInfo], object]] | None = None,
    ) -> None:
        self._set_parameters(locals())

    @available_if(is_stochastic)
    @knowing(FIT, "the estimator with {}", ESTIMATOR)
    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        epochs: int = 1,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Self:
        """Train for some epochs, continuing with the weights and the optimizer's state.

        Parameters are those of `fit`.

        Parameters
        ----------
        epochs : int, default 1
            The number of epochs; `n_iter_` is how many there were.
        X_val, y_val : array_like, optional
            As in `fit`. With `early_stopping`, which needs them, the epochs end when the validation
            loss no longer improves, and the best weights are kept; patience and the best loss carry
            over from call to call.
        """
        epochs = whole_number(epochs, "epochs", least=1)
        return self._fit(FitArguments(X, y, sample_weight, X_val, y_val, epochs=epochs))

    def predict(self, X: Any) -> Array:
        """Return the predicted y: (n,) or (n, n_outputs)."""
        values = self._in_units_of_y(self._predicted(X))
        return values[:, 0] if values.shape[1] == 1 else values

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the R^2 on samples and their targets; `Blocks` have targets of their own."""
        if isinstance(X, Blocks) and y is None:
            return self._score_of_blocks(X, sample_weight, r2_score)
        return float(super().score(X, y, sample_weight))

    # ----------------------------------------------------------- what the base class calls

    _counterpart = neural_network.MLPRegressor
    _y_is_numeric = True
    loss: str | AnyCost

    def _learn_targets(
        self, y: Any, weight: Array | None, given: FitArguments, *, first: bool
    ) -> Array:
        del given
        if first:
            self.n_outputs_ = 1 if y.ndim == 1 else y.shape[1]
            table = y.reshape(len(y), -1)
            scaled = Standardization.of(table, weight) if self._scales_y() else None
            self._y_standardization = scaled
        return self._encode(y)

    def _encode(self, y: Any) -> Array:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        table = y.reshape(len(y), -1)
        if table.shape[1] != self.n_outputs_:
            raise DataError(
                "y must have one column per output",
                got=f"{table.shape[1]} columns",
                expected=self.n_outputs_,
            )
        self._check_lowest(table)
        if table.dtype not in (np.float32, np.float64):
            table = table.astype(np.float64)
        if self._y_standardization is not None:
            table = self._y_standardization.apply(table, table.dtype.name)
        return np.ascontiguousarray(table)

    def _check_lowest(self, table: Array) -> None:
        """Reject targets for which the loss is not defined."""
        lowest = find_cost(self._cost()).lowest_target
        if lowest is not None and table.min() < lowest:
            raise DataError(
                f"y has numbers below the range of the loss {self.loss!r}",
                got=f"{table.min():g} as the smallest",
                expected=f"{lowest:g} or more",
                cure='Use loss="squared_error", or shift y.',
            )

    def _targets(self, encoded: Array) -> Targets:
        return Targets(encoded.T, are_labels=False, are_classes=False)

    def _cost(self) -> AnyCost:
        """Return the loss as the engine's cost."""
        loss: Any = self.loss
        if isinstance(loss, str) and loss in LOSSES:
            return as_cost(LOSSES[loss])
        if isinstance(loss, ParameterCost | OwnCost):
            return loss
        # Before 1.7, the first parameter of scikit-learn's regressor was hidden_layer_sizes.
        are_layers = isinstance(loss, int | Iterable) and not isinstance(loss, str)
        raise ArgumentError(
            "unknown loss",
            got=repr(loss),
            expected=" or ".join([*LOSSES, "a Huber, Quantile or OwnCost of bpmatrix"]),
            cure=f"The first parameter is loss: pass hidden_layer_sizes={loss!r}."
            if are_layers
            else None,
        )

    def _output(self) -> tuple[str, AnyCost]:
        cost = self._cost()
        return find_cost(cost).partner or "identity", cost

    def _scales_y(self) -> bool:
        return bool(self.standardize) and self._cost() != "poisson"

    def _loss_of(self, cost: Any) -> Any:
        # As in scikit-learn: a mean over the outputs, but for the deviance the sum.
        return cost if self._cost() == "poisson" else cost / self.n_outputs_

    def _in_units_of_y(self, outputs: Array) -> Array:
        return outputs if self._y_standardization is None else self._y_standardization.undo(outputs)

    def _encoded(self, targets: Targets) -> Array:
        return targets.array.T

    def _seen(self, y: Array, weight: Array | None) -> Seen:
        table = y.reshape(len(y), -1)
        self._check_lowest(table)
        return Seen(None, table, weight)

    def _learn_blocks(
        self, found: Survey, targets: Scaling, given: FitArguments, *, first: bool
    ) -> None:
        del given
        if first:
            y = np.asarray(found.first.y)
            self.n_outputs_ = 1 if y.ndim == 1 else y.shape[1]
            self._y_standardization = targets.result() if self._scales_y() else None

    def _score_of(self, outputs: Array, y: Array, weight: Array | None) -> float:
        outputs, y = self._in_units_of_y(outputs), self._in_units_of_y(y)
        if not np.isfinite(outputs).all():
            return float("nan")
        # The squares of large outputs may overflow: the score is then -inf.
        with np.errstate(over="ignore", invalid="ignore"):
            return float(r2_score(y, outputs, sample_weight=weight))
