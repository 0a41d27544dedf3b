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
    found = []
    for n_jobs in (1, 2):
        with parallel_config(backend=BACKEND):
            search = GridSearchCV(pipeline, grid, cv=3, n_jobs=n_jobs).fit(X, y)
            predicted = cross_val_predict(pipeline, X, y, cv=3, n_jobs=n_jobs)
        found.append((search.cv_results_["mean_test_score"].tolist(), predicted.tolist()))
    assert found[0] == found[1]
    print(search.best_score_)
"""


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_jobs_end_and_give_the_same_results_as_one(backend, tmp_path):
    script = tmp_path / "search.py"
    script.write_text(SEARCH.replace("BACKEND", repr(backend)), encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=SECONDS)

    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) > 0.9
