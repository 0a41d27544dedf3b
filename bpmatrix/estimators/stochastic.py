"""The rules of scikit-learn's stochastic solvers: what is drawn, recorded, and when a fit ends."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.engine.evaluation import Scores
from bpmatrix.errors import DivergenceError
from bpmatrix.estimators.descent import State
from bpmatrix.estimators.fitted import Fitted
from bpmatrix.estimators.samples import Samples
from bpmatrix.history import EpochInfo, History
from bpmatrix.training.run import train_epochs
from bpmatrix.training.slices import SliceRunner, Totals

__all__ = ["Fit", "fit_stochastic"]

Array = NDArray[Any]
Orders = NDArray[np.int64]

NOT_CONVERGED = (
    "the solver reached max_iter={} epochs and has not converged: pass a larger max_iter, or a"
    " larger tol"
)


def fit_stochastic(fit: Fit) -> str | None:
    """Train the weights of an estimator in place, and record what scikit-learn's fit records.

    Returns
    -------
    str or None
        Why the training has not converged, to be told when all is done.

    Raises
    ------
    DivergenceError
        If a cost or weight is not finite; the weights are then as they were shortly before. With
        early stopping only where no epoch had a score before.
    """
    try:
        train_epochs(fit)
    except DivergenceError as error:
        # It may come from another network, which a callback trains.
        if error.history is not fit.history or not fit.has_best_weights:
            raise
        fit.record_nothing()
        return f"{error} Early stopping has ended the fit with the best weights."
    return NOT_CONVERGED.format(fit.last_epoch) if fit.history.stopped_by == "epochs" else None


class Fit:
    """The rules of one fit, for `train_epochs`.

    Parameters
    ----------
    model : Fitted
        The estimator, with its weights drawn and its records begun.
    runner : SliceRunner
        What takes the steps, with the moments of `state`.
    state : State
        Begun anew, or that of the run before, which goes on as it began, as in scikit-learn,
        whatever the parameters say now.
    samples : Samples
        To train on.
    validation : Samples or None
        Scored after each epoch.
    scores_of : function
        Returns loss and score of some samples.
    loss_of : function
        Turns costs of the engine into scikit-learn's loss.
    random_state : RandomState
        Draws the orders.
    by_loss : bool
        Whether early stopping goes by the loss of the validation samples, and not by their score.
        scikit-learn goes by the score. Where it has no say, the loss decides: it tells epochs apart
        that have one score (docs/decisions/0031).
    incremental : bool
        Whether this is a `partial_fit`: one epoch.
    """

    def __init__(
        self,
        model: Fitted,
        runner: SliceRunner,
        state: State,
        samples: Samples,
        validation: Samples | None,
        scores_of: Callable[[Samples], Scores],
        loss_of: Callable[[Array], Array],
        random_state: np.random.RandomState,
        *,
        by_loss: bool,
        incremental: bool,
    ) -> None:
        self.model, self.runner, self.state, self.incremental = model, runner, state, incremental
        self.history = History(seed=0)  # an estimator records epochs and seed itself
        self.callbacks, self.last_epoch = model.callbacks or (), model.max_iter
        self.cure = (
            f"Lower learning_rate_init (it is {model.learning_rate_init:g}), or pass"
            " standardize=True (the largest input of this slice is {largest:g})."
        )
        self.are_classes = (
            samples.targets.are_classes,
            bool(validation and validation.targets.are_classes),
        )
        self._n, self._weight, self._validation = samples.n, samples.weight, validation
        self._scores_of, self._loss_of = scores_of, loss_of
        self._random_state, self._order = random_state, np.arange(samples.n)
        self._first_rate = copy(state.rate)
        self._best = runner.theta.copy() if model.early_stopping else None
        losses = model.validation_loss_curve_ or ()
        is_led_by_loss = model.early_stopping and by_loss
        self._least_loss = np.nanmin([np.inf, *losses]) if is_led_by_loss else None

    @property
    def done(self) -> int:
        """The epochs of this fit."""
        return self.model.n_iter_

    @property
    def has_best_weights(self) -> bool:
        """Whether early stopping has seen a score, in this fit or the one that it goes on from."""
        return self._best is not None and bool(self.model.best_validation_score_ > -np.inf)

    def ahead(self) -> int:
        """Return after how many epochs a rule could first end the fit, at most a slice of them."""
        model, done = self.model, self.model.n_iter_
        if done and (self._has_converged() or self.incremental):
            self.history.stopped_by = "early_stopping"
            return 0
        left = self.last_epoch - done
        one_by_one = self._validation is not None or self.callbacks or self.incremental
        if one_by_one or self.state.rate.rule == "invscaling":  # each epoch has its own rate
            return min(left, 1)
        # An earlier fit may have left no patience at all: then the first epoch decides.
        patience = max(1, model.n_iter_no_change - model._no_improvement_count + 1)
        # As many as run in the time after which Ctrl-C should be noticed.
        together = max(1, self.runner.steps_of_a_slice // -(-self._n // self.runner.m))
        return int(min(left, patience, together))

    def rate(self) -> float:
        """Return the rate that the parameter `learning_rate` asks for."""
        return self.state.rate.now

    def orders(self, epochs: int) -> Orders:
        """Shuffle as scikit-learn does: each permutation is applied to the previous order."""
        orders = np.empty((epochs, self._n), np.int64)
        for row in orders:
            if self.model.shuffle:
                # The draws of sklearn.utils.shuffle, whose checks take longer than a small epoch.
                places = np.arange(self._n)
                self._random_state.shuffle(places)
                self._order = self._order[places]
            row[:] = self._order
        return orders

    def steps(self, orders: Orders, rate: float) -> list[tuple[float, float]]:
        """Take a step for each mini-batch; return scikit-learn's loss and the share of hits.

        The loss is the mean over the samples of their mini-batch's cost and penalty, each from
        before its step.
        """
        epochs, n = orders.shape
        starts = np.arange(0, n, self.runner.m)
        sizes = np.append(starts[1:], n) - starts
        if self._weight is None:
            weights = np.tile(sizes, epochs)
        else:
            all_starts = (np.arange(epochs)[:, None] * n + starts).ravel()
            weights = np.add.reduceat(self._weight[orders.ravel()], all_starts)
        decays = self.model.alpha / weights
        totals = self._run(orders, rate, decays)
        costs, squares = self.runner.parts.T
        losses = self._loss_of(costs) + decays / 2 * squares
        return [
            (float(loss @ sizes / n), each.hits / each.weight)
            for loss, each in zip(losses.reshape(epochs, -1), totals, strict=True)
        ]

    def _run(self, orders: Orders, rate: float, decays: Array) -> list[Totals]:
        """Run the epochs; of several, Ctrl-C leaves nothing, since nobody could record them."""
        if len(orders) == 1:
            return self.runner.run_epochs(orders, rate, decays)
        theta, moments = self.runner.theta, self.state.moments
        before = theta.copy(), moments.moments.copy(), moments.steps
        try:
            return self.runner.run_epochs(orders, rate, decays)
        except KeyboardInterrupt:
            theta[:], moments.moments[:], moments.steps = before
            raise

    def back_to_start(self) -> None:
        """Undo all epochs, in the weights and in the state that came from the run before."""
        self.runner.back_to_start()
        self.state.rate = self._first_rate

    def validate(self) -> Scores | None:
        """Return loss and score of the validation samples."""
        return None if self._validation is None else self._scores_of(self._validation)

    def record(
        self, results: list[tuple[float, float]], scores: Scores | None, entry: EpochInfo
    ) -> EpochInfo:
        """Record losses and scores under scikit-learn's names."""
        model = self.model
        if scores is not None:
            self._begin_scores()
        for loss, _ in results:
            # No function is called in these lines: Ctrl-C finds all of them done, or none.
            model.n_iter_ += 1
            model.loss_ = loss
            model.t_ += self._n
            model.loss_curve_ += [loss]
            if scores is not None:
                model.validation_scores_ += [scores.accuracy]
                model.validation_loss_curve_ += [scores.cost]
            if model.verbose:
                print(f"Iteration {model.n_iter_}, loss = {loss:.8f}")
                if scores is not None:
                    print(f"Validation score: {scores.accuracy:f}")
            self._count_improvement(scores)
        self.state.rate.end_epoch(model.t_)
        return entry

    def _begin_scores(self) -> None:
        """Create the records of scores, which exist only with validation samples."""
        model = self.model
        if model.validation_scores_ is None:
            model.validation_scores_, model.best_validation_score_ = [], -np.inf
        if model.validation_loss_curve_ is None:
            model.validation_loss_curve_ = []

    def _count_improvement(self, scores: Scores | None) -> None:
        """Count the epochs that brought nothing, and keep the best weights of an early stopping."""
        model = self.model
        if scores is not None and self._best is not None:
            score, loss = scores.accuracy, scores.cost
            best, least, tol = model.best_validation_score_, self._least_loss, model.tol
            if least is None:
                better, worse = score > best, score < best + tol
            else:
                better, worse = loss < least, not loss <= least - tol  # NaN is worse
                self._least_loss = loss if better else least
            if better:
                model.best_validation_score_ = score
                self._best[:] = self.runner.theta
        else:
            loss, best = model.loss_, model.best_loss_
            worse = loss > best - model.tol
            model.best_loss_ = min(loss, best)
            if model.validation_scores_:
                model.best_validation_score_ = max(model.validation_scores_)
        model._no_improvement_count = model._no_improvement_count + 1 if worse else 0

    def _has_converged(self) -> bool:
        """Whether too many epochs brought nothing, and the learning rate cannot fall either."""
        model, rate = self.model, self.state.rate
        if model._no_improvement_count <= model.n_iter_no_change:
            return False
        goes_on = rate.lower()
        if model.verbose:
            score = "Validation score" if self._least_loss is None else "Validation loss"
            what = "Training loss" if self._best is None else score
            does = f"Setting learning rate to {rate.now:f}" if goes_on else "Stopping."
            print(
                f"{what} did not improve more than tol={model.tol:f} for"
                f" {model.n_iter_no_change} consecutive epochs. {does}"
            )
        if goes_on:
            model._no_improvement_count = 0
        return not goes_on

    def end(self) -> None:
        """Restore the best weights; before the end of the first epoch there are none."""
        if self._best is not None and self.model.n_iter_:
            self.runner.theta[:] = self._best

    def record_nothing(self) -> None:
        """Record the epoch that diverged as NaN, as scikit-learn does; restore the best weights."""
        model = self.model
        model.n_iter_ += 1
        model.t_ += self._n
        model.loss_ = np.nan
        for curve in (model.loss_curve_, model.validation_scores_, model.validation_loss_curve_):
            if curve is not None:
                curve.append(np.nan)
        self.end()
