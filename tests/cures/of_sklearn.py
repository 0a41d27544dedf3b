"""The errors of conversions from and to scikit-learn's estimators."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
from cures.table import Row
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bpmatrix import MLPClassifier, MLPRegressor

__all__ = ["ROWS"]

X = np.linspace(-1, 1, 24).reshape(12, 2)
TWO, NUMBERS = np.arange(12) % 2, X.sum(axis=1)
FROM, TO = "estimators/from_sklearn.py", "estimators/to_sklearn.py"
KINDS = "from_sklearn converts the estimators of sklearn.neural_network"
FIT_AGAIN = "Fit the estimator again, or restore what was changed after its fit."


class Mine(neural_network.MLPClassifier):
    """A subclass that could predict anything."""


class WithoutLosses(neural_network.MLPRegressor):
    """The regressor before scikit-learn 1.7."""

    def get_params(self, *, deep: bool = True) -> dict:
        return {name: v for name, v in super().get_params(deep).items() if name != "loss"}


def fitted(model: object, y: np.ndarray = TWO) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.set_params(max_iter=3).fit(X, y)


def theirs(kind: type = neural_network.MLPClassifier) -> object:
    return fitted(kind((3,), random_state=0))


def pipeline() -> object:
    return make_pipeline(StandardScaler().fit(X), theirs())


def plain() -> object:
    """Copy a subclass into its base class."""
    estimator, copy = theirs(Mine), neural_network.MLPClassifier()
    vars(copy).update(vars(estimator))
    return copy


def read(make: Callable[[], object], kind: type = MLPClassifier) -> Callable[[Path], object]:
    return lambda _: kind.from_sklearn(make()).predict(X)


def changed(change: Callable[[object], object], *, again: bool = False) -> Callable[[Path], object]:
    """Return a function that reads an estimator with changed attributes, or one fitted again."""

    def convert(_: Path) -> object:
        estimator = theirs()
        change(estimator)
        return MLPClassifier.from_sklearn(fitted(estimator) if again else estimator).predict(X)

    return convert


def broken(where: str, what: str, change: Callable[[object], object], cure: str = FIT_AGAIN) -> Row:
    """Return a row for an attribute that was changed; a new fit sets it again."""
    row = f"{FROM}: {where}"
    return Row(row, what, changed(change), cure, changed(change, again=True))


def written(**options: object) -> Callable[[Path], object]:
    model = MLPRegressor(**{"hidden_layer_sizes": (3,), "random_state": 0, **options})
    return lambda _: fitted(model, np.abs(NUMBERS)).to_sklearn().predict(X)


def written_by_an_old_one(**options: object) -> Callable[[Path], object]:
    def write(folder: Path) -> object:
        with mock.patch.object(MLPRegressor, "_counterpart", WithoutLosses):
            return written(**options)(folder)

    return write


def with_huge_weights(_: Path) -> object:
    model = fitted(MLPRegressor(hidden_layer_sizes=(3,), standardize=True), NUMBERS)
    model.coefs_[0][:] = 1.7e308
    return model.to_sklearn()


ROWS = [
    Row(f"{FROM}: _check_kind", KINDS,
        read(theirs, MLPRegressor), "Use bpmatrix.MLPClassifier.from_sklearn.", read(theirs)),
    Row(f"{FROM}: _check_kind", KINDS,
        read(lambda: theirs(Mine)),
        "plain = sklearn.neural_network.MLPClassifier(); vars(plain).update(vars(estimator)).",
        read(plain)),
    Row(f"{FROM}: _check_kind", KINDS,
        read(pipeline), "Pass the network itself: pipeline[-1]", read(lambda: pipeline()[-1])),
    Row(f"{FROM}: _check_kind",
        "from_sklearn converts fitted estimators, and this one has no weights",
        read(neural_network.MLPClassifier),
        "Fit it first. For a new one with the same parameters:"
        " bpmatrix.MLPClassifier(**estimator.get_params()).",
        lambda _: fitted(MLPClassifier(**neural_network.MLPClassifier().get_params()))),
    broken("_records", "{} of the estimator is missing or not valid",
           lambda model: setattr(model, "t_", -1)),
    broken("_check", "the {} of the estimator does not fit its other attributes",
           lambda model: setattr(model, "n_layers_", 7)),
    broken("_fill", "{} of the estimator do not fit its other attributes",
           lambda model: model.coefs_.reverse()),
    broken("_fill", "{} of the estimator are not all finite numbers",
           lambda model: model.coefs_[0].fill(np.nan),
           "Fit it again with a lower learning rate, or with scaled inputs."),
    Row(f"{FROM}: _solver_state",
        "the estimator has an optimizer that is not scikit-learn's, or incomplete",
        changed(lambda model: setattr(model, "_optimizer", "adam")),
        "Delete it to continue with a new one: del estimator._optimizer.",
        changed(lambda model: delattr(model, "_optimizer"))),
    Row(f"{TO}: to_sklearn",
        "the standardization cannot be folded into the weights: they become infinite",
        with_huge_weights, "Scale the columns to numbers near 1, and fit again.",
        written(standardize=True)),
    Row(f"{TO}: _their_parameters",
        "scikit-learn has one activation function for all hidden layers, of four",
        written(activation="gelu"), "Train the model with one of these.",
        written(activation="logistic")),
    Row(f"{TO}: _their_parameters", 'scikit-learn before 1.7 has no loss="poisson"',
        written_by_an_old_one(loss="poisson"),
        'Install a newer scikit-learn, or train with loss="squared_error".',
        written(loss="squared_error")),
]  # fmt: skip
