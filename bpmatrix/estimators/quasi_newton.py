"""The solver "lbfgs": SciPy's L-BFGS-B on the flat vector of parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import penalties
from bpmatrix.array_types import Array, Floats
from bpmatrix.engine.evaluation import Scores
from bpmatrix.errors import DataError
from bpmatrix.estimators.fitted import Fitted
from bpmatrix.estimators.rows import Rows
from bpmatrix.training.quasi_newton import minimize_cost


class Validation:
    """Scores validation samples after each iteration of L-BFGS, as `Fit` does after each epoch.

    Parameters
    ----------
    model : Fitted
        Its validation curves are filled.
    theta : (size,) array
        The weights with which `scores_of` predicts; they are restored after each score.
    samples : Rows
        The validation samples.
    scores_of : function
        Returns loss and score of samples.
    by_loss : bool
        Whether early stopping uses the loss instead of the score.

    Attributes
    ----------
    best : tuple of array and float, or None
        The best weights with their cost plus penalty, with early stopping.
    is_over : bool
        Whether early stopping has ended the iterations.
    """

    def __init__(
        self,
        model: Fitted,
        theta: Array,
        samples: Rows,
        scores_of: Callable[[Rows], Scores],
        by_loss: bool,
    ) -> None:
        self._model, self._theta, self._samples = model, theta, samples
        self._scores_of, self._by_loss = scores_of, by_loss
        self.best: tuple[Floats, float] | None = None
        self.is_over = False
        self._least, self._waited = np.inf, 0
        model.validation_scores_, model.validation_loss_curve_ = [], []
        model.best_validation_score_ = -np.inf

    @classmethod
    def of(
        cls, model: Fitted, theta: Array, samples: Rows | None, scores_of: Any, by_loss: bool
    ) -> Validation | None:
        """Return the validation of these samples, or None without them."""
        return None if samples is None else cls(model, theta, samples, scores_of, by_loss)

    def look(self, point: Floats, cost: float) -> None:
        """Score the weights of an iteration; StopIteration if early stopping ends them."""
        model, before = self._model, self._theta.copy()
        try:
            self._theta[:] = point
            scores = self._scores_of(self._samples)
        finally:
            self._theta[:] = before
        model.validation_scores_ += [scores.accuracy]
        model.validation_loss_curve_ += [scores.cost]
        if not model.early_stopping:
            model.best_validation_score_ = max(model.validation_scores_)
            return
        badness = scores.cost if self._by_loss else -scores.accuracy
        self._waited = 0 if badness <= self._least - model.tol else self._waited + 1
        if badness < self._least:
            self._least, self.best = badness, (point.copy(), cost)
            model.best_validation_score_ = scores.accuracy
        if self._waited > model.n_iter_no_change:
            self.is_over = True
            raise StopIteration


def fit_quasi_newton(
    model: Fitted,
    description: Description,
    theta: Array,
    samples: Rows,
    loss_of: Callable[[float], float],
    validation: Validation | None = None,
) -> tuple[Array, str | None]:
    """Return the weights that minimize cost plus penalty over all samples at once.

    Sets the records `loss_` and `n_iter_` of the model.

    The penalty is alpha / 2 times the sum of squared weights, without biases, divided by the number
    of samples or the sum of their weights. The regressor minimizes the sum over its outputs; its
    `loss_` is the mean over them, as in scikit-learn.

    With `validation`, its samples are scored after each iteration; it may end them, and its best
    weights are returned.

    Returns
    -------
    theta : (size,) array
        The weights, in a new array.
    message : str or None
        Why the solver has not converged, for a warning after the fit.

    Raises
    ------
    DataError
        If a cost or weight is not finite.
    """
    weight = samples.n if samples.weight is None else float(samples.weight.sum())
    decay = model.alpha / weight
    result = minimize_cost(
        description, theta, samples.columns, decay, None if validation is None else validation.look,
        maxfun=model.max_fun, maxiter=model.max_iter, gtol=model.tol,
    )  # fmt: skip
    if not (np.isfinite(result.fun) and np.isfinite(result.x).all()):
        raise DataError(
            "the solver lbfgs reached a cost or weight that is not finite",
            cure="Scale the inputs: pass standardize=True, or divide X by its largest number.",
        )
    point, cost = result.x, result.fun
    if validation is not None and validation.best is not None:
        point, cost = validation.best
    theta = point.astype(theta.dtype)
    shrunk = float((penalties(description.layout, decay, theta.dtype.name) * theta) @ theta) / 2
    model.loss_ = loss_of(cost - shrunk) + shrunk
    model.n_iter_ = min(int(result.nit), model.max_iter)
    if model.verbose:
        print(f"L-BFGS-B: {result.nit} iterations, loss = {model.loss_:.8f}")
    if result.success or (validation is not None and validation.is_over):
        return theta, None
    return theta, (
        f"lbfgs stopped after {model.n_iter_} iterations and has not converged"
        f" ({result.message}): pass a larger max_iter or tol, or standardize=True"
    )
