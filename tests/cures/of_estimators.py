"""The errors of the estimators."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from cures.table import Row
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
    """Return an estimator that is soon trained."""
    return kind(**{"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0, **options})


def trained(estimator: object, *data: object, **options: object) -> object:
    """Fit an estimator, which is not to say that it has not converged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(*(data or (X, TWO)), **options)


def fit(*data: object, X_val: object = None, y_val: object = None, **options: object) -> Call:
    """Return what fits a classifier."""
    return lambda _: trained(model(**options), *data, X_val=X_val, y_val=y_val)


def regress(*data: object, **options: object) -> Call:
    """Return what fits a regressor."""
    return lambda _: trained(model(MLPRegressor, **options), *(data or (X, NUMBERS)))


def partial(*calls: tuple, **options: object) -> Call:
    """Return what fits a classifier call by call, each (X, y) or (X, y, classes)."""

    def learn(_: Path) -> object:
        estimator = model(**options)
        for x, y, *classes in calls:
            estimator.partial_fit(x, y, classes=classes[0] if classes else None)
        return estimator

    return learn


def again(*data: object, then: dict, first: tuple = (X, TWO)) -> Call:
    """Return what fits twice, with other parameters or data the second time."""
    return lambda _: trained(trained(model(warm_start=True), *first).set_params(**then), *data)


def with_classes(*classes: int) -> Call:
    """Return what fits on from weights and classes of one's own."""

    def go_on(_: Path) -> object:
        estimator, other = model(warm_start=True), trained(model())
        estimator.coefs_, estimator.intercepts_ = other.coefs_, other.intercepts_
        estimator.classes_ = np.array(classes)
        return trained(estimator)

    return go_on


def with_coefs(*shapes: tuple[int, int]) -> Call:
    """Return what predicts with weights of one's own."""

    def predict(_: Path) -> object:
        estimator = trained(model())
        estimator.coefs_ = [np.ones(shape) for shape in shapes]
        return estimator.predict(X)

    return predict


def with_place(column: int) -> Call:
    """Return what fits on a sparse matrix, one of whose elements was put into this column."""

    def fit_on(_: Path) -> object:
        rows = ROWS_OF_ZEROS.copy()
        rows.indices[0] = column
        return trained(model(), rows, TWO)

    return fit_on


def made_anew(_: Path) -> object:
    """Make the matrix from the places of its elements."""
    places = ROWS_OF_ZEROS.tocoo()
    rows = sparse.coo_matrix((places.data, (places.row, places.col)), ROWS_OF_ZEROS.shape)
    return trained(model(), rows, TWO)


def saved(y: np.ndarray) -> Call:
    """Return what saves a classifier of these labels, and loads it."""

    def save(folder: Path) -> object:
        trained(model(), X, y).save(folder / "model.safetensors")
        return load(folder / "model.safetensors")

    return save


def renamed(folder: Path) -> object:
    """Load an estimator of a name that nobody knows."""
    path = folder / "model.safetensors"
    saved(TWO)(folder)
    path.write_bytes(path.read_bytes().replace(b"MLPClassifier", b"MLPClassifies"))
    return load(path)


def several(*calls: Call) -> Call:
    """Return what does one after the other: a cure with an 'or' in it."""
    return lambda folder: [call(folder) for call in calls]


WIDE = {"hidden_layer_sizes": (3, 3)}
# Epochs are scored by a part of the samples.
EARLY = {"early_stopping": True, "validation_fraction": 0.25}
HELD = {"X_val": X, "y_val": TWO}
LONELY = np.arange(12) == 3
# The gradient of these runs away.
FAST = {"solver": "sgd", "activation": "identity", "learning_rate_init": 0.1, "max_iter": 50}
FAR = (X * 1e25).astype(np.float32)

