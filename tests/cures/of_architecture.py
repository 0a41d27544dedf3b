"""The errors of `architecture`: what a network is made of."""

from __future__ import annotations

import math

import numpy as np
from cures.table import Row

from bpmatrix import Network, OwnActivation, Quantile

NET = Network([2, 3], seed=1)


def square(z: float) -> float:
    return z * z


def its_slope(z: float) -> float:
    return 2 * z


def another_slope(z: float) -> float:
    return 3 * z


def quantile(q: float, dtype: str) -> Network:
    return Network([2, 1], activation="identity", cost=Quantile(q), dtype=dtype)


def nothing(z: float) -> float:
    return z * math.nan


def of_arrays(z: float) -> float:
    return np.linspace(z)


def with_own(sigma: object, sigma_prime: object) -> np.ndarray:
    own = OwnActivation(sigma, sigma_prime)
    return Network([2, 3, 1], activation=own, cost="quadratic", seed=1).feedforward([[1.0], [2.0]])


ROWS = [
    Row(
        "architecture/description.py: Description.__post_init__",
        "one activation function is needed per layer after the inputs",
        lambda _: Network([2, 3, 1], activation=["tanh", "tanh", "sigmoid"]),
        "expected 2 names",
        lambda _: Network([2, 3, 1], activation=["tanh", "sigmoid"]),
    ),
    Row(
        "architecture/description.py: Description.__post_init__",
        "bias must be True or False",
        lambda _: Network([2, 1], bias="no"),
        "bias must be True or False: got 'no'.",
        lambda _: Network([2, 1], bias=False),
    ),
    Row(
        "architecture/description.py: checked_sizes",
        "sizes do not describe a network",
        lambda _: Network([2, 0]),
        "two or more whole numbers of units, inputs first, such as [784, 30, 10]",
        lambda _: Network([784, 30, 10]),
    ),
    Row(
        "architecture/description.py: checked_sizes",
        "sizes describe a network that is too large for any memory",
        lambda _: Network([2, 1 << 40]),
        "Use smaller layers.",
        lambda _: Network([2, 1 << 4]),
    ),
    Row(
        "architecture/description.py: _check_functions",
        "{} cannot be used in a hidden layer",
        lambda _: Network([2, 3, 1], activation="softmax"),
        "expected softmax only at the output",
        lambda _: Network([2, 3, 2], output="softmax", cost="log_likelihood"),
    ),
    Row(
        "architecture/description.py: _check_functions",
        "the cost {} and {} {} cannot be combined",
        lambda _: Network([2, 3], cost="log_likelihood", output="sigmoid"),
        'Use output="softmax" with log_likelihood, or cost="cross_entropy" with sigmoid.',
        lambda _: (
            Network([2, 3], cost="log_likelihood", output="softmax"),
            Network([2, 3], cost="cross_entropy", output="sigmoid"),
        ),
    ),
    Row(
        "architecture/description.py: _check_functions",
        "the cost {} and {} {} cannot be combined",
        lambda _: Network([2, 3], cost="quadratic", output="softmax"),
        'Use an element-wise output with quadratic, or cost="log_likelihood" with softmax.',
        lambda _: (
            Network([2, 3], cost="quadratic", output="tanh"),
            Network([2, 3], cost="log_likelihood", output="softmax"),
        ),
    ),
    Row(
        "architecture/initializers.py: _one_per_layer",
        "initializer must be one name, or one per layer after the inputs",
        lambda _: Network([2, 3, 1], initializer=["he"]),
        "one name, or one per layer after the inputs: got 1 names, expected 2",
        lambda _: Network([2, 3, 1], initializer=["he", "glorot"]),
    ),
    Row(
        "architecture/own_functions.py: _compile",
        "numba cannot compile the functions of {}",
        lambda _: with_own(of_arrays, its_slope),
        "Write them for single numbers, in the part of Python that numba compiles",
        lambda _: with_own(square, its_slope),
    ),
    Row(
        "architecture/own_functions.py: _check_slope",
        "{} is not the derivative of {} at {}",
        lambda _: with_own(square, another_slope),
        "Correct the formula; at a kink any slope between both sides will do.",
        lambda _: with_own(square, its_slope),
    ),
    Row(
        "architecture/own_functions.py: _check_slope",
        "{} is not finite at any of the points where its derivative is checked",
        lambda _: with_own(nothing, its_slope),
        "Correct the formula: it must be finite at ordinary numbers.",
        lambda _: with_own(square, its_slope),
    ),
    Row(
        "architecture/parameters.py: check_in_place",
        "{} cannot be replaced by another array",
        lambda _: setattr(NET, "parameters", np.zeros(9)),
        "Write parameters[:] = array to copy its numbers.",
        lambda _: NET.parameters.__setitem__(slice(None), np.zeros(9)),
    ),
    Row(
        "architecture/parameters.py: check_in_place",
        "{} cannot be replaced by another array",
        lambda _: setattr(NET, "weights", [np.zeros((3, 2))]),
        "Write weights[i][:] = array to copy its numbers.",
        lambda _: NET.weights[0].__setitem__(slice(None), np.zeros((3, 2))),
    ),
    Row(
        "architecture/costs.py: Quantile.check_type",
        "q is 1 in {}",
        lambda _: quantile(1 - 1e-10, "float32"),
        'Pass a smaller one, or use dtype="float64".',
        lambda _: (quantile(1 - 1e-7, "float32"), quantile(1 - 1e-10, "float64")),
    ),
]
