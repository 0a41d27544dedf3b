"""Several epochs in one call of the engine: the result of a fit is the same."""

import warnings

import numpy as np
import pytest
from numeric import same_bits

from bpmatrix.errors import DivergenceError
from bpmatrix.training import slices
from bpmatrix.training.slices import SliceRunner

pytest.importorskip("sklearn", reason="the estimators are made of scikit-learn's interface")

from sklearn.exceptions import ConvergenceWarning

from bpmatrix.estimators import MLPClassifier, MLPRegressor
from bpmatrix.estimators.stochastic import Fit

RNG = np.random.default_rng(5)
X = RNG.standard_normal((70, 4))
Y = (X @ RNG.standard_normal((4, 3)) + RNG.standard_normal((70, 3))).argmax(axis=1)


def fitted(kind, callbacks, sample_weight=None, **parameters):
    model = kind(random_state=3, callbacks=callbacks, **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, Y, sample_weight=sample_weight)


@pytest.fixture
def runs(monkeypatch):
    """The number of epochs in each call of the engine."""
    found, taken = [], Fit.steps

    def counted(self, orders, rate):
        steps = len(orders) * -(-orders.shape[1] // self.runner.m)
        assert len(orders) == 1 or steps <= self.runner.steps_of_a_slice
        found.append(len(orders))
        return taken(self, orders, rate)

    monkeypatch.setattr(Fit, "steps", counted)
    return found


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(
    "parameters",
    [
        {"max_iter": 23},
        {"max_iter": 300, "tol": 0.01, "n_iter_no_change": 3},
        {"max_iter": 300, "tol": 0.5},
        {"max_iter": 10**20, "tol": 10.0, "n_iter_no_change": 1},
        {"max_iter": 30, "n_iter_no_change": np.inf},
        {"max_iter": 60, "solver": "sgd", "learning_rate": "adaptive", "tol": 0.02},
        {"max_iter": 15, "solver": "sgd", "learning_rate": "invscaling"},
        {"max_iter": 20, "shuffle": False, "batch_size": 7},
        {"max_iter": 12, "dropout": 0.3},
    ],
    ids=str,
)
def test_a_fit_is_the_same_epoch_by_epoch(kind, parameters, weighted, runs):
    """With a callback they run one by one; without, as many together as possible."""
    weight = np.random.default_rng(1).random(70) + 0.5 if weighted else None
    told = []
    single = fitted(kind, [told.append], weight, **parameters)
    assert len(told) == single.n_iter_ == len(runs)
    runs.clear()
    together = fitted(kind, None, weight, **parameters)
    assert sum(runs) == together.n_iter_ == single.n_iter_
    assert (len(runs) < sum(runs)) == (parameters.get("learning_rate") != "invscaling")
    assert together.loss_curve_ == single.loss_curve_
    assert (together.loss_, together.best_loss_, together.t_) == (
        single.loss_, single.best_loss_, single.t_,
    )  # fmt: skip
    for one, other in zip(
        (*together.coefs_, *together.intercepts_), (*single.coefs_, *single.intercepts_),
        strict=True,
    ):  # fmt: skip
        assert same_bits(one, other)
    # So is the next random number.
    assert together._random_state.random_sample() == single._random_state.random_sample()


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, [1] * 7), (1e6, [7])])
def test_a_slice_limits_the_epochs_per_call(seconds, expected, monkeypatch, runs):
    """A short slice has one epoch; a long one has all."""
    monkeypatch.setattr(slices, "SECONDS_PER_SLICE", seconds)
    fitted(MLPClassifier, None, max_iter=7, batch_size=7)
    assert runs == expected


def test_a_fit_continues_after_its_patience_has_run_out():
    """As with a callback: for one more epoch, or as long as it improves."""
    for calls in (["fit", "fit"], ["partial_fit"] * 7 + ["fit"]):
        models = []
        for callbacks in ([lambda entry: None], None):
            model = MLPClassifier(
                random_state=3, callbacks=callbacks, warm_start=True, tol=10.0, n_iter_no_change=3
            )
            for name in calls:
                known = {"classes": np.unique(Y)} if name == "partial_fit" else {}
                getattr(model, name)(X, Y, **known)
            models.append(model)
        assert models[0].loss_curve_ == models[1].loss_curve_
        assert models[0].n_iter_ == models[1].n_iter_


