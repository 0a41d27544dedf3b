"""How an estimator was before a fit, to be put back if that fails."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator

from bpmatrix.estimators.stochastic import Fit

__all__ = ["Undo"]

CURVES = ("loss_curve_", "validation_scores_", "validation_loss_curve_")


class Undo:
    """What a fit is about to change of a fitted estimator.

    The fit gives the estimator another dictionary of attributes, and changes in place what a user
    may hold: the weights and the state of the optimizer, which `Fit` can put back where they
    were before, and the lists of records.
    """

    def __init__(self, estimator: BaseEstimator, fit: Fit) -> None:
        self.attributes: dict[str, Any] = vars(estimator)
        self.fit = fit
        curves = (self.attributes.get(name) for name in CURVES)
        self.curves = [(curve, len(curve)) for curve in curves if isinstance(curve, list)]

    def put_back(self, estimator: BaseEstimator) -> None:
        """Make the estimator what it was."""
        estimator.__dict__ = self.attributes
        self.fit.back_to_start()
        for curve, length in self.curves:
            del curve[length:]
