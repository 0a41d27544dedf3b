"""The parameters of the estimators, checked at the beginning of a fit."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from sklearn.base import BaseEstimator

from bpmatrix import checks
from bpmatrix.architecture.activations import OwnActivation, find_activation
from bpmatrix.errors import ArgumentError
from bpmatrix.history import EpochInfo

WORDS = {
    "solver": ("lbfgs", "sgd", "adam"),
    "learning_rate": ("constant", "invscaling", "adaptive"),
}
# None: the type of the data.
DTYPES = ("float32", "float64")

NUMBERS = {
    "alpha": checks.NOT_NEGATIVE,
    "learning_rate_init": checks.POSITIVE,
    "power_t": checks.NOT_NEGATIVE,
    "tol": checks.NOT_NEGATIVE,
    "momentum": checks.FRACTION,
    "validation_fraction": checks.BELOW_ONE,
    "beta_1": checks.BELOW_ONE,
    "beta_2": checks.BELOW_ONE,
    "epsilon": checks.POSITIVE,
}
BOOLEANS = ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping", "standardize")

# scikit-learn's names that differ from the engine's.
ENGINE_NAMES = {"logistic": "sigmoid"}
# The engine's names of all hidden activation functions that scikit-learn has.
THEIR_ACTIVATIONS = {
    name: ENGINE_NAMES.get(name, name) for name in ("identity", "logistic", "tanh", "relu")
}


class Parameterized(BaseEstimator):
    """The parameters that both estimators share."""

    hidden_layer_sizes: int | Sequence[int]
    activation: str | OwnActivation | Sequence[str | OwnActivation]
    solver: str
    alpha: float
    batch_size: Any
    learning_rate: str
    learning_rate_init: float
    power_t: float
    max_iter: int
    shuffle: bool
    random_state: Any
    tol: float
    verbose: bool
    warm_start: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int
    dropout: float | Sequence[float]
    standardize: bool
    dtype: Any
    n_threads: int | str
    callbacks: Sequence[Callable[[EpochInfo], object]] | None

    def _set_parameters(self, arguments: dict[str, Any]) -> None:
        """Set the constructor's arguments as attributes, unchanged, as scikit-learn requires."""
        for name, value in arguments.items():
            if name != "self":
                setattr(self, name, value)


@dataclass(frozen=True, slots=True)
class HiddenLayers:
    """The parameters of each hidden layer, in the engine's terms.

    Attributes
    ----------
    sizes : tuple of int
        Units.
    activations : tuple of str or OwnActivation
        Activation functions.
    drawn_for : tuple of str or OwnActivation
        The activation function for which the initial weights of each layer are drawn, including the
        output layer: as in scikit-learn, that of the last hidden layer or, if there is none, the
        parameter `activation`.
    dropout : tuple of float
        The probability that a unit is dropped for a sample.
    """

    sizes: tuple[int, ...]
    activations: tuple[str | OwnActivation, ...]
    drawn_for: tuple[str | OwnActivation, ...]
    dropout: tuple[float, ...]


def check_parameters(parameters: Parameterized) -> HiddenLayers:
    """Check all parameters; return those of the hidden layers.

    Raises
    ------
    ArgumentError
        For the first invalid parameter; it names the parameter, its value and what was expected.
    """
    for name, words in WORDS.items():
        checks.find(dict.fromkeys(words), getattr(parameters, name), name)
    for name, allowed in NUMBERS.items():
        checks.real_number(getattr(parameters, name), name, *allowed)
    for name in BOOLEANS:
        value = getattr(parameters, name)
        if not isinstance(value, bool | np.bool_):
            raise ArgumentError(f"{name} must be True or False", got=repr(value))
    for name in ("max_iter", "max_fun"):
        checks.whole_number(getattr(parameters, name), name, least=1)
    if parameters.n_iter_no_change != math.inf:
        checks.whole_number(parameters.n_iter_no_change, "n_iter_no_change", least=1)
    if parameters.dtype is not None:
        checks.find(dict.fromkeys(DTYPES), name_of_dtype(parameters.dtype), "dtype")
    if parameters.batch_size != "auto":
        checks.whole_number(parameters.batch_size, "batch_size", least=1)
    callbacks: Any = parameters.callbacks
    if callbacks is not None and not (
        isinstance(callbacks, Sequence) and all(map(callable, callbacks))
    ):
        raise ArgumentError(
            "callbacks must be a sequence of functions",
            got=repr(callbacks),
            cure="Pass callbacks=[function], even for a single one.",
        )
    given = parameters.hidden_layer_sizes
    listed = given if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    sizes = tuple(checks.whole_number(size, "hidden_layer_sizes", least=1) for size in listed)
    activations, last = _activations(parameters.activation, len(sizes))
    dropout = _dropout(parameters.dropout, len(sizes))
    if any(dropout) and parameters.solver == "lbfgs":
        raise ArgumentError(
            "the solver lbfgs does not support dropout, which changes the gradient between calls",
            cure='Set dropout=0, or solver="adam".',
        )
    return HiddenLayers(sizes, activations, (*activations, last), dropout)