def test_ctrl_c_discards_the_epochs_that_it_interrupts(monkeypatch):
    """Records and weights match, although the engine had run all epochs of the slice."""
    model = MLPClassifier(random_state=3, n_iter_no_change=4, tol=0.0)
    again = MLPClassifier(random_state=3, max_iter=5)
    ran, run_epochs = [], SliceRunner.run_epochs

    def interrupted(self, orders, *rest):
        results = run_epochs(self, orders, *rest)
        ran.append(len(orders))
        if len(ran) == 2:
            raise KeyboardInterrupt
        return results

    monkeypatch.setattr(SliceRunner, "run_epochs", interrupted)
    with pytest.warns(RuntimeWarning, match="interrupted after 5 whole epochs"):
        model.fit(X, Y)
    assert ran == [5, 5]
    monkeypatch.undo()
    with pytest.warns(ConvergenceWarning):
        again.fit(X, Y)
    assert (model.n_iter_, model.t_, model.loss_curve_) == (5, 350, again.loss_curve_)
    assert same_bits(model.coefs_[0], again.coefs_[0])
    states = [each._optimizer.optimizer_state for each in (model, again)]
    assert states[0].steps == states[1].steps
    assert same_bits(states[0].moments, states[1].moments)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(
    ("parameters", "has_validation"),
    [
        ({"tol": 0.0}, False),
        ({"tol": 0.0}, True),
        ({"early_stopping": True}, False),
        ({"early_stopping": True}, True),
        ({"early_stopping": True, "standardize": True}, False),
    ],
)
def test_callbacks_are_told_which_epoch_is_best(kind, parameters, has_validation):
    """The one whose weights early stopping keeps; otherwise the one with the lowest loss."""
    told, weights = [], []

    def callback(info):
        told.append(info.is_best)
        weights.append(model.coefs_[0].copy())

    model = kind(random_state=3, max_iter=30, callbacks=[callback], learning_rate_init=0.5)
    model.set_params(**parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X[:50], Y[:50], **({"X_val": X[50:], "y_val": Y[50:]} if has_validation else {}))
    if has_validation or model.standardize:
        figures = np.array(model.validation_loss_curve_)
    elif model.early_stopping:
        figures = -np.array(model.validation_scores_)
    else:
        figures = np.array(model.loss_curve_)
    assert told == [e == 0 or figures[e] < figures[:e].min() for e in range(len(figures))]
    assert not all(told)
    if model.early_stopping:
        assert same_bits(model.coefs_[0], weights[np.argmin(figures)])


def test_a_later_epoch_that_diverges_is_named():
    """The epoch, its mini-batch and cause; records, History and weights of the epochs before."""
    parameters = {
        "solver": "sgd", "activation": "identity", "batch_size": 10,
        "hidden_layer_sizes": (8,), "momentum": 0.0, "tol": 0.0,
    }  # fmt: skip
    for rate in (2.0, 1e200):
        said, models, histories = [], [], []
        for callbacks in ([lambda entry: None], None):
            parameters["learning_rate_init"] = rate
            models.append(MLPRegressor(random_state=3, callbacks=callbacks, **parameters))
            with pytest.raises(DivergenceError) as caught:
                models[-1].fit(X, Y)
            histories.append(caught.value.history)
            said.append((caught.value.epoch, caught.value.step, caught.value.args[0].split(".")[0]))
        assert said[0] == said[1]
        assert (said[0][0] > 1) == (rate == 2.0)
        for name in ("n_iter_", "t_", "loss_curve_", "best_loss_"):
            assert getattr(models[0], name) == getattr(models[1], name)
        assert same_bits(models[0].coefs_[0], models[1].coefs_[0])
        for model, history in zip(models, histories, strict=True):
            assert history.cost == model.loss_curve_
            assert [info.epoch for info in history.epochs] == list(range(1, said[0][0]))
            assert history.learning_rate == [rate] * model.n_iter_
            assert history.stopped_by == "error"
            best = [info.epoch for info in history.epochs if info.is_best]
            assert best[-1:] == ([history.best_epoch] if history.epochs else [])
