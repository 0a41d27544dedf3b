"""The errors of the estimators."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from cures.table import Row
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.multioutput import MultiOutputClassifier

from bpmatrix import MLPClassifier, MLPRegressor, load

__all__ = ["ROWS"]

# Twelve samples, and what to learn: one of two or of three classes, several labels, numbers.
X = np.linspace(-1, 1, 24).reshape(12, 2)
TWO, THREE = np.arange(12) % 2, np.arange(12) % 3
SEVERAL = np.stack([TWO, THREE > 0], axis=1).astype(int)
WORDS = np.array(["no", "yes"])[TWO]
NUMBERS = X.sum(axis=1)
ROWS_OF_ZEROS = sparse.csr_matrix(np.where(X > 0.5, X, 0.0))

Call = Callable[[Path], object]


def model(kind: type = MLPClassifier, **options: object) -> MLPClassifier | MLPRegressor:
    """Return an estimator that trains quickly."""
    return kind(**{"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0, **options})


def trained(estimator: object, *data: object, **options: object) -> object:
    """Fit an estimator without warnings that it has not converged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(*(data or (X, TWO)), **options)


def fit(*data: object, X_val: object = None, y_val: object = None, **options: object) -> Call:
    """Return a function that fits a classifier."""
    return lambda _: trained(model(**options), *data, X_val=X_val, y_val=y_val)


def regress(*data: object, **options: object) -> Call:
    """Return a function that fits a regressor."""
    return lambda _: trained(model(MLPRegressor, **options), *(data or (X, NUMBERS)))


def partial(*calls: tuple, **options: object) -> Call:
    """Return a function that calls partial_fit with each (X, y) or (X, y, classes)."""

    def learn(_: Path) -> object:
        estimator = model(**options)
        for x, y, *classes in calls:
            estimator.partial_fit(x, y, classes=classes[0] if classes else None)
        return estimator

    return learn


def again(*data: object, then: dict, first: tuple = (X, TWO)) -> Call:
    """Return a function that fits twice, with other parameters or data the second time."""
    return lambda _: trained(trained(model(warm_start=True), *first).set_params(**then), *data)


def with_classes(*classes: int) -> Call:
    """Return a function that fits with the user's initial weights and classes."""

    def go_on(_: Path) -> object:
        estimator, other = model(warm_start=True), trained(model())
        estimator.coefs_, estimator.intercepts_ = other.coefs_, other.intercepts_
        estimator.classes_ = np.array(classes)
        return trained(estimator)

    return go_on


def with_coefs(*shapes: tuple[int, int]) -> Call:
    """Return a function that predicts with the user's weights."""

    def predict(_: Path) -> object:
        estimator = trained(model())
        estimator.coefs_ = [np.ones(shape) for shape in shapes]
        return estimator.predict(X)

    return predict


def with_place(column: int) -> Call:
    """Return a function that fits on a sparse matrix with an element moved to this column."""

    def fit_on(_: Path) -> object:
        rows = ROWS_OF_ZEROS.copy()
        rows.indices[0] = column
        return trained(model(), rows, TWO)

    return fit_on


def rebuilt(_: Path) -> object:
    """Rebuild the matrix from the indices of its elements."""
    places = ROWS_OF_ZEROS.tocoo()
    rows = sparse.coo_matrix((places.data, (places.row, places.col)), ROWS_OF_ZEROS.shape)
    return trained(model(), rows, TWO)


def saved(y: np.ndarray) -> Call:
    """Return a function that saves and loads a classifier of these labels."""

    def save(folder: Path) -> object:
        trained(model(), X, y).save(folder / "model.safetensors")
        return load(folder / "model.safetensors")

    return save


def renamed(folder: Path) -> object:
    """Load an estimator with an unknown name."""
    path = folder / "model.safetensors"
    saved(TWO)(folder)
    path.write_bytes(path.read_bytes().replace(b"MLPClassifier", b"MLPClassifies"))
    return load(path)


def with_a_scale_of_0(folder: Path) -> object:
    """Load an estimator whose standardization divides by 0."""
    path = folder / "model.safetensors"
    trained(model(standardize=True)).save(path)
    tensors = load_file(path)
    tensors["inputs.scale"][:] = 0
    with safe_open(path, framework="numpy") as file:
        save_file(tensors, path, {"bpmatrix": file.metadata()["bpmatrix"]})
    return load(path)


def several(*calls: Call) -> Call:
    """Return a function that calls all of these: a cure with an 'or' in it."""
    return lambda folder: [call(folder) for call in calls]


