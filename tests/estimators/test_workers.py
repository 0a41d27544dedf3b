"""Pipelines, searches and workers: nothing hangs, and a worker uses one thread."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("sklearn", reason="the estimators need scikit-learn")

# The timeout for a hang; the work takes seconds, a first compilation some more.
SECONDS = 240

SEARCH = """
import warnings; warnings.simplefilter("ignore")
import numpy as np
from joblib import parallel_config
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from bpmatrix import MLPClassifier

if __name__ == "__main__":
    X, y = load_iris(return_X_y=True)
    model = MLPClassifier((8,), max_iter=20, learning_rate_init=0.05, random_state=1)
    model.fit(X, y)                                     # threads before a fork do no harm
    pipeline = make_pipeline(StandardScaler(), model)
    grid = {"mlpclassifier__alpha": [1e-4, 1e-1], "mlpclassifier__solver": ["adam", "lbfgs"]}
    found = {}
    # The fork comes first: one beside the threads of other backends may hang without our doing.
    for backend in ("sequential", "multiprocessing", "threading", "loky"):
        print(backend, flush=True)
        with parallel_config(backend=backend, n_jobs=2):
            search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
            predicted = cross_val_predict(pipeline, X, y, cv=3)
        found[backend] = search.cv_results_["mean_test_score"].tolist(), predicted.tolist()
        assert found[backend] == found["sequential"]
    print(search.best_score_)
"""


def test_jobs_end_and_give_the_same_results_as_one(tmp_path):
    """With each backend of joblib, in one process, which imports scikit-learn once."""
    script = tmp_path / "search.py"
    script.write_text(SEARCH, encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=SECONDS)

    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) > 0.9
