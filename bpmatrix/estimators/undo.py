"""How an estimator was before a fit, to be put back if that fails."""

from __future__ import annotations

from typing import Any

__all__ = ["Undo"]

CURVES = ("loss_curve_", "validation_scores_", "validation_loss_curve_")


class Undo:
    """What a fit may change of a fitted estimator, as it is now.

    A fit gives the estimator another dictionary of attributes. What it changes in place, since a
    user may hold it, is kept beside the old one: the parameters, the state of the optimizer, and
    how long the records are.
    """

    def __init__(self, estimator: Any) -> None:
        self.attributes: dict[str, Any] = vars(estimator)
        self.flat = estimator._parameters.flat.copy()
        self.optimizer = None if estimator._optimizer is None else estimator._optimizer.copy()
        curves = (self.attributes.get(name) for name in CURVES)
        self.curves = [(curve, len(curve)) for curve in curves if isinstance(curve, list)]

    def put_back(self, estimator: Any) -> None:
        """Make the estimator what it was."""
        estimator.__dict__ = self.attributes
        estimator._parameters.flat[:] = self.flat
        estimator._optimizer = self.optimizer
        for curve, length in self.curves:
            del curve[length:]
