"""During L-BFGS-B, BLAS has one thread; afterwards as many as before."""

from __future__ import annotations

import threading

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the estimators need scikit-learn")

from threadpoolctl import threadpool_info, threadpool_limits

from bpmatrix import MLPClassifier, MLPRegressor
from bpmatrix.engine import evaluation
from bpmatrix.engine.blas import blas_on_one_thread

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")

PATIENCE = 60
RNG = np.random.default_rng(3)
X = RNG.standard_normal((30, 4))


@pytest.fixture(autouse=True)
def _two_threads():
    """Two BLAS threads, which a test can tell from one, on any machine."""
    with threadpool_limits(2, user_api="blas"):
        if set(threads()) != {2}:
            pytest.skip("no BLAS here can have two threads")
        yield


def threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_lbfgs_has_one_thread(kind, monkeypatch):
    found, evaluate = [], evaluation.cost_and_gradient

    def look(*arguments):
        found.extend(threads())
        return evaluate(*arguments)

    monkeypatch.setattr(evaluation, "cost_and_gradient", look)
    kind(hidden_layer_sizes=(3,), solver="lbfgs", max_iter=3).fit(X, np.arange(30) % 2)
    assert set(found) == {1}
    assert set(threads()) == {2}


def test_a_fit_that_fails_restores_the_threads():
    with pytest.raises(ValueError, match="not finite"):
        MLPRegressor(solver="lbfgs").fit(X * 1e200, X[:, 0])
    assert set(threads()) == {2}


def test_overlapping_fits_restore_the_threads():
    """In whatever order they end."""
    came, leave = threading.Event(), threading.Event()

    def other():
        with blas_on_one_thread():
            came.set()
            leave.wait(PATIENCE)

    thread = threading.Thread(target=other, daemon=True)
    with blas_on_one_thread():
        thread.start()
        assert came.wait(PATIENCE)
        assert set(threads()) == {1}
    leave.set()
    thread.join(PATIENCE)
    assert set(threads()) == {2}
    with blas_on_one_thread():
        assert set(threads()) == {1}
    assert set(threads()) == {2}