WIDE = {"hidden_layer_sizes": (3, 3)}
# Epochs are scored on held-out samples.
EARLY = {"early_stopping": True, "validation_fraction": 0.25}
HELD = {"X_val": X, "y_val": TWO}
LONELY = np.arange(12) == 3
# The gradient diverges with these.
FAST = {"solver": "sgd", "activation": "identity", "learning_rate_init": 0.1, "max_iter": 50}
FAR = (X * 1e25).astype(np.float32)


def table(*names: str) -> Any:
    """Return the samples as an Arrow table."""
    columns = dict(zip(names, X.T, strict=False))
    return import_module("pyarrow").table(columns)


def fitted_to(samples: Any) -> Any:
    return trained(model(), samples, TWO)


ROWS = [
    Row(
        "estimators/rows.py: check_names",
        "{}: the feature names should match those that were passed during fit",
        lambda _: fitted_to(table("a", "b")).predict(table("b", "a")),
        "Select the columns in this order: X.select(model.feature_names_in_).",
        lambda _: fitted_to(table("a", "b")).predict(
            table("b", "a").select(fitted_to(table("a", "b")).feature_names_in_)
        ),
        needs="pyarrow",
    ),
    Row(
        "estimators/rows.py: check_names",
        "{} has another number of features than in fit",
        lambda _: fitted_to(X).predict(table("a")),
        "expected 2",
        lambda _: fitted_to(X).predict(table("a", "b").to_pandas().to_numpy()),
        needs="pandas",
    ),
    Row("estimators/base.py: MultilayerPerceptron._fit",
        "partial_fit does not support early_stopping=True without validation data",
        partial((X, TWO, [0, 1]), early_stopping=True),
        "Pass X_val and y_val, or set early_stopping=False.",
        several(partial((X, TWO, [0, 1]), early_stopping=False),
                lambda _: model(early_stopping=True).partial_fit(X, TWO, classes=[0, 1], **HELD))),
    Row("estimators/base.py: MultilayerPerceptron._fit",
        "the solver lbfgs has no epochs, so no callbacks or checkpoints",
        fit(X, TWO, solver="lbfgs", callbacks=[print], **HELD),
        'Leave out callbacks and checkpoint, or set solver="adam".',
        several(fit(X, TWO, solver="lbfgs", **HELD), fit(X, TWO, callbacks=[print], **HELD))),
    Row("estimators/base.py: MultilayerPerceptron._continue",
        "warm_start and partial_fit cannot change {}",
        again(then=WIDE), "Set warm_start=False and call fit to start afresh.",
        again(then={"warm_start": False, **WIDE})),
    # ----------------------------------------------------------------------------- classifier
    Row("estimators/classifier.py: MLPClassifier._learn_targets",
        "warm_start needs the classes of the previous fit",
        again(X, THREE, then={}), "Set warm_start=False to start afresh.",
        again(X, THREE, then={"warm_start": False})),
    Row("estimators/classifier.py: MLPClassifier._known_classes",
        "classes_ must be sorted and without duplicates",
        with_classes(1, 0), "Set classes_ = np.unique(labels)", with_classes(*np.unique(TWO))),
    Row("estimators/classifier.py: MLPClassifier._labels_of_all",
        "the first call of partial_fit needs the classes",
        partial((X, TWO)), "Pass classes=, all labels that any call may contain.",
        partial((X, TWO, [0, 1, 2]), (X, THREE))),
    Row("estimators/classifier.py: MLPClassifier._labels_of_all",
        "classes differs from the previous call",
        partial((X, TWO, [0, 1]), (X, TWO, [0, 1, 2])), "expected array([0, 1])",
        partial((X, TWO, [0, 1]), (X, TWO, [0, 1]))),
    Row("estimators/classifier.py: MLPClassifier._factors",
        'class_weight="balanced" needs all samples at once, but partial_fit sees only some',
        partial((X, TWO, [0, 1]), class_weight="balanced"),
        "Pass the weights as a dictionary {label: weight}.",
        partial((X, TWO, [0, 1]), class_weight={0: 1.0, 1: 2.0})),
    Row("estimators/classifier.py: MLPClassifier._check_split",
        "early_stopping holds out samples of both classes, so it needs two of each",
        fit(X, LONELY, **EARLY),
        "Pass more of them, or X_val and y_val, or set early_stopping=False.",
        several(fit(np.vstack([X, X]), np.tile(LONELY, 2), **EARLY),
                fit(X, LONELY, X_val=X, y_val=LONELY, **EARLY), fit(X, LONELY))),
    # ------------------------------------------------------------------------- the user's weights
    Row("estimators/fitted.py: Fitted._adopt_public_weights",
        "{} must have one array per layer",
        with_coefs((2, 3)), "expected 2, of shapes [(2, 3), (3, 1)]",
        with_coefs((2, 3), (3, 1))),
    Row("estimators/fitted.py: Fitted._adopt_public_weights", "{}[{}] does not fit the network",
        with_coefs((3, 2), (3, 1)), "expected (2, 3)", with_coefs((2, 3), (3, 1))),
    # ---------------------------------------------------------------------------------- data
    Row("estimators/gate.py: Gate._held_out", "X_val and y_val must be passed together",
        fit(X, TWO, X_val=X), "Pass both or neither.", several(fit(X, TWO, **HELD), fit(X, TWO))),
    Row("estimators/gate.py: check_some_weight",
        "all validation samples have weight 0: class_weight is 0 for their classes",
        fit(X, TWO, class_weight={0: 0}, X_val=X[TWO == 0], y_val=TWO[TWO == 0]),
        "Add validation samples of other classes, or give these classes a weight.",
        several(fit(X, TWO, class_weight={0: 0}, **HELD),
                fit(X, TWO, class_weight={0: 0.5}, X_val=X[TWO == 0], y_val=TWO[TWO == 0]))),
    Row("estimators/gate.py: Gate._check_split",
        "the validation split leaves no sample to train on",
        fit(X, TWO, early_stopping=True, validation_fraction=0.99),
        "Lower validation_fraction, pass more samples, or X_val and y_val.",
        several(fit(X, TWO, early_stopping=True, validation_fraction=0.5),
                fit(np.tile(X, (20, 1)), np.tile(TWO, 20), early_stopping=True,
                    validation_fraction=0.99),
                fit(X, TWO, early_stopping=True, validation_fraction=0.99, **HELD))),
    Row("estimators/gate.py: too_small", "the validation set is too small",
        fit(X[:8], TWO[:8], early_stopping=True),
        "Raise validation_fraction, pass more samples, or X_val and y_val.",
        several(fit(X[:8], TWO[:8], **EARLY), fit(X, TWO, early_stopping=True),
                fit(X[:8], TWO[:8], early_stopping=True, **HELD))),
    Row("estimators/gate.py: _without_zero_weights", "all sample weights are zero",
        fit(X, TWO, class_weight={0: 0, 1: 0}), "expected at least one weight above 0",
        fit(X, TWO, class_weight={0: 0, 1: 1})),
    # --------------------------------------------------------------------------------- labels
    Row("estimators/labels.py: Labels.of", "y has several outputs with several classes each",
        fit(X, np.stack([THREE, TWO], axis=1)),
        "Use sklearn.multioutput.MultiOutputClassifier, or one-hot columns.",
        several(lambda _: trained(MultiOutputClassifier(model()), X, np.stack([THREE, TWO], 1)),
                fit(X, np.hstack([np.eye(3, dtype=int)[THREE], np.eye(2, dtype=int)[TWO]])))),
    Row("estimators/labels.py: Labels.of_all",
        "classes must be the column indices of the indicator matrix y",
        partial((X, SEVERAL, ["a", "b"])), "Pass classes=range(2).",
        partial((X, SEVERAL, range(2)))),
    Row("estimators/labels.py: Labels.encode",
        "y must be an indicator matrix with one column per label",
        partial((X, SEVERAL, range(2)), (X, TWO)), "expected (n, 2)",
        partial((X, SEVERAL, range(2)), (X, SEVERAL))),
    Row("estimators/labels.py: Labels.encode",
        "y is an indicator matrix, but the network was fitted to labels",
        partial((X, TWO, [0, 1]), (X, SEVERAL)), "Pass labels, or call fit again.",
        several(partial((X, TWO, [0, 1]), (X, TWO)), fit(X, SEVERAL))),
    Row("estimators/labels.py: Labels.encode",
        "y has {} unknown classes",
        fit(X, TWO, X_val=X, y_val=THREE),
        "Drop these samples, train on samples of these classes, too, or pass all classes",
        several(fit(X, TWO, X_val=X[THREE < 2], y_val=THREE[THREE < 2]),
                fit(X, THREE, X_val=X, y_val=THREE),
                partial((X, TWO, [0, 1, 2]), (X, THREE)))),
    Row("estimators/labels.py: Labels.factors",
        "class_weight does not apply to samples with several labels",
        fit(X, SEVERAL, class_weight={0: 2}), "Pass sample_weight, or class_weight=None.",
        several(fit(X, SEVERAL, 1 + SEVERAL[:, 0]), fit(X, SEVERAL, class_weight=None))),
    Row("samples/weighting.py: checked_factors",
        "class_weight contains classes that do not occur in the targets",
        fit(X, WORDS, class_weight={1: 2}), "expected 'no', 'yes'",
        fit(X, WORDS, class_weight={"yes": 2})),
    # ----------------------------------------------------------------------------- parameters
    Row("estimators/parameters.py: check_parameters", "{} must be True or False",
        fit(shuffle="yes"), "shuffle must be True or False: got 'yes'", fit(shuffle=True)),
    Row("estimators/parameters.py: check_parameters", "callbacks must be a sequence of functions",
        fit(callbacks=print), "Pass callbacks=[function], even for a single one.",
        fit(callbacks=[print])),
    Row("estimators/parameters.py: check_parameters",
        "the solver lbfgs does not support dropout, which changes the gradient between calls",
        fit(solver="lbfgs", dropout=0.5), 'Set dropout=0, or solver="adam".',
        several(fit(solver="lbfgs", dropout=0), fit(solver="adam", dropout=0.5))),
    Row("estimators/parameters.py: _activations",
        "activation must name one function per hidden layer",
        fit(activation=["relu", "tanh"]), "Pass one name for all layers, or one for each",
        several(fit(activation="relu"), fit(activation=["relu", "tanh"], **WIDE))),
    Row("estimators/parameters.py: _dropout",
        "dropout must have one number per hidden layer",
        fit(dropout=[0.1], **WIDE), "expected one number, or a list of 2",
        several(fit(dropout=0.1, **WIDE), fit(dropout=[0.1, 0.2], **WIDE))),
    Row("estimators/parameters.py: _engine_name", "{} cannot be used in a hidden layer",
        fit(activation="softmax"), "Choose another one.", fit(activation="tanh")),
    # ------------------------------------------------------------------------------- training
    Row("estimators/quasi_newton.py: fit_quasi_newton",
        "the solver lbfgs reached a cost or weight that is not finite",
        regress(FAR, NUMBERS, solver="lbfgs"),
        "Scale the inputs: pass standardize=True, or divide X by its largest number.",
        several(regress(FAR, NUMBERS, solver="lbfgs", standardize=True),
                regress(FAR / FAR.max(), NUMBERS, solver="lbfgs"),
                regress(X * 1e200 / 1e200, NUMBERS, solver="lbfgs"))),
    Row("estimators/regressor.py: MLPRegressor._encode", "y must have one column per output",
        lambda _: trained(model(MLPRegressor), X, NUMBERS).partial_fit(X, X), "expected 1",
        lambda _: trained(model(MLPRegressor), X, NUMBERS).partial_fit(X, X[:, :1].ravel())),
    Row("estimators/regressor.py: MLPRegressor._check_lowest",
        "y has numbers below the range of the loss {}",
        regress(loss="poisson"), 'Use loss="squared_error", or shift y.',
        several(regress(loss="squared_error"),
                regress(X, NUMBERS - NUMBERS.min(), loss="poisson"))),
    Row("estimators/regressor.py: MLPRegressor._cost", "unknown loss",
        lambda _: MLPRegressor((3,)).fit(X, NUMBERS), "pass hidden_layer_sizes=(3,).",
        regress(hidden_layer_sizes=(3,))),
    Row("estimators/rows.py: own_rows",
        "{} is a sparse matrix with invalid index arrays",
        with_place(7), "Rebuild X with scipy.sparse.coo_matrix((values, (rows, columns)), shape)",
        several(rebuilt, with_place(1))),
    Row("estimators/standardization.py: Standardization.apply",
        "the model subtracts means, which would make sparse rows dense",
        lambda _: trained(model(standardize=True), X + 1, TWO).predict(ROWS_OF_ZEROS),
        "Pass X.toarray(), or fit on sparse rows, which are not centered.",
        lambda _: (trained(model(standardize=True), X + 1, TWO).predict(ROWS_OF_ZEROS.toarray()),
                   trained(model(standardize=True), ROWS_OF_ZEROS, TWO).predict(ROWS_OF_ZEROS))),
    Row("training/endings.py: diverged",
        "training diverged in epoch {}, mini-batch {}: {} is not finite",
        regress(X * 1e3, NUMBERS, **FAST),
        "Lower learning_rate_init (it is 0.1), or pass standardize=True",
        several(regress(X * 1e3, NUMBERS, **{**FAST, "learning_rate_init": 1e-9}),
                regress(X * 1e3, NUMBERS, standardize=True, **FAST))),
    Row("estimators/storage.py: contents", "a model file cannot hold these classes",
        saved(TWO.astype("datetime64[D]")), "Fit with text labels: y.astype(str).",
        saved(TWO.astype("datetime64[D]").astype(str))),
    Row("estimators/storage.py: restore", "{} does not describe an estimator",
        renamed, "Save the estimator again", saved(TWO)),
    Row("estimators/storage.py: restore", "{} contains a scale that is not positive",
        with_a_scale_of_0, why="A damaged or forged file cannot be repaired."),
]  # fmt: skip
