"""scikit-learn's own checks of an estimator, with no expected failure."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="the estimators need scikit-learn")

from sklearn.utils.estimator_checks import parametrize_with_checks

from bpmatrix import MLPClassifier, MLPRegressor

ESTIMATORS = [
    MLPClassifier(max_iter=100),
    MLPRegressor(max_iter=100),
    MLPClassifier(solver="lbfgs"),
    MLPRegressor(solver="lbfgs", standardize=True),
    MLPClassifier(standardize=True, learning_rate_init=0.01),
]


@pytest.mark.filterwarnings("ignore:.*has not converged", "ignore:.*encountered in matmul")
@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check):
    check(estimator)
