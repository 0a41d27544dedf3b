"""scikit-learn's callbacks, where the installed version has them: each epoch is a task."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bpmatrix import MLPClassifier, MLPRegressor
from bpmatrix.errors import BpmatrixError

theirs = pytest.importorskip("sklearn.callback", reason="callbacks come with scikit-learn 1.9")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")


def small(**parameters: Any) -> MLPClassifier:
    return MLPClassifier((4,), **{"max_iter": 3, "random_state": 1} | parameters)


class Recorder:
    """A callback that lists what is called, and can stop a fit."""

    def __init__(self, stop_after: int = 1000) -> None:
        self.calls: list[str] = []
        self.models: list[Any] = []
        self.stop_after = stop_after

    def setup(self, estimator: Any, context: Any) -> None:
        self.calls.append("setup")

    def teardown(self, estimator: Any, context: Any) -> None:
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        self.calls.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any) -> bool:
        self.calls.append(f"end {context.task_name}")
        self.models.append(fitted_estimator)
        return len(self.models) >= self.stop_after


def test_tasks_of_a_fit_are_its_epochs() -> None:
    seen = Recorder()
    small(max_iter=2).set_callbacks(seen).fit(X, Y)
    epochs = ["begin epoch", "end epoch"] * 2
    assert seen.calls == ["setup", "begin fit", *epochs, "end fit", "teardown"]


def test_results_are_those_without_callbacks_and_models_are_those_after_each_epoch() -> None:
    seen = Recorder()
    model, plain = small().set_callbacks(seen).fit(X, Y), small().fit(X, Y)
    assert model.loss_curve_ == plain.loss_curve_
    for epochs, found in zip([1, 2, 3, 3], seen.models, strict=True):
        expected = small(max_iter=epochs).fit(X, Y)
        assert np.array_equal(found.predict_proba(X), expected.predict_proba(X))


def test_a_callback_stops_the_fit() -> None:
    assert small().set_callbacks(Recorder(stop_after=2)).fit(X, Y).n_iter_ == 2


def test_scores_through_pipeline_and_search() -> None:
    monitor = theirs.ScoringMonitor(scoring="accuracy")
    model = make_pipeline(StandardScaler(), small().set_callbacks(monitor))
    search = GridSearchCV(model, {"mlpclassifier__alpha": [1e-4, 1e-2]}, cv=2)
    search.set_callbacks(theirs.ProgressBar()).fit(X, Y)
    scores = monitor.get_logs().data
    assert len(scores) == 5 * (3 + 1)  # fits of 3 epochs, and each fit itself
    assert scores[-1]["accuracy"] > 0


def test_scores_are_weighted() -> None:
    monitor = theirs.ScoringMonitor(scoring="accuracy")
    weight = np.where(Y == 1, 1.0, 0.0)
    model = small(max_iter=20).set_callbacks(monitor).fit(X, Y, sample_weight=weight)
    (fit,) = [row for row in monitor.get_logs().data if row["task_name"] == "fit"]
    assert fit["accuracy"] == model.score(X, Y, sample_weight=weight)


def test_a_regressor_and_lbfgs_without_epochs() -> None:
    seen = Recorder()
    MLPRegressor(hidden_layer_sizes=(2,), max_iter=1).set_callbacks(seen).fit(X, X[:, 0])
    assert seen.calls.count("end epoch") == 1
    seen = Recorder()
    with warnings.catch_warnings(action="ignore"):
        small(solver="lbfgs").set_callbacks(seen).fit(X, Y)
    assert seen.calls == ["setup", "begin fit", "end fit", "teardown"]


def test_a_failed_fit_tears_down_and_partial_fit_calls_nothing() -> None:
    seen = Recorder()
    model = small().set_callbacks(seen)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full_like(X, np.nan), Y)
    assert seen.calls == ["setup", "begin fit", "teardown"]
    assert set(vars(model)) == set(vars(small().set_callbacks(seen)))
    with pytest.raises(BpmatrixError):
        model.set_params(max_iter=-1).fit(X, Y)
    model.set_params(max_iter=1).partial_fit(X, Y, classes=[0, 1])
    assert len(seen.calls) == 3


def test_copies_share_the_callbacks_and_pickles_keep_them() -> None:
    seen = Recorder()
    model = small(max_iter=1).set_callbacks(seen).fit(X, Y)
    for same in (copy.copy(model), clone(model)):
        assert same._skl_callbacks == [seen]
    (found,) = pickle.loads(pickle.dumps(model))._skl_callbacks
    assert found.calls == seen.calls