ROWS = [
    Row("estimators/base.py: MultilayerPerceptron._fit",
        "partial_fit does not support early_stopping=True",
        partial((X, TWO, [0, 1]), early_stopping=True),
        "Set early_stopping=False, and score the epochs yourself.",
        lambda folder: partial((X, TWO, [0, 1]), early_stopping=False)(folder).score(X, TWO)),
    Row("estimators/base.py: MultilayerPerceptron._fit",
        "the solver lbfgs has no epochs for callbacks to hear of, or to validate after",
        fit(X, TWO, solver="lbfgs", callbacks=[print], **HELD),
        'Leave out callbacks, X_val and y_val, or set solver="adam".',
        several(fit(X, TWO, solver="lbfgs"), fit(X, TWO, callbacks=[print], **HELD))),
    Row("estimators/base.py: MultilayerPerceptron._go_on",
        "a fit that goes on cannot change {}",
        again(then=WIDE), "Set warm_start=False and call fit to begin anew.",
        again(then={"warm_start": False, **WIDE})),
    # ----------------------------------------------------------------------------- classifier
    Row("estimators/classifier.py: MLPClassifier._learn_targets",
        "warm_start needs the same classes as in the fit before",
        again(X, THREE, then={}), "Set warm_start=False to begin anew.",
        again(X, THREE, then={"warm_start": False})),
    Row("estimators/classifier.py: MLPClassifier._known_classes",
        "classes_ is not sorted, or names a class twice",
        with_classes(1, 0), "Set classes_ = np.unique(labels)", with_classes(*np.unique(TWO))),
    Row("estimators/classifier.py: MLPClassifier._labels_of_all",
        "the first call of partial_fit does not know the classes",
        partial((X, TWO)), "Pass classes=: all labels that any call will have.",
        partial((X, TWO, [0, 1, 2]), (X, THREE))),
    Row("estimators/classifier.py: MLPClassifier._labels_of_all",
        "classes is not the same as in the call before",
        partial((X, TWO, [0, 1]), (X, TWO, [0, 1, 2])), "expected array([0, 1])",
        partial((X, TWO, [0, 1]), (X, TWO, [0, 1]))),
    Row("estimators/classifier.py: MLPClassifier._learn_class_weight",
        'class_weight="balanced" needs all samples at once, and partial_fit sees some',
        partial((X, TWO, [0, 1]), class_weight="balanced"),
        "Pass the weights as a dictionary {label: weight}.",
        partial((X, TWO, [0, 1]), class_weight={0: 1.0, 1: 2.0})),
    Row("estimators/classifier.py: MLPClassifier._check_split",
        "early_stopping holds out samples of both classes, and needs two of each",
        fit(X, LONELY, **EARLY),
        "Pass more samples of it, or X_val and y_val, or set early_stopping=False.",
        several(fit(np.vstack([X, X]), np.tile(LONELY, 2), **EARLY),
                fit(X, LONELY, X_val=X, y_val=LONELY, **EARLY), fit(X, LONELY))),
    # ------------------------------------------------------------------------ weights of one's own
    Row("estimators/fitted.py: Fitted._take_over_public_weights",
        "{} does not have one array for each layer",
        with_coefs((2, 3)), "expected 2, of the shapes [(2, 3), (3, 1)]",
        with_coefs((2, 3), (3, 1))),
    Row("estimators/fitted.py: Fitted._take_over_public_weights", "{}[{}] does not fit the network",
        with_coefs((3, 2), (3, 1)), "expected (2, 3)", with_coefs((2, 3), (3, 1))),
    # ------------------------------------------------------------------------------- the gate
    Row("estimators/gate.py: Gate._held_out", "X_val and y_val go together",
        fit(X, TWO, X_val=X), "Pass both, or none.", several(fit(X, TWO, **HELD), fit(X, TWO))),
    Row("estimators/gate.py: Gate._held_out",
        "no validation sample counts: class_weight is 0 for all their classes",
        fit(X, TWO, class_weight={0: 0}, X_val=X[TWO == 0], y_val=TWO[TWO == 0]),
        "Pass validation samples of other classes, too, or give theirs a weight.",
        several(fit(X, TWO, class_weight={0: 0}, **HELD),
                fit(X, TWO, class_weight={0: 0.5}, X_val=X[TWO == 0], y_val=TWO[TWO == 0]))),
    Row("estimators/gate.py: Gate._check_split",
        "the validation part leaves no sample to train on",
        fit(X, TWO, early_stopping=True, validation_fraction=0.99),
        "Lower validation_fraction, pass more samples, or X_val and y_val.",
        several(fit(X, TWO, early_stopping=True, validation_fraction=0.5),
                fit(np.tile(X, (20, 1)), np.tile(TWO, 20), early_stopping=True,
                    validation_fraction=0.99),
                fit(X, TWO, early_stopping=True, validation_fraction=0.99, **HELD))),
    Row("estimators/gate.py: _too_small", "the validation part is too small",
        fit(X[:8], TWO[:8], early_stopping=True),
        "Raise validation_fraction, pass more samples, or X_val and y_val.",
        several(fit(X[:8], TWO[:8], **EARLY), fit(X, TWO, early_stopping=True),
                fit(X[:8], TWO[:8], early_stopping=True, **HELD))),
    Row("estimators/gate.py: _without_nothing", "the weights of all samples are zero",
        fit(X, TWO, class_weight={0: 0, 1: 0}), "expected one sample of a weight above 0",
        fit(X, TWO, class_weight={0: 0, 1: 1})),
    # --------------------------------------------------------------------------------- labels
    Row("estimators/labels.py: Labels.of", "y holds several outputs of several classes each",
        fit(X, np.stack([THREE, TWO], axis=1)),
        "Use sklearn.multioutput.MultiOutputClassifier, or one-hot columns.",
        several(lambda _: trained(MultiOutputClassifier(model()), X, np.stack([THREE, TWO], 1)),
                fit(X, np.hstack([np.eye(3, dtype=int)[THREE], np.eye(2, dtype=int)[TWO]])))),
    Row("estimators/labels.py: Labels.of_all",
        "classes does not name the columns of the indicator matrix y",
        partial((X, SEVERAL, ["a", "b"])), "Pass classes=range(2).",
        partial((X, SEVERAL, range(2)))),
    Row("estimators/labels.py: Labels.encode", "y is no indicator matrix of the labels",
        partial((X, SEVERAL, range(2)), (X, TWO)), "expected (n, 2)",
        partial((X, SEVERAL, range(2)), (X, SEVERAL))),
    Row("estimators/labels.py: Labels.encode",
        "y is an indicator matrix, where the network has learned labels",
        partial((X, TWO, [0, 1]), (X, SEVERAL)), "Pass labels, or fit anew.",
        several(partial((X, TWO, [0, 1]), (X, TWO)), fit(X, SEVERAL))),
    Row("estimators/labels.py: Labels.encode",
        "y has {} classes that the network has no output for",
        fit(X, TWO, X_val=X, y_val=THREE),
        "Leave these samples out, train with samples of these classes, too, or name all classes",
        several(fit(X, TWO, X_val=X[THREE < 2], y_val=THREE[THREE < 2]),
                fit(X, THREE, X_val=X, y_val=THREE),
                partial((X, TWO, [0, 1, 2]), (X, THREE)))),
    Row("estimators/labels.py: Labels.factors",
        "class_weight has no meaning where a sample has several labels",
        fit(X, SEVERAL, class_weight={0: 2}), "Pass sample_weight, or class_weight=None.",
        several(fit(X, SEVERAL, 1 + SEVERAL[:, 0]), fit(X, SEVERAL, class_weight=None))),
    Row("estimators/labels.py: Labels.factors", "class_weight is none",
        fit(X, TWO, class_weight=[1, 2]), 'expected "balanced" or a mapping',
        several(fit(X, TWO, class_weight="balanced"), fit(X, TWO, class_weight={0: 1, 1: 2}))),
    Row("estimators/labels.py: Labels.factors", "class_weight names classes that y does not have",
        fit(X, WORDS, class_weight={1: 2}), "expected 'no', 'yes'",
        fit(X, WORDS, class_weight={"yes": 2})),
    # ----------------------------------------------------------------------------- parameters
    Row("estimators/parameters.py: check_parameters", "{} is no answer",
        fit(shuffle="yes"), "expected True or False", fit(shuffle=True)),
    Row("estimators/parameters.py: check_parameters", "callbacks is no sequence of functions",
        fit(callbacks=print), "expected [function]", fit(callbacks=[print])),
    Row("estimators/parameters.py: check_parameters",
        "the solver lbfgs cannot leave units out: its gradient would change from call to call",
        fit(solver="lbfgs", dropout=0.5), 'Set dropout=0, or solver="adam".',
        several(fit(solver="lbfgs", dropout=0), fit(solver="adam", dropout=0.5))),
    Row("estimators/parameters.py: _activations",
        "activation has not one name for each hidden layer",
        fit(activation=["relu", "tanh"]), "Name one for all layers, or a list of one for each",
        several(fit(activation="relu"), fit(activation=["relu", "tanh"], **WIDE))),
    Row("estimators/parameters.py: _dropout",
        "dropout has not one number for each hidden layer",
        fit(dropout=[0.1], **WIDE), "expected one number, or 2 of them",
        several(fit(dropout=0.1, **WIDE), fit(dropout=[0.1, 0.2], **WIDE))),
    Row("estimators/parameters.py: _engine_name", "{} cannot stand in a hidden layer",
        fit(activation="softmax"), "Take another one.", fit(activation="tanh")),
    # ------------------------------------------------------------------------------- training
    Row("estimators/quasi_newton.py: fit_quasi_newton",
        "the solver lbfgs met a cost or weight that is not finite",
        regress(FAR, NUMBERS, solver="lbfgs"),
        "Scale the inputs: pass standardize=True, or divide X by its largest number.",
        several(regress(FAR, NUMBERS, solver="lbfgs", standardize=True),
                regress(FAR / FAR.max(), NUMBERS, solver="lbfgs"),
                regress(X * 1e200 / 1e200, NUMBERS, solver="lbfgs"))),
    Row("estimators/regressor.py: MLPRegressor._encode", "y has not one number for each output",
        lambda _: trained(model(MLPRegressor), X, NUMBERS).partial_fit(X, X), "expected 1",
        lambda _: trained(model(MLPRegressor), X, NUMBERS).partial_fit(X, X[:, :1].ravel())),
    Row("estimators/regressor.py: MLPRegressor._encode",
        "y has numbers that the loss {} has no meaning for",
        regress(loss="poisson"), 'Take loss="squared_error", or shift y.',
        several(regress(loss="squared_error"),
                regress(X, NUMBERS - NUMBERS.min(), loss="poisson"))),
    Row("estimators/regressor.py: MLPRegressor._cost", "unknown loss",
        lambda _: MLPRegressor((3,)).fit(X, NUMBERS), "pass hidden_layer_sizes=(3,).",
        regress(hidden_layer_sizes=(3,))),
    Row("estimators/sparse_rows.py: own_rows",
        "{} is a sparse matrix whose index arrays do not fit its shape",
        with_place(7), "Make X anew: scipy.sparse.coo_matrix((values, (rows, columns)), shape)",
        several(made_anew, with_place(1))),
    Row("estimators/standardization.py: Standardization.apply",
        "the model subtracts means, which sparse rows have no room for",
        lambda _: trained(model(standardize=True), X + 1, TWO).predict(ROWS_OF_ZEROS),
        "Pass X.toarray(), or fit on sparse rows, which keep their zeros.",
        lambda _: (trained(model(standardize=True), X + 1, TWO).predict(ROWS_OF_ZEROS.toarray()),
                   trained(model(standardize=True), ROWS_OF_ZEROS, TWO).predict(ROWS_OF_ZEROS))),
    Row("training/run.py: diverged",
        "training diverged in epoch {}, mini-batch {}: {} is not finite",
        regress(X * 1e3, NUMBERS, **FAST),
        "Lower learning_rate_init (it is 0.1), or pass standardize=True",
        several(regress(X * 1e3, NUMBERS, **{**FAST, "learning_rate_init": 1e-9}),
                regress(X * 1e3, NUMBERS, standardize=True, **FAST))),
    Row("estimators/storage.py: save", "a model file cannot hold these classes",
        saved(TWO.astype("datetime64[D]")), "Fit with labels of text: y.astype(str).",
        saved(TWO.astype("datetime64[D]").astype(str))),
    Row("estimators/storage.py: restore", "{} does not describe an estimator",
        renamed, "Save the estimator again", saved(TWO)),
]  # fmt: skip