def check_type(parameters: Parameterized, dtype: str) -> None:
    """Check that the parameters of a solver are neither infinite nor, for epsilon, 0 in a type.

    Raises
    ------
    ArgumentError
        If one is; it names the parameter and the type.
    """
    for name in ("alpha", "learning_rate_init"):
        checks.check_in_type(getattr(parameters, name), name, dtype)
    checks.check_in_type(parameters.epsilon, "epsilon", dtype, zero=parameters.solver != "adam")


def _activations(
    given: Any, layers: int
) -> tuple[tuple[str | OwnActivation, ...], str | OwnActivation]:
    """Return the functions of the hidden layers, and the one the output weights are drawn for."""
    if not isinstance(given, Iterable) or isinstance(given, str):  # one for all layers
        name = _engine_name(given)
        return (name,) * layers, name
    names = tuple(given)
    if len(names) != layers:
        raise ArgumentError(
            "activation must name one function per hidden layer",
            got=f"{len(names)} names for {layers} layers",
            cure="Pass one name for all layers, or one for each of hidden_layer_sizes.",
        )
    activations = tuple(map(_engine_name, names))
    return activations, activations[-1] if activations else "relu"


def _dropout(given: Any, layers: int) -> tuple[float, ...]:
    """Return for each hidden layer the probability that a unit is dropped."""
    listed = list(given) if isinstance(given, Iterable) else [given] * layers
    if len(listed) != layers or isinstance(given, str):
        raise ArgumentError(
            "dropout must have one number per hidden layer",
            got=repr(given),
            expected=f"one number, or a list of {layers}",
        )
    return tuple(checks.real_number(p, "dropout", *checks.BELOW_ONE) for p in listed)


def _engine_name(given: Any) -> str | OwnActivation:
    name = ENGINE_NAMES.get(given, given) if isinstance(given, str) else given
    if not find_activation(name).elementwise:
        raise ArgumentError(f"{name} cannot be used in a hidden layer", cure="Choose another one.")
    return cast("str | OwnActivation", name)


def batch_size(parameters: Parameterized, n: int) -> int:
    """Return the number of samples in a mini-batch: at most n; "auto" is 200."""
    if parameters.batch_size == "auto":
        return min(200, n)
    if parameters.batch_size > n:
        warnings.warn(
            f"batch_size={parameters.batch_size} is larger than the number of samples and is"
            f" clipped to {n}",
            UserWarning,
            stacklevel=5,
        )
    return min(int(parameters.batch_size), n)


def their_name(activation: str) -> str:
    """Return scikit-learn's name of an activation function of the engine."""
    return {ours: theirs for theirs, ours in ENGINE_NAMES.items()}.get(activation, activation)


def name_of_dtype(dtype: Any) -> str:
    """Return NumPy's name of a type, or the repr of anything else."""
    try:
        return str(np.dtype(dtype).name)
    except TypeError:
        return repr(dtype)


def is_stochastic(parameters: Parameterized) -> bool:
    """Return True if the solver has epochs, else raise AttributeError, as in scikit-learn."""
    if parameters.solver == "lbfgs":
        raise AttributeError(
            "partial_fit needs epochs, and the solver lbfgs has none: set solver='adam' or 'sgd'"
        )
    return True
