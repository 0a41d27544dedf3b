"""`partial_fit`: several epochs per call, validation data, early stopping over calls."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numeric import same_bits

from bpmatrix import Blocks, MLPClassifier, MLPRegressor
from bpmatrix.errors import ArgumentError

RNG = np.random.default_rng(4)
X = RNG.standard_normal((120, 3))
LABELS = (X[:, 0] + 0.5 * RNG.standard_normal(120) > 0).astype(int)
VAL = {"X_val": X[80:], "y_val": LABELS[80:]}
TRAIN = X[:80], LABELS[:80]
REST = {"random_state": 3, "hidden_layer_sizes": 8, "batch_size": 10, "learning_rate_init": 0.01}


def same(a, b) -> bool:
    return all(map(same_bits, [*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_]))


@pytest.mark.filterwarnings("ignore:the solver reached max_iter")
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_first_call_is_a_fit_of_as_many_epochs(solver: str) -> None:
    """If nothing ends the fit before."""
    fitted = MLPClassifier(solver=solver, max_iter=7, **REST).fit(*TRAIN)
    model = MLPClassifier(solver=solver, **REST).partial_fit(*TRAIN, classes=[0, 1], epochs=7)
    assert same(model, fitted)
    assert model.loss_curve_ == fitted.loss_curve_
    assert model.n_iter_ == 7


def test_it_never_warns_of_convergence_nor_stops_by_itself() -> None:
    model = MLPClassifier(tol=10, n_iter_no_change=2, **REST)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(*TRAIN, classes=[0, 1], epochs=30)
        model.partial_fit(*TRAIN, epochs=3)
    assert (model.n_iter_, len(model.loss_curve_)) == (3, 33)


def test_validation_scores_go_on_over_calls() -> None:
    model = MLPClassifier(**REST)
    model.partial_fit(*TRAIN, classes=[0, 1], epochs=2, **VAL)
    model.partial_fit(*TRAIN, **VAL)
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == 3
    assert model.validation_scores_[-1] == model.score(X[80:], LABELS[80:])


def test_early_stopping_keeps_the_best_weights_and_its_patience() -> None:
    """The epochs of several calls are those of one, but for the order of their samples."""
    model = MLPClassifier(early_stopping=True, n_iter_no_change=3, shuffle=False, **REST)
    one = MLPClassifier(early_stopping=True, n_iter_no_change=3, shuffle=False, **REST)
    one.partial_fit(*TRAIN, classes=[0, 1], epochs=500, **VAL)
    assert one.n_iter_ < 500
    losses = one.validation_loss_curve_
    assert int(np.argmin(losses)) + 1 + 3 < len(losses) + 1
    best = MLPClassifier(shuffle=False, **REST)
    best.partial_fit(*TRAIN, classes=[0, 1], epochs=int(np.argmin(losses)) + 1)
    assert same(one, best)
    calls = 0
    while calls < 500:
        model.partial_fit(*TRAIN, classes=[0, 1], epochs=2, **VAL)
        calls += 1
        if model.n_iter_ < 2:
            break
    assert calls < 500
    assert min(model.validation_loss_curve_) == pytest.approx(min(losses), rel=0.05)
    # Patience is over: each further call tries one epoch.
    before = [W.copy() for W in model.coefs_]
    model.partial_fit(*TRAIN, epochs=5, **VAL)
    if min(model.validation_loss_curve_) == min(losses):
        assert all(map(same_bits, model.coefs_, before))


def test_blocks_and_regressors() -> None:
    y = X @ [1.0, 2.0, 3.0]
    model = MLPRegressor(early_stopping=True, **REST)
    model.partial_fit(Blocks(X[:80], y[:80]), epochs=4, X_val=Blocks(X[80:], y[80:]))
    other = MLPRegressor(early_stopping=True, **REST)
    other.partial_fit(X[:80], y[:80], epochs=4, X_val=X[80:], y_val=y[80:])
    assert same(model, other)
    assert model.n_iter_ == 4


def test_callbacks_see_the_epochs_of_the_call() -> None:
    seen = []
    model = MLPClassifier(
        callbacks=[lambda entry: seen.append((entry.epoch, entry.last_epoch))], **REST
    )
    model.partial_fit(*TRAIN, classes=[0, 1], epochs=3)
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("epochs", [0, 1.5, None, "2"])
def test_wrong_epochs(epochs: object) -> None:
    with pytest.raises((ArgumentError, TypeError)):
        MLPClassifier(**REST).partial_fit(*TRAIN, classes=[0, 1], epochs=epochs)
