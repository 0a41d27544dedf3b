"""Weights set by the user, before a fit with warm_start or after one."""

from __future__ import annotations

import copy

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the estimators need scikit-learn")

from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from bpmatrix import MLPClassifier, MLPRegressor
from bpmatrix.errors import ArrayTypeError, DataError, ShapeError

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")

RNG = np.random.default_rng(11)
X = RNG.standard_normal((40, 3))
LABELS = np.array(["down", "flat", "up"])[(X @ RNG.standard_normal((3, 3))).argmax(axis=1)]
Y = X @ [2.0, -1.0, 0.5]
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 2, "batch_size": 10}
# Different from any that are drawn.
COEFS = [np.arange(12.0).reshape(3, 4) / 10 - 0.5, np.arange(12.0).reshape(4, 3) / 8 - 0.7]
INTERCEPTS = [np.array([0.3, -0.2, 0.1, 0.0]), np.array([0.2, 0.0, -0.4])]


def with_weights(model, outputs=3):
    model.coefs_ = [COEFS[0].copy(), COEFS[1][:, :outputs].copy()]
    model.intercepts_ = [INTERCEPTS[0].copy(), INTERCEPTS[1][:outputs].copy()]
    return model


def one_step(coefs, intercepts, rows, targets, rate, alpha):
    """Return the weights after a step of gradient descent, written out layer by layer."""
    n = len(rows)
    hidden = np.maximum(rows @ coefs[0] + intercepts[0], 0)
    delta = (hidden @ coefs[1] + intercepts[1] - targets[:, None]) / n
    below = delta @ coefs[1].T * (hidden > 0)
    gradients = [rows.T @ below + alpha / n * coefs[0], hidden.T @ delta + alpha / n * coefs[1]]
    return (
        [W - rate * gradient for W, gradient in zip(coefs, gradients, strict=True)],
        [intercepts[0] - rate * below.sum(axis=0), intercepts[1] - rate * delta.sum(axis=0)],
    )


def is_called_fit(model, *data):
    return model.set_params(warm_start=True).fit(*data)


def is_called_partial_fit(model, *data):
    return model.partial_fit(*data)


@pytest.mark.parametrize("go_on", [is_called_fit, is_called_partial_fit])
def test_a_fit_starts_from_the_weights_that_were_set(go_on):
    model = with_weights(
        MLPRegressor(
            hidden_layer_sizes=(4,), solver="sgd", learning_rate_init=0.1, momentum=0.0,
            alpha=0.5, max_iter=1, batch_size=40,
        ),
        outputs=1,
    )  # fmt: skip
    expected = one_step(model.coefs_, model.intercepts_, X, Y, rate=0.1, alpha=0.5)
    go_on(model, X, Y)
    for found, arrays in zip((model.coefs_, model.intercepts_), expected, strict=True):
        for array, other in zip(found, arrays, strict=True):
            # Sums of 40 products of numbers around 1, in another order.
            np.testing.assert_allclose(array, other, rtol=1e-12, atol=1e-14)


def test_lbfgs_starts_from_them_too():
    """One iteration from good weights is better than one from drawn weights."""
    good = MLPRegressor(**SMALL | {"solver": "lbfgs", "max_iter": 500}).fit(X, Y)
    model = MLPRegressor(**SMALL | {"solver": "lbfgs", "max_iter": 1, "warm_start": True})
    model.coefs_, model.intercepts_ = copy.deepcopy((good.coefs_, good.intercepts_))
    assert model.fit(X, Y).score(X, Y) >= good.score(X, Y) - 1e-9


def test_without_warm_start_weights_are_drawn():
    set_before, plain = with_weights(MLPClassifier(**SMALL)), MLPClassifier(**SMALL)
    for model in (set_before, plain):
        model.fit(X, LABELS)
    np.testing.assert_array_equal(set_before.coefs_[0], plain.coefs_[0])


def test_the_whole_state_of_training_can_be_set():
    """A new estimator with it continues like the other one."""
    how = SMALL | {"solver": "sgd", "learning_rate": "invscaling", "warm_start": True}
    model = MLPClassifier(**how).fit(X, LABELS)
    same = clone(model)
    for name in (
        "coefs_", "intercepts_", "classes_", "loss_curve_", "t_", "best_loss_",
        "n_iter_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_",
    ):  # fmt: skip
        setattr(same, name, copy.deepcopy(getattr(model, name)))
    same._no_improvement_count = model._no_improvement_count
    for each in (model, same):
        each.fit(X, LABELS)
    assert (same.t_, same.loss_curve_) == (6 * 40, model.loss_curve_)
    assert len(same.loss_curve_) == 6
    np.testing.assert_array_equal(same.predict_proba(X), model.predict_proba(X))


