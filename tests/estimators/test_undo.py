"""A fit that is rejected, fails or is interrupted at once leaves a fitted model unchanged."""

from __future__ import annotations

import copy
import threading
import warnings

import numpy as np
import pytest
from interruptions import interruptions

pytest.importorskip("sklearn", reason="the estimators need scikit-learn")

from sklearn.exceptions import ConvergenceWarning, NotFittedError

from bpmatrix import MLPClassifier, MLPRegressor, OwnActivation
from bpmatrix.errors import ArgumentError, DivergenceError
from bpmatrix.estimators.base import CURVES
from bpmatrix.estimators.stochastic import Fit
from bpmatrix.training import slices

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")

RNG = np.random.default_rng(42)
X = RNG.standard_normal((48, 3))
LABELS = np.array(["ash", "elm", "oak"])[(X @ RNG.standard_normal((3, 3))).argmax(axis=1)]
Y = X @ [1.0, -2.0, 0.5] + 3
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 6, "batch_size": 16, "random_state": 7}
PATIENCE = 60


def classifier(**parameters):
    return MLPClassifier(**SMALL | parameters)


def regressor(**parameters):
    return MLPRegressor(**SMALL | parameters)


def with_nan(table):
    return np.where(np.arange(table.size).reshape(table.shape) == 4, np.nan, table)


def state(model):
    """Return all attributes of a model, its predictions, and the state of its generators."""
    found = {name: copy.deepcopy(value) for name, value in vars(model).items() if name != "_views"}
    found["_parameters"] = model._parameters.flat.copy()
    optimizer = model._optimizer
    if optimizer is not None:
        moments = optimizer.optimizer_state.moments.copy()
        found["_optimizer"] = [optimizer.rate, optimizer.optimizer_state.steps, moments]
    found["_random_state"] = model._random_state.get_state()[1]
    found["predicted"] = model.predict(X)
    return found


def assert_unchanged(model, before):
    now = state(model)
    assert set(now) == set(before)
    for name, value in before.items():
        if name in {"_description", "_standardization", "_y_standardization", "_labels"}:
            continue  # immutable objects without ==; `predicted` covers them
        np.testing.assert_equal(now[name], value, err_msg=name)
    for view, array in zip(model.coefs_, before["coefs_"], strict=True):
        assert np.shares_memory(view, model._parameters.flat)
        np.testing.assert_array_equal(view, array)


def breaks(z):
    raise RuntimeError(z)


NO_ACTIVATION = OwnActivation(lambda z: z, breaks, name="broken")
TOO_FEW = np.array(["ash"] * 24 + ["elm"] * 23 + ["oak"])

