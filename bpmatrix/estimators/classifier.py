"""scikit-learn's MLPClassifier on the engine of bpmatrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn import neural_network
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if

from bpmatrix.architecture.activations import OwnActivation
from bpmatrix.array_types import Array
from bpmatrix.checks import whole_number
from bpmatrix.errors import ArgumentError, DataError
from bpmatrix.estimators.base import MultilayerPerceptron
from bpmatrix.estimators.gate import FitArguments
from bpmatrix.estimators.labels import Labels
from bpmatrix.estimators.parameters import is_stochastic
from bpmatrix.estimators.rows import Rows
from bpmatrix.estimators.standardization import Scaling
from bpmatrix.foreign import ESTIMATOR, FIT, knowing
from bpmatrix.history import EpochInfo
from bpmatrix.samples.arrays import Targets
from bpmatrix.samples.blocks import Blocks
from bpmatrix.samples.survey import Seen, Survey


class MLPClassifier(ClassifierMixin, MultilayerPerceptron):
    """A multilayer perceptron classifier with scikit-learn's interface; samples are rows.

    Parameters, defaults and attributes are those of `sklearn.neural_network.MLPClassifier`, and the
    same integer `random_state` gives the same training, faster. The parameters from `class_weight`
    on are additions.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default (100,)
        Units per hidden layer; empty for logistic regression.
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
    class_weight : dict, "balanced" or None, default None
        The weight of each class, in training and validation; "balanced" gives every class the same
        total weight in training.
    dropout : float or sequence of float, default 0.0
        The probability that a hidden unit is dropped for a sample during training; or one per
        hidden layer.
    standardize : bool, default False
        Whether to scale each feature to mean 0 and standard deviation 1; predictions take raw
        features.
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
        Writable views of one vector. With `standardize`, they apply to standardized features.
    loss_, best_loss_, loss_curve_ : float, float, list of float
        Mean of loss plus penalty over the mini-batches: of the last, the best and every epoch.
    validation_scores_, best_validation_score_ : list of float, float
        Accuracy of the validation samples after every epoch; None without them.
    validation_loss_curve_ : list of float
        Their mean loss, without the penalty; None without them.
    n_iter_, t_, n_layers_, n_outputs_, out_activation_ : int, int, int, int, str
        Epochs; samples seen; layers, counting inputs and outputs; outputs; output activation.
    blocks_ : dict or None
        "block_size" and "window" of the `Blocks` of the last fit; None after one on arrays.
    classes_ : array
        The class labels, in the order of the outputs.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from bpmatrix import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(solver="lbfgs", standardize=True, random_state=1).fit(X, y)
    >>> model.score(X, y) > 0.95
    True
    """

    loss = "log_loss"

    @knowing(ESTIMATOR)
    def __init__(
        self,
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
        class_weight: str | Mapping[Any, float] | None = None,
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
        classes: Any = None,
        *,
        epochs: int = 1,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Self:
        """Train for some epochs, continuing with the weights and the optimizer's state.

        Parameters are those of `fit`; the first call needs `classes`, all labels that may occur.

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
        return self._fit(FitArguments(X, y, sample_weight, X_val, y_val, None, classes, epochs))

    def predict(self, X: Any) -> Any:
        """Return the predicted labels: (n,), or an indicator matrix."""
        outputs = self._predicted(X)
        return self._labels.decode(self._labels.predicted(outputs))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the accuracy on samples and their targets; `Blocks` have targets of their own."""
        if isinstance(X, Blocks) and y is None:
            return self._score_of_blocks(X, sample_weight, accuracy_score)
        return float(super().score(X, y, sample_weight))

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class: (n, n_classes)."""
        outputs = self._predicted(X)
        if self._labels.kind == "binary":
            return np.hstack([1 - outputs, outputs])
        if self._labels.kind == "multilabel-indicator":
            # A sigmoid is below 1; if it rounds to 1, return the largest number below 1.
            one = outputs.dtype.type(1)
            return np.asarray(np.minimum(outputs, np.nextafter(one, 0 * one)))
        return outputs

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of `predict_proba`."""
        probabilities = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(probabilities, out=probabilities)

    # ----------------------------------------------------------- what the base class calls

    _counterpart = neural_network.MLPClassifier
    _labels: Labels
    classes_: Array
    class_weight: str | Mapping[Any, float] | None

    def _learn_targets(
        self, y: Any, weight: Array | None, given: FitArguments, *, first: bool
    ) -> Array:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        continues = given.incremental or self.warm_start
        known = self._known_classes() if continues else None
        if given.incremental:
            labels = self._labels_of_all(y, given.classes, known)
        else:
            labels = Labels.of(y)
            if known is not None and set(labels.classes) != set(known):
                raise DataError(
                    "warm_start needs the classes of the previous fit",
                    got=", ".join(map(repr, labels.classes.tolist())),
                    expected=", ".join(map(repr, known.tolist())),
                    cure="Set warm_start=False to start afresh.",
                )
        if first:
            self._labels, self.classes_, self.n_outputs_ = labels, labels.classes, labels.outputs
        encoded = self._encode(y)
        self._class_factors = self._factors(encoded, weight, given)
        return encoded

    def _known_classes(self) -> Array | None:
        """Return the classes of the previous fit or those that the user set, if any."""
        if "classes_" not in vars(self):
            return None
        known = np.asarray(self.classes_)
        if not np.array_equal(np.unique(known), known):
            raise DataError(
                "classes_ must be sorted and without duplicates",
                got=repr(known),
                cure="Set classes_ = np.unique(labels), and order the outputs in coefs_ to match.",
            )
        return known

    def _labels_of_all(self, y: Array, classes: Any, known: Array | None) -> Labels:
        """Return the labels of all calls of `partial_fit`; y may hold only some of them."""
        if known is None and classes is None:
            raise ArgumentError(
                "the first call of partial_fit needs the classes",
                cure="Pass classes=, all labels that any call may contain.",
            )
        if known is None:
            return Labels.of_all(y, classes)
        if classes is not None and not np.array_equal(np.unique(classes), known):
            raise ArgumentError(
                "classes differs from the previous call",
                got=repr(classes),
                expected=repr(known),
            )
        return self._labels if self._is_fitted else Labels.of_all(y, known)

    def _encode(self, y: Any) -> Array:
        return self._labels.encode(y)

    def _targets(self, encoded: Array) -> Targets:
        return self._labels.targets(encoded)

    def _output(self) -> tuple[str, str]:
        return self._labels.output_activation, self._labels.cost

    def _factors(self, encoded: Array, weight: Array | None, given: FitArguments) -> Array | None:
        """Return the weight of each class, or None if all are 1."""
        if self.class_weight is None:
            return None
        if given.incremental and isinstance(self.class_weight, str):
            raise ArgumentError(
                'class_weight="balanced" needs all samples at once, but partial_fit sees only some',
                cure="Pass the weights as a dictionary {label: weight}.",
            )
        return self._labels.factors(self.class_weight, encoded, weight)

    def _stratifies(self) -> bool:
        return self.n_outputs_ == 1

    def _check_split(self, samples: Rows) -> None:
        super()._check_split(samples)
        if not self._stratifies():
            return
        counts = np.bincount(samples.y)
        single = self._labels.classes[np.flatnonzero(counts == 1)].tolist()
        if single:
            raise DataError(
                "early_stopping holds out samples of both classes, so it needs two of each",
                got=f"a single one of class {single[0]!r}",
                cure="Pass more of them, or X_val and y_val, or set early_stopping=False.",
            )

    def _score_of(self, outputs: Array, y: Array, weight: Array | None) -> float:
        return float(np.average(self._labels.hits(outputs, y), weights=weight))

    def _encoded(self, targets: Targets) -> Array:
        return self._labels.encoded(targets)

    def _seen(self, y: Array, weight: Array | None) -> Seen:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if y.ndim == 1:
            return Seen(y, None, weight)
        return Seen(None, y, weight)

    def _learn_blocks(
        self, found: Survey, targets: Scaling, given: FitArguments, *, first: bool
    ) -> None:
        del targets
        sums = found.sums_of_classes()
        # Each class once, with all its weight; or the first row of an indicator matrix.
        y = np.array(list(sums)) if sums else np.asarray(found.first.y)
        weight = np.array(list(sums.values())) if sums else None
        self._learn_targets(y, weight, given, first=first)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that multilabel targets are accepted."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