def test_samples_seen_before_lower_the_rate():
    """ "invscaling" after the epochs of before: t_ counts on, as in scikit-learn."""
    models = []
    for seen in (0, 10_000):
        model = with_weights(MLPRegressor(
            **SMALL | {"solver": "sgd", "learning_rate": "invscaling", "warm_start": True}
        ), outputs=1)  # fmt: skip
        model.t_ = seen
        models.append(model.fit(X, Y))
    assert [model.t_ for model in models] == [120, 10_120]
    slow, fast = (np.abs(model.coefs_[0] - COEFS[0]).max() for model in models[::-1])
    assert slow < fast


@pytest.mark.parametrize("curve", [[0.5, 0.25], (0.5, 0.25), np.array([0.5, 0.25])])
def test_a_curve_that_was_set_continues(curve):
    for model in (with_weights(MLPRegressor(**SMALL), 1), MLPRegressor(**SMALL).fit(X, Y)):
        model.loss_curve_ = copy.copy(curve)
        model.set_params(warm_start=True).fit(X, Y)
        assert model.loss_curve_[:2] == [0.5, 0.25]
        assert len(model.loss_curve_) == 5


def test_classes_that_were_set_are_those_of_the_outputs():
    model = with_weights(MLPClassifier(**SMALL))
    model.classes_ = np.array(["down", "flat", "up"])
    some = LABELS != "flat"
    model.partial_fit(X[some], LABELS[some])
    assert model.predict_proba(X).shape == (40, 3)
    for classes, complaint in (
        (["up", "flat", "down"], "must be sorted"),
        (["down", "flat", "left"], "classes of the previous fit"),
    ):
        model = with_weights(MLPClassifier(**SMALL | {"warm_start": True}))
        model.classes_ = classes
        with pytest.raises(DataError, match=complaint):
            model.fit(X, LABELS)


WRONG = {
    "another width": ({"coefs_": [COEFS[0][:2], COEFS[1]]}, r"coefs_\[0\].*\(2, 4\).*\(3, 4\)"),
    "another layer": ({"intercepts_": [INTERCEPTS[1], INTERCEPTS[1]]}, r"intercepts_\[0\]"),
    "too few": ({"coefs_": COEFS[:1]}, "coefs_ must have one array per layer: got 1"),
    "too many": ({"intercepts_": [*INTERCEPTS, INTERCEPTS[0]]}, "intercepts_ must have.*got 3"),
    "none": ({"coefs_": []}, "coefs_ must have one array per layer: got 0"),
}


@pytest.mark.parametrize("case", WRONG)
def test_weights_that_do_not_fit_are_named_and_nothing_is_copied(case):
    arrays, complaint = WRONG[case]
    fresh = with_weights(MLPClassifier(**SMALL | {"warm_start": True}))
    fitted = MLPClassifier(**SMALL).fit(X, LABELS)
    before = fitted.predict_proba(X)
    views = list(fitted.coefs_), list(fitted.intercepts_)
    fitted.coefs_[0] = COEFS[0]
    for model in (fresh, fitted):
        for name, value in arrays.items():
            setattr(model, name, value)
    for call in (
        lambda: fresh.fit(X, LABELS),
        lambda: fitted.predict(X),
        lambda: fitted.partial_fit(X, LABELS),
        lambda: copy.copy(fitted),
    ):
        with pytest.raises(ShapeError, match=complaint):
            call()
    fitted.coefs_, fitted.intercepts_ = views
    np.testing.assert_array_equal(fitted.predict_proba(X), before)


def test_intercepts_alone_are_not_enough():
    model = MLPClassifier(**SMALL | {"warm_start": True})
    model.intercepts_ = INTERCEPTS
    with pytest.raises(ShapeError, match="coefs_ must have one array per layer: got 0"):
        model.fit(X, LABELS)


def test_anything_but_an_array_of_numbers_is_named():
    model = MLPClassifier(**SMALL).fit(X, LABELS)
    model.coefs_[1] = np.full((4, 3), "a")
    with pytest.raises(ArrayTypeError, match=r"coefs_\[1\] does not hold real numbers"):
        model.predict(X)


def test_layers_can_be_swapped():
    """An array that is set may be a view of the weights that it replaces."""
    model = MLPRegressor(hidden_layer_sizes=(3, 3), max_iter=2, random_state=1).fit(X, Y)
    first, second, last = (array.copy() for array in model.coefs_)
    model.coefs_ = [model.coefs_[1], model.coefs_[0], model.coefs_[2]]
    a = np.maximum(X @ second + model.intercepts_[0], 0)
    a = np.maximum(a @ first + model.intercepts_[1], 0)
    expected = a @ last + model.intercepts_[2]
    # Two sums of three products of numbers around 1.
    np.testing.assert_allclose(model.predict(X), expected[:, 0], rtol=1e-12, atol=1e-14)


def test_weights_alone_are_not_a_fitted_model():
    """Without a fit, features and classes are unknown."""
    model = with_weights(MLPClassifier(**SMALL))
    with pytest.raises(NotFittedError):
        model.predict(X)
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    check_is_fitted(model.partial_fit(X, LABELS, classes=np.unique(LABELS)))