# The parameters, the arguments of fit, and its error.
REFUSED = {
    "X_val of another width": (classifier, {}, (X, LABELS, None, X[:, :2], LABELS), "features"),
    "X_val with a gap": (classifier, {}, (X, LABELS, None, with_nan(X), LABELS), "NaN"),
    "y_val too short": (regressor, {}, (X, Y, None, X, Y[:9]), "inconsistent"),
    "y_val of another class": (classifier, {}, (X, LABELS, None, X, ["fir"] * 48), "fir"),
    "y_val as a table": (classifier, {}, (X, LABELS, None, X, np.eye(3, dtype=int)[[0] * 48]), "3"),
    "X_val alone": (regressor, {}, (X, Y, None, X), "together"),
    "another width and a gap": (classifier, {}, (with_nan(X[:, :2]), LABELS), "NaN"),
    "numbers for classes": (classifier, {}, (X, Y), "Unknown label type"),
    "weights of 0": (classifier, {}, (X, LABELS, np.zeros(48)), "zero"),
    "weights below 0": (regressor, {}, (X, Y, -np.ones(48)), "egative"),
    "weight of no class": (classifier, {"class_weight": {"fir": 1}}, (X, LABELS), "fir"),
    "a parameter": (classifier, {"alpha": -1}, (X, LABELS == "ash"), "alpha"),
    "layers": (classifier, {"hidden_layer_sizes": (3, 0)}, (X, LABELS), "hidden_layer_sizes"),
    "an activation": (regressor, {"activation": NO_ACTIVATION}, (X[:, :2], Y), "broken"),
    "a loss": (regressor, {"loss": "poisson"}, (X, -np.abs(Y)), "poisson"),
    "no part to hold out": (classifier, {"early_stopping": True}, (X[:9], LABELS[:9]), "too small"),
    "one of a class": (
        classifier, {"early_stopping": True}, (X[23:], TOO_FEW[23:] == "oak"), "True",
    ),
    "other classes": (classifier, {"warm_start": True}, (X, TOO_FEW[:24].repeat(2)), "classes"),
    "other layers": (
        regressor, {"warm_start": True, "hidden_layer_sizes": (5,)}, (X, Y), "layers",
    ),
    "lbfgs and epochs": (regressor, {"solver": "lbfgs", "callbacks": [print]}, (X, Y), "lbfgs"),
    "lbfgs without end": (regressor, {"solver": "lbfgs"}, (X * 1e200, Y), "not finite"),
    "lbfgs that goes on without end": (
        regressor, {"solver": "lbfgs", "warm_start": True}, (X * 1e200, Y), "not finite",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_rejected_fit_changes_nothing(case):
    make, parameters, arguments, complaint = REFUSED[case]
    model = make().fit(X, LABELS if make is classifier else Y)
    model.set_params(**parameters)
    before = state(model)
    with pytest.raises(Exception, match=complaint):
        model.fit(*arguments)
    assert_unchanged(model, before)


@pytest.mark.parametrize("case", REFUSED)
def test_a_rejected_first_fit_leaves_no_trace(case):
    make, parameters, arguments, complaint = REFUSED[case]
    if case in {"other classes", "other layers"}:
        pytest.skip("a first fit can have any")
    model = make(**parameters)
    before = dict(vars(model))
    with pytest.raises(Exception, match=complaint):
        model.fit(*arguments)
    assert vars(model) == before
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_a_rejected_first_partial_fit_does_not_keep_its_classes():
    model = classifier()
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(with_nan(X), LABELS, classes=["ash", "elm", "fir", "oak"])
    model.partial_fit(X, LABELS, classes=np.unique(LABELS))
    assert list(model.classes_) == ["ash", "elm", "oak"]


# -------------------------------------------------------------------- failures during training


def diverging(model):
    return model.set_params(solver="sgd", learning_rate_init=1e100, activation="identity")


def failing(model, epoch=3):
    def stop(info):
        if info.epoch == epoch:
            raise ZeroDivisionError

    return model.set_params(callbacks=[stop])


FAILURES = {
    "diverges": (diverging, DivergenceError),
    "fails in a callback": (failing, ZeroDivisionError),
}


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("failure", FAILURES)
def test_a_fit_that_fails_restores_the_model(failure, warm_start, early_stopping):
    """Records, weights, optimizer state: it continues as if fit had not been called."""
    prepare, error = FAILURES[failure]
    if early_stopping and warm_start and error is DivergenceError:
        pytest.skip("early stopping has a best score to end with")
    model, twin = (regressor(warm_start=warm_start).fit(X, Y) for _ in range(2))
    parameters = model.get_params()
    prepare(model.set_params(early_stopping=early_stopping))
    weights, before = model.coefs_[0], state(model)
    with pytest.raises(error):
        model.fit(X, Y)
    assert_unchanged(model, before)
    assert np.shares_memory(weights, model.coefs_[0])
    for each in (model.set_params(**parameters), twin):
        each.partial_fit(X, Y)
    np.testing.assert_array_equal(model.coefs_[0], twin.coefs_[0])


@pytest.mark.parametrize("seconds", [0.0, 0.15])
@pytest.mark.parametrize("failure", FAILURES)
def test_a_partial_fit_that_fails_has_not_happened(failure, seconds, monkeypatch):
    """Whether its steps were in one slice or in several."""
    monkeypatch.setattr(slices, "SECONDS_PER_SLICE", seconds)
    _, error = FAILURES[failure]
    model, twin = regressor(), regressor()
    for each in (model, twin):
        for _ in range(3):
            each.partial_fit(X, Y)
    if error is DivergenceError:
        rows = np.where(np.arange(48) < 47, 1, 1e200)[:, None] * X
    else:
        rows = X
        failing(model, epoch=1)
    before = state(model)
    with pytest.raises(error):
        model.partial_fit(rows, Y)
    assert_unchanged(model, before)
    for each in (model.set_params(callbacks=None), twin):
        each.partial_fit(X, Y)
    assert model.loss_curve_ == twin.loss_curve_
    np.testing.assert_array_equal(model.coefs_[0], twin.coefs_[0])


def test_lack_of_memory_is_noticed_before_anything_changes(monkeypatch):
    model = classifier().fit(X, LABELS)
    before = state(model)

    def no_memory(*arguments, **how):
        raise MemoryError

    monkeypatch.setattr(Fit, "__init__", no_memory)
    for call in (
        lambda: model.fit(X[:, :2], LABELS == "ash"),
        lambda: model.partial_fit(X, LABELS),
    ):
        with pytest.raises(MemoryError):
            call()
        assert_unchanged(model, before)
    fresh = classifier()
    with pytest.raises(MemoryError):
        fresh.fit(X, LABELS)
    assert not hasattr(fresh, "coefs_")


def test_a_first_fit_that_fails_keeps_the_weights_reached_so_far():
    """There is nothing to restore, and they may have taken hours."""
    model, twin = failing(regressor()), regressor(max_iter=3).fit(X, Y)
    with pytest.raises(ZeroDivisionError):
        model.fit(X, Y)
    assert model.n_iter_ == 3
    assert model.loss_curve_ == twin.loss_curve_
    np.testing.assert_array_equal(model.predict(X), twin.predict(X))


def test_another_thread_can_neither_fit_nor_disturb_a_running_fit():
    """It is rejected before its data are checked, for every solver."""
    model, twin, refused = classifier(), classifier().fit(X, LABELS), []

    def intrude(info):
        def fit():
            for rows, labels in ((X[:, :2], LABELS == "oak"), (X[:, :1] * np.nan, LABELS)):
                with pytest.raises(ArgumentError, match=r"another thread.*the estimator") as caught:
                    model.fit(rows, labels)
                refused.append(caught.value)

        thread = threading.Thread(target=fit, daemon=True)
        thread.start()
        thread.join(PATIENCE)

    model.set_params(callbacks=[intrude]).fit(X, LABELS)
    assert len(refused) == 2 * model.n_iter_ == 2 * SMALL["max_iter"]
    assert model.loss_curve_ == twin.loss_curve_
    assert list(model.classes_) == list(twin.classes_)
    np.testing.assert_array_equal(model.predict_proba(X), twin.predict_proba(X))


# --------------------------------------------------------------------------- Ctrl-C, at any moment


def press(epoch):
    def callback(info):
        if info.epoch == epoch:
            raise KeyboardInterrupt

    return [callback]


def test_ctrl_c_in_the_first_epoch_restores_the_model(monkeypatch):
    model = regressor().fit(X, Y)
    before = state(model)

    steps = Fit.steps

    def interrupted(self, orders, rate):
        steps(self, orders[:1], rate)
        raise KeyboardInterrupt

    monkeypatch.setattr(Fit, "steps", interrupted)
    for fit in (model.fit, model.partial_fit):
        with pytest.warns(RuntimeWarning, match="after 0 whole epochs; .* is unchanged"):
            fit(X, Y + 1)
        assert_unchanged(model, before)


def test_ctrl_c_later_ends_the_fit():
    model, twin = regressor().fit(X, -Y), regressor(max_iter=2).fit(X, Y)
    with pytest.warns(RuntimeWarning, match="after 2 whole epochs; .* keeps its current weights"):
        model.set_params(callbacks=press(2)).fit(X, Y)
    assert model.loss_curve_ == twin.loss_curve_
    np.testing.assert_array_equal(model.predict(X), twin.predict(X))


@pytest.mark.parametrize(
    ("error", "solver"),
    [(KeyboardInterrupt, "adam"), (MemoryError, "adam"), (MemoryError, "lbfgs")],
)
def test_at_any_moment_a_model_is_the_old_one_or_a_trained_one(error, solver):
    """Records match each other; the weights may be those of an epoch not yet recorded."""
    rows = X[:, :2]
    how = {"batch_size": 48, "solver": solver, "hidden_layer_sizes": (2,)}
    old = regressor(**how).fit(X, Y)
    first, both = (regressor(**how | {"max_iter": n}).fit(rows, Y) for n in (1, 2))
    models, found = [], []

    def prepare():
        models[:] = [copy.deepcopy(old).set_params(max_iter=2)]
        return lambda: models[0].fit(rows, Y)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for outcome in interruptions(error, prepare, every=3):
            (model,) = models
            found.append(model.n_iter_)
            twin = {6: old, 1: first, 2: both}[model.n_iter_]
            weights = [twin] if twin is not first else [first, both]
            assert any(all(map(np.array_equal, model.coefs_, each.coefs_)) for each in weights)
            for name in ("n_features_in_", "loss_", "t_"):
                assert getattr(model, name) == getattr(twin, name)
            assert getattr(model, "loss_curve_", None) == getattr(twin, "loss_curve_", None)
            # An epoch counts if the fit was interrupted, not if it failed.
            assert twin is not first or outcome is model
    assert len(found) > 100
    assert old.n_iter_ in found


@pytest.mark.parametrize("early_stopping", [False, True])
def test_ctrl_c_leaves_an_epoch_recorded_completely_or_not_at_all(early_stopping):
    """Also while the validation samples are scored: no loss without a score."""
    models, seen = [], set()

    def prepare():
        models[:] = [regressor(max_iter=2, early_stopping=early_stopping)]
        return lambda: models[0].fit(X, Y, None, X, Y)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in interruptions(KeyboardInterrupt, prepare, every=3):
            found = vars(models[0])
            curves = [found.get(name) or [] for name in CURVES]
            assert {*map(len, curves)} == {found.get("n_iter_", 0)}
            assert found.get("t_", 0) == 48 * found.get("n_iter_", 0)
            seen.add(len(curves[0]))
    assert seen == {0, 1, 2}


def test_a_warning_raised_as_an_error_comes_after_the_fit():
    """The weights are kept, although they have not converged."""
    for solver in ("adam", "lbfgs"):
        model, twin = (regressor(solver=solver).fit(X, -Y) for _ in range(2))
        twin.fit(X, Y)
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            with pytest.raises(ConvergenceWarning):
                model.fit(X, Y)
        np.testing.assert_array_equal(model.predict(X), twin.predict(X))
