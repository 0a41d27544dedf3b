"""Tests of `save_best` and of callbacks written for 0.1.0."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import bpmatrix
from bpmatrix import MLPClassifier, Network, save_best

RNG = np.random.default_rng(17)
X = RNG.standard_normal((40, 3))
LABELS = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
WRONG = (X.T, (LABELS + 1) % 3)  # training makes the validation cost worse in the end


def test_the_best_network_is_saved(tmp_path) -> None:
    """With its weights after that epoch."""
    path, kept = tmp_path / "best.safetensors", []

    def keep(info) -> None:
        if info.is_best:
            kept.append(info.network.parameters.copy())

    net = Network([3, 6, 3], seed=4)
    history = net.train(
        X.T, LABELS, epochs=24, validation=WRONG, callbacks=[keep, save_best(path)]
    )  # fmt: skip
    best = Network.load(path)
    assert best.epochs == history.best_epoch < 24
    assert (best.parameters == kept[-1]).all()


def test_the_best_network_of_a_resumed_run_is_saved(tmp_path) -> None:
    """An epoch after resuming replaces it only if it is better."""
    path = tmp_path / "best.safetensors"
    for epochs in (12, 24):
        net = Network([3, 6, 3], seed=4)
        history = net.train(
            X.T, LABELS, epochs=epochs, validation=WRONG, checkpoint=tmp_path / "run",
            callbacks=[save_best(path)],
        )  # fmt: skip
    assert Network.load(path).epochs == history.best_epoch < 12


@pytest.mark.filterwarnings("ignore:the solver reached max_iter")
@pytest.mark.parametrize(
    "how", [{}, {"early_stopping": True}, {"early_stopping": True, "standardize": True}]
)
def test_the_best_estimator_is_saved(how, tmp_path) -> None:
    """By the criterion of early stopping, or by the loss."""
    path = tmp_path / "best.safetensors"
    model = MLPClassifier(
        (6,), batch_size=10, max_iter=30, random_state=1, callbacks=[save_best(path)], **how
    )
    model.fit(X, LABELS)
    best = bpmatrix.load(path)
    if how:
        assert (best.predict_proba(X) == model.predict_proba(X)).all()
    else:
        assert best.n_iter_ == 1 + int(np.argmin(model.loss_curve_))


def test_a_callback_of_0_1_0_runs_unchanged() -> None:
    """It takes one argument, which compares and prints as before."""
    seen = []
    net = Network([3, 6, 3], seed=4)
    history = net.train(X.T, LABELS, epochs=2, callbacks=[seen.append])
    assert seen == history.epochs
    assert "network" not in repr(seen[0])


def test_a_history_contains_no_network() -> None:
    """So pickling or copying it does not include the network."""
    net = Network([3, 6, 3], seed=4)
    history = net.train(X.T, LABELS, epochs=2, callbacks=[lambda info: None])
    assert all(entry.network is None for entry in history.epochs)
    assert pickle.loads(pickle.dumps(history)) == copy.deepcopy(history) == history
