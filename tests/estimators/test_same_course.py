"""The same integer random_state gives the same training as in scikit-learn."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the estimators need scikit-learn")

from sklearn import neural_network
from sklearn.datasets import load_diabetes, load_digits, load_iris, make_multilabel_classification

from bpmatrix import MLPClassifier, MLPRegressor

# The same parameters in bpmatrix and scikit-learn: a few epochs are enough to compare.
pytestmark = pytest.mark.filterwarnings("ignore:.*(has not|hasn't) converged")

# Both add the same numbers in different orders: the loss of an epoch differs in its last places,
# and the difference grows over some hundred steps.
TOLERANCE = 1e-9

PLAIN = {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False, "learning_rate_init": 0.1}
ADAPTIVE = {**PLAIN, "learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 1}
COURSES = {
    "plain": PLAIN,
    "alpha": {**PLAIN, "alpha": 1.0},
    "invscaling": {**PLAIN, "learning_rate": "invscaling"},
    "adaptive": ADAPTIVE,
    "early stopping": {**PLAIN, "early_stopping": True, "n_iter_no_change": 3},
    "no hidden layer": {**PLAIN, "hidden_layer_sizes": ()},
    "no hidden layer, logistic": {**PLAIN, "hidden_layer_sizes": (), "activation": "logistic"},
    "no hidden layer, tanh": {"hidden_layer_sizes": (), "activation": "tanh"},
    "logistic, two layers": {**PLAIN, "activation": "logistic", "hidden_layer_sizes": (20, 10)},
    "tanh, in order": {**PLAIN, "activation": "tanh", "shuffle": False, "batch_size": 37},
    "momentum": {**PLAIN, "momentum": 0.9},
    "nesterov": {**PLAIN, "momentum": 0.9, "nesterovs_momentum": True},
    # The learning rate is part of the velocity, also when it is lowered.
    "momentum, adaptive": {**ADAPTIVE, "momentum": 0.9},
    "nesterov, adaptive": {**ADAPTIVE, "momentum": 0.7, "nesterovs_momentum": True},
    "momentum, invscaling": {**PLAIN, "momentum": 0.9, "learning_rate": "invscaling"},
    "scikit-learn's default": {"tol": 0.0},
    "adam": {"learning_rate_init": 0.01, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3},
    "adam, alpha, early stopping": {"alpha": 1.0, "early_stopping": True, "batch_size": 32},
    "identity": {**PLAIN, "activation": "identity", "learning_rate_init": 0.01},
}


def digits():
    X, y = load_digits(return_X_y=True)
    return X[:500] / 16, y[:500]


def two_classes():
    X, y = load_iris(return_X_y=True)
    return X[y < 2], np.array(["no", "yes"])[y[y < 2]]


def several_labels():
    return make_multilabel_classification(n_samples=150, random_state=0)


def diabetes(outputs=1):
    X, y = load_diabetes(return_X_y=True)
    return X, (y / 100 if outputs == 1 else np.column_stack([y / 100, X[:, 0]]))


def fitted(kind, data, **parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(random_state=1, **{"max_iter": 15, **parameters}).fit(*data)


def assert_same_course(ours, theirs, X, tolerance=TOLERANCE):
    assert ours.n_iter_ == theirs.n_iter_
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=tolerance)
    for name in ("loss_", "best_loss_", "validation_scores_", "best_validation_score_"):
        expected = getattr(theirs, name)
        if expected is None:
            assert getattr(ours, name) is None
        else:
            np.testing.assert_allclose(getattr(ours, name), expected, rtol=tolerance, err_msg=name)
    for name in ("t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name)
    for name in ("coefs_", "intercepts_"):
        for mine, other in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            assert mine.shape == other.shape
            np.testing.assert_allclose(mine, other, rtol=1e-6, atol=tolerance)


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("data", [digits, two_classes, several_labels])
def test_classifier(course, data):
    X, y = data()
    ours = fitted(MLPClassifier, (X, y), **COURSES[course])
    try:
        theirs = fitted(neural_network.MLPClassifier, (X, y), **COURSES[course])
    except TypeError as error:
        if y.dtype.kind == "U" and "isnan" in str(error):
            pytest.skip("scikit-learn 1.6 cannot stop early where labels are text")
        raise

    assert_same_course(ours, theirs, X)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=TOLERANCE)
    np.testing.assert_allclose(
        ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-6, atol=TOLERANCE
    )


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("outputs", [1, 2])
def test_regressor(course, outputs):
    X, y = diabetes(outputs)
    parameters = {**COURSES[course], "learning_rate_init": 0.02}
    ours, theirs = (
        fitted(kind, (X, y), **parameters) for kind in (MLPRegressor, neural_network.MLPRegressor)
    )

    assert_same_course(ours, theirs, X)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6)


@pytest.mark.parametrize("data", [digits, two_classes, several_labels])
def test_lbfgs(data):
    X, y = data()
    ours, theirs = (
        fitted(kind, (X, y), solver="lbfgs")
        for kind in (MLPClassifier, neural_network.MLPClassifier)
    )

    # A line search compares numbers, which amplifies rounding.
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("warm_start", [False, True])
def test_a_second_fit(warm_start):
    X, y = digits()
    ours, theirs = (
        fitted(kind, (X, y), warm_start=warm_start, **PLAIN).fit(X, y)
        for kind in (MLPClassifier, neural_network.MLPClassifier)
    )

    assert len(ours.loss_curve_) == (30 if warm_start else 15)
    assert_same_course(ours, theirs, X)


def test_partial_fit():
    X, y = digits()
    ours, theirs = (
        kind(random_state=1, **{**PLAIN, "learning_rate": "invscaling"})
        for kind in (MLPClassifier, neural_network.MLPClassifier)
    )
    for model in (ours, theirs):
        for part in range(0, 500, 100):
            model.partial_fit(X[part : part + 100], y[part : part + 100], classes=np.unique(y))

    assert_same_course(ours, theirs, X)


@pytest.mark.parametrize("incremental", [False, True])
def test_a_fit_that_continues_uses_the_current_parameters(incremental):
    """Activation function and alpha are new; partial_fit keeps its optimizer."""
    X, y = digits()
    ours, theirs = (
        fitted(kind, (X, y), max_iter=3, warm_start=True)
        for kind in (MLPClassifier, neural_network.MLPClassifier)
    )
    for model in (ours, theirs):
        model.set_params(activation="tanh", alpha=1.0)
        if incremental:
            model.set_params(solver="sgd", momentum=0.5, beta_1=0.1).partial_fit(X, y)
            model.partial_fit(X, y)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(X, y)

    assert_same_course(ours, theirs, X)


def test_a_fit_continues_from_replaced_weights():
    X, y = digits()
    ours, theirs = (
        fitted(kind, (X, y), max_iter=3, warm_start=True, learning_rate_init=0.01)
        for kind in (MLPClassifier, neural_network.MLPClassifier)
    )
    for model in (ours, theirs):
        model.coefs_[0] = np.zeros(model.coefs_[0].shape)
        model.intercepts_[-1] = np.zeros(10)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, y)

    assert_same_course(ours, theirs, X)
    assert ours.coefs_[0].any()


def test_a_generator_of_another_kind():
    X, y = digits()
    ours, theirs = (
        kind(random_state=np.random.RandomState(np.random.PCG64(0)), max_iter=3).fit(X, y)
        for kind in (MLPClassifier, neural_network.MLPClassifier)
    )
    assert_same_course(ours, theirs, X)


def test_float32_stays_float32():
    X, y = digits()
    ours, theirs = (
        fitted(kind, (X.astype(np.float32), y), **PLAIN)
        for kind in (MLPClassifier, neural_network.MLPClassifier)
    )

    assert ours.coefs_[0].dtype == theirs.coefs_[0].dtype == np.float32
    assert ours.predict_proba(X.astype(np.float32)).dtype == np.float32
    # 15 epochs of 3 steps, with some rounding errors of float32 in each sum.
    assert_same_course(ours, theirs, X, tolerance=1e-4)
