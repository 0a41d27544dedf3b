"""The parameters of the estimators: what each may be, checked at the beginning of a fit."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import numpy as np

from bpmatrix.architecture.activations import OwnActivation, find_activation
from bpmatrix.checks import check_in_type, find, real_number, whole_number
from bpmatrix.errors import ArgumentError

__all__ = [
    "batch_size",
    "check_parameters",
    "check_type",
    "first_activations",
    "hidden_activations",
    "hidden_dropout",
    "hidden_sizes",
    "is_stochastic",
    "name_of_dtype",
]

WORDS = {
    "solver": ("lbfgs", "sgd", "adam"),
    "learning_rate": ("constant", "invscaling", "adaptive"),
}
# None stands for the type of the data.
DTYPES = ("float32", "float64")

NUMBERS: dict[str, tuple[str, Callable[[float], bool]]] = {
    "alpha": ("a number, 0 or more", lambda value: value >= 0),
    "learning_rate_init": ("a number above 0", lambda value: value > 0),
    "power_t": ("a number, 0 or more", lambda value: value >= 0),
    "tol": ("a number, 0 or more", lambda value: value >= 0),
    "momentum": ("a number from 0 to 1", lambda value: 0 <= value <= 1),
    "validation_fraction": ("a number from 0 to below 1", lambda value: 0 <= value < 1),
    "beta_1": ("a number from 0 to below 1", lambda value: 0 <= value < 1),
    "beta_2": ("a number from 0 to below 1", lambda value: 0 <= value < 1),
    "epsilon": ("a number above 0", lambda value: value > 0),
}
ANSWERS = ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping", "standardize")

# scikit-learn's names of what the engine calls otherwise.
ENGINE_NAMES = {"logistic": "sigmoid"}


def check_parameters(estimator: Any) -> None:
    """Raise ArgumentError for the first parameter with a value that no fit can use.

    Raises
    ------
    ArgumentError
        It names the parameter, what came and what was expected.
    """
    for name, words in WORDS.items():
        find(dict.fromkeys(words), getattr(estimator, name), name)
    for name, (expected, allowed) in NUMBERS.items():
        real_number(getattr(estimator, name), name, expected, allowed)
    for name in ANSWERS:
        value = getattr(estimator, name)
        if not isinstance(value, bool | np.bool_):
            raise ArgumentError(f"{name} is no answer", got=repr(value), expected="True or False")
    for name in ("max_iter", "max_fun"):
        whole_number(getattr(estimator, name), name, least=1)
    if estimator.n_iter_no_change != math.inf:
        whole_number(estimator.n_iter_no_change, "n_iter_no_change", least=1)
    if estimator.dtype is not None:
        find(dict.fromkeys(DTYPES), name_of_dtype(estimator.dtype), "dtype")
    if estimator.batch_size != "auto":
        whole_number(estimator.batch_size, "batch_size", least=1)
    callbacks = estimator.callbacks
    if callbacks is not None and not (
        isinstance(callbacks, Sequence) and all(map(callable, callbacks))
    ):
        raise ArgumentError(
            "callbacks is no sequence of functions", got=repr(callbacks), expected="[function]"
        )
    hidden_activations(estimator)
    if any(hidden_dropout(estimator)) and estimator.solver == "lbfgs":
        raise ArgumentError(
            "the solver lbfgs cannot leave units out: its gradient would change from call to call",
            cure='Set dropout=0, or solver="adam".',
        )


def check_type(estimator: Any, dtype: str) -> None:
    """Raise ArgumentError for a number that a solver cannot work with in a type.

    Raises
    ------
    ArgumentError
        It names the parameter and the type.
    """
    for name in ("alpha", "learning_rate_init"):
        check_in_type(getattr(estimator, name), name, dtype)
    check_in_type(estimator.epsilon, "epsilon", dtype, zero=estimator.solver != "adam")


def hidden_sizes(estimator: Any) -> tuple[int, ...]:
    """Return the units of each hidden layer; a single number is one layer.

    Raises
    ------
    ArgumentError
        If one of them is no whole number from 1.
    """
    sizes = estimator.hidden_layer_sizes
    listed = sizes if isinstance(sizes, Iterable) and not isinstance(sizes, str) else [sizes]
    return tuple(whole_number(size, "hidden_layer_sizes", least=1) for size in listed)


def hidden_activations(estimator: Any) -> tuple[str | OwnActivation, ...]:
    """Return the activation function of each hidden layer, as the engine names it.

    Raises
    ------
    ArgumentError
        If there is no such function, or not one for each layer.
    """
    layers = len(hidden_sizes(estimator))
    given = estimator.activation
    is_one = not isinstance(given, Iterable) or isinstance(given, str)
    names = [given] * layers if is_one else list(given)
    if is_one:
        _engine_name(given)
    if len(names) != layers:
        raise ArgumentError(
            "activation has not one name for each hidden layer",
            got=f"{len(names)} names for {layers} layers",
            cure="Name one for all layers, or a list of one for each of hidden_layer_sizes.",
        )
    return tuple(map(_engine_name, names))


def first_activations(estimator: Any) -> tuple[str | OwnActivation, ...]:
    """Return the activation function that the first weights of each layer are drawn for.

    As in scikit-learn, the outputs are drawn as if they had that of the layer before; where there
    is no hidden layer, that of the parameter.
    """
    hidden = hidden_activations(estimator)
    given = estimator.activation
    if hidden:
        last = hidden[-1]
    else:
        last = _engine_name(given) if isinstance(given, str | OwnActivation) else "relu"
    return (*hidden, last)


def hidden_dropout(estimator: Any) -> tuple[float, ...]:
    """Return the probability of a unit of each hidden layer to be left out of a step.

    Raises
    ------
    ArgumentError
        If there is not one for each layer, or one is no probability below 1.
    """
    layers, given = len(hidden_sizes(estimator)), estimator.dropout
    listed = list(given) if isinstance(given, Iterable) else [given] * layers
    if len(listed) != layers or isinstance(given, str):
        raise ArgumentError(
            "dropout has not one number for each hidden layer",
            got=repr(given),
            expected=f"one number, or {layers} of them",
        )
    return tuple(
        real_number(p, "dropout", "a number from 0 to below 1", lambda p: 0 <= p < 1)
        for p in listed
    )


def _engine_name(given: Any) -> str | OwnActivation:
    name = ENGINE_NAMES.get(given, given) if isinstance(given, str) else given
    if not find_activation(name).elementwise:
        raise ArgumentError(f"{name} cannot stand in a hidden layer", cure="Take another one.")
    return cast("str | OwnActivation", name)


def batch_size(estimator: Any, n: int) -> int:
    """Return how many samples a mini-batch holds; "auto" is 200, and n is the most."""
    if estimator.batch_size == "auto":
        return min(200, n)
    if estimator.batch_size > n:
        warnings.warn(
            f"batch_size={estimator.batch_size} is more than the {n} samples, which are taken"
            " for it",
            UserWarning,
            stacklevel=5,
        )
    return min(int(estimator.batch_size), n)


def name_of_dtype(dtype: Any) -> str:
    """Return NumPy's name of a type, or what came where there is none."""
    try:
        return str(np.dtype(dtype).name)
    except TypeError:
        return repr(dtype)


def is_stochastic(estimator: Any) -> bool:
    """Whether there are epochs, which `partial_fit` needs; else AttributeError, as scikit-learn."""
    if estimator.solver == "lbfgs":
        raise AttributeError(
            "partial_fit needs epochs, and the solver lbfgs has none: set solver='adam' or 'sgd'"
        )
    return True
