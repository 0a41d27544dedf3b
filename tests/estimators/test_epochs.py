"""Epochs that the engine runs without Python in between: nothing of a fit shows it."""

import warnings

import numpy as np
import pytest
from numeric import same_bits

from bpmatrix.errors import DivergenceError

pytest.importorskip("sklearn", reason="the estimators are made of scikit-learn's interface")

from sklearn.exceptions import ConvergenceWarning

from bpmatrix.estimators import MLPClassifier, MLPRegressor
from bpmatrix.estimators.descent import Descent

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
    """How many epochs each call of the engine ran."""
    found, epochs = [], Descent.epochs

    def counted(self, orders):
        found.append(len(orders))
        return epochs(self, orders)

    monkeypatch.setattr(Descent, "epochs", counted)
    return found


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(
    "parameters",
    [
        {"max_iter": 23},
        {"max_iter": 300, "tol": 0.01, "n_iter_no_change": 3},
        {"max_iter": 300, "tol": 0.5},
        {"max_iter": 40, "tol": 10.0, "n_iter_no_change": 1},
        {"max_iter": 30, "n_iter_no_change": np.inf},
        {"max_iter": 60, "solver": "sgd", "learning_rate": "adaptive", "tol": 0.02},
        {"max_iter": 15, "solver": "sgd", "learning_rate": "invscaling"},
        {"max_iter": 20, "shuffle": False, "batch_size": 7},
        {"max_iter": 12, "dropout": 0.3},
    ],
    ids=str,
)
def test_a_fit_is_the_same_epoch_by_epoch(kind, parameters, weighted, runs):
    """A callback wants to hear of each epoch; without one, as many run together as may."""
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
    # What is drawn next is the same, too.
    assert together._random_state.random_sample() == single._random_state.random_sample()


def test_many_samples_go_epoch_by_epoch(monkeypatch, runs):
    """Epochs that together take longer than a slice are not run in one."""
    monkeypatch.setattr(Descent, "epochs_of_a_slice", 2)
    fitted(MLPClassifier, None, max_iter=7)
    assert runs == [2, 2, 2, 1]


def test_a_later_epoch_that_diverges_is_named():
    """The epoch and its mini-batch, also where the epochs before it ran in the same slice."""
    parameters = {
        "solver": "sgd", "learning_rate_init": 2.0, "activation": "identity", "batch_size": 10,
        "hidden_layer_sizes": (8,), "momentum": 0.0, "tol": 0.0,
    }  # fmt: skip
    said = []
    for callbacks in ([lambda entry: None], None):
        with pytest.raises(DivergenceError) as caught:
            fitted(MLPRegressor, callbacks, **parameters)
        said.append((caught.value.epoch, caught.value.step, caught.value.args[0].split(":")[0]))
    assert said[0] == said[1]
    assert said[0][0] > 1
    assert 1 <= said[0][1] <= 7
