"""The rules of scikit-learn's stochastic solvers: random numbers, records, stopping."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from functools import partial

import numpy as np

from bpmatrix.array_types import Array, Integers
from bpmatrix.engine.evaluation import Scores
from bpmatrix.errors import DivergenceError
from bpmatrix.estimators.descent import SolverState
from bpmatrix.estimators.fitted import Fitted
from bpmatrix.estimators.rows import Rows
from bpmatrix.history import EpochInfo, History, row_of
from bpmatrix.samples.windows import BlockSamples, Pass, Portion
from bpmatrix.training.rules import Watch
from bpmatrix.training.run import train_epochs
from bpmatrix.training.slices import SliceRunner, Totals
from bpmatrix.training.state import LARGEST_COUNT

Orders = Integers | Pass

NOT_CONVERGED = (
    "the solver reached max_iter={} epochs and has not converged: pass a larger max_iter, or a"
    " larger tol"
)


def fit_stochastic(fit: Fit) -> str | None:
    """Train the weights of an estimator in place, and set the records of a fit.

    Returns
    -------
    str or None
        Why training has not converged, for a warning after the fit.

    Raises
    ------
    DivergenceError
        If a cost or weight is not finite; the weights are then those of shortly before. With early
        stopping, only if no epoch has a score yet.
    """
    try:
        train_epochs(fit, fit.watch)
    except DivergenceError as error:
        # It may come from another network that a callback trains.
        if error.history is not fit.history:
            raise
        if not fit.has_best_weights:
            raise
        fit.record_divergence()
        return f"{error} Early stopping ended the fit with the best weights."
    has_converged = fit.history.stopped_by != "epochs" or fit.is_partial
    return None if has_converged else NOT_CONVERGED.format(fit.last_epoch)


class Fit:
    """The rules of one fit, for `train_epochs`.

    Parameters
    ----------
    model : Fitted
        The estimator, with its initial weights and records.
    runner : SliceRunner
        Takes the steps, with the optimizer's state in `state`.
    state : SolverState
        A new one, or that of the previous `partial_fit`, which keeps its parameters even if those
        of the estimator have changed, as in scikit-learn.
    samples : Rows
        The training samples.
    validation : Rows or None
        Scored after each epoch.
    scores_of : function
        Returns loss and score of samples.
    loss_of : function
        Converts costs of the engine to scikit-learn's loss.
    random_state : RandomState
        Shuffles the samples.
    by_loss : bool
        Whether early stopping uses the validation loss instead of the score that scikit-learn uses:
        the loss also differs between epochs with the same score (docs/decisions/0031).
    epochs : int or None
        The number of epochs of `partial_fit`, which only early stopping ends before; None for
        `fit`.
    """

    watch: Watch | None = None
    hint = ""  # how to resume after Ctrl-C
    network: object = None  # the estimator, for the callbacks
    begin_epoch: Callable[[], None] | None = None  # if there are callbacks of scikit-learn

    def __init__(
        self,
        model: Fitted,
        runner: SliceRunner,
        state: SolverState,
        samples: Rows,
        validation: Rows | None,
        scores_of: Callable[[Rows], Scores],
        loss_of: Callable[[Array], Array],
        random_state: np.random.RandomState,
        *,
        by_loss: bool,
        epochs: int | None,
    ) -> None:
        self.model, self.runner, self.state, self._epochs = model, runner, state, epochs
        self.history = History(seed=0)  # the seed is random_state
        self.callbacks = model.callbacks or ()
        self.last_epoch = min(model.max_iter if epochs is None else epochs, LARGEST_COUNT)
        self.cure = (
            f"Lower learning_rate_init (it is {model.learning_rate_init:g}), or pass"
            " standardize=True (the largest input of this slice is {largest:g})."
        )
        self.are_classes = (
            samples.columns.targets.are_classes,
            bool(validation and validation.columns.targets.are_classes),
        )
        self._n, self._weight, self._validation = samples.n, samples.weight, validation
        self._scores_of, self._loss_of = scores_of, loss_of
        self._columns, self._random_state = samples.columns, random_state
        self._order = np.arange(samples.n if samples.columns.is_one_window else 0)
        self._first_rate = copy(state.rate)
        self._best = runner.theta.copy() if model.early_stopping else None
        self._by_score = model.early_stopping and not by_loss
        # Early stopping continues that of a previous fit.
        losses = (model.early_stopping and model.validation_loss_curve_) or ()
        self._least_loss = np.nanmin([np.inf, *losses])
        self._best_epoch: int | None = None

    @property
    def is_partial(self) -> bool:
        """Whether this is a `partial_fit`, of a given number of epochs."""
        return self._epochs is not None

    @property
    def done(self) -> int:
        """The number of complete epochs of this fit."""
        return self.model.n_iter_

    @property
    def has_best_weights(self) -> bool:
        """Whether early stopping has a best score, of this fit or the one that it continues."""
        return self._best is not None and bool(self.model.best_validation_score_ > -np.inf)

    def ahead(self) -> int:
        """Return how many epochs to run before a rule could end the fit, at most a slice."""
        model, done = self.model, self.model.n_iter_
        if done and self._has_converged() and (model.early_stopping or not self.is_partial):
            self.history.stopped_by = "early_stopping"
            return 0
        left = self.last_epoch - done
        one_by_one = self._validation is not None or isinstance(self._columns, BlockSamples)
        if (
            one_by_one or self.callbacks or self.state.rate.rule == "invscaling"
        ):  # each epoch has its own rate
            return min(left, 1)
        # A previous fit may have used up all patience: then the first epoch decides.
        patience = max(1, model.n_iter_no_change - model._no_improvement_count + 1)
        # No more than run before Ctrl-C should take effect.
        together = max(1, self.runner.steps_of_a_slice // -(-self._n // self.runner.m))
        return int(min(left, patience, together))

    def rate(self) -> float:
        """Return the learning rate according to the parameter `learning_rate`."""
        return self.state.rate.now

    def orders(self, epochs: int) -> Orders:
        """Shuffle as in scikit-learn: each permutation is applied to the previous order."""
        if isinstance(self._columns, BlockSamples):
            return self._columns.order(self._shuffled if self.model.shuffle else None)
        orders = np.empty((epochs, self._n), np.int64)
        for row in orders:
            row[:] = self._shuffled(self._n) if self.model.shuffle else self._order
        return orders

    def _shuffled(self, n: int) -> Integers:
        """Return a random order of n samples: for all of them, a shuffle of the previous order."""
        # As sklearn.utils.shuffle draws, whose checks take longer than a small epoch.
        places = np.arange(n)
        self._random_state.shuffle(places)
        if n != self._order.size:
            return places
        self._order = self._order[places]
        return self._order

    def steps(self, orders: Orders, rate: float) -> list[tuple[float, float]]:
        """Take a step for each mini-batch; return scikit-learn's loss and the accuracy.

        The loss is the mean over the samples of their mini-batch's cost plus penalty, both computed
        before its step.
        """
        if self.begin_epoch is not None:
            self.begin_epoch()
        epochs, n = orders.shape
        starts = np.arange(0, n, self.runner.m)
        sizes = np.append(starts[1:], n) - starts
        if self._weight is None or isinstance(orders, Pass):
            weights = np.tile(sizes, epochs)
        else:
            all_starts = (np.arange(epochs)[:, None] * n + starts).ravel()
            weights = np.add.reduceat(self._weight[orders.ravel()], all_starts)
        decays = self.model.alpha / weights
        if self._weight is not None and isinstance(orders, Pass):
            orders.notice = partial(self._set_decays, decays)
        totals = self._run(orders, rate, decays)
        costs, squares = self.runner.parts.T
        losses = self._loss_of(costs) + decays / 2 * squares
        return [
            (float(loss @ sizes / n), each.hits / each.weight)
            for loss, each in zip(losses.reshape(epochs, -1), totals, strict=True)
        ]

    def _set_decays(self, decays: Array, portion: Portion) -> None:
        """Set the weight decay of the steps of a portion, whose samples have weights."""
        weights = portion.samples.weights
        if weights is not None and portion.orders.size:
            starts = np.arange(0, portion.orders.size, self.runner.m)
            sums = np.add.reduceat(weights[portion.orders[0]], starts)
            decays[portion.first_step :][: sums.size] = self.model.alpha / sums

    def _run(self, orders: Orders, rate: float, decays: Array) -> list[Totals]:
        """Run the epochs; Ctrl-C discards several, whose records are not known yet."""
        if len(orders) == 1:
            return self.runner.run_epochs(orders, rate, decays)
        theta, state = self.runner.theta, self.state.optimizer_state
        before = theta.copy(), state.moments.copy(), state.steps
        try:
            return self.runner.run_epochs(orders, rate, decays)
        except KeyboardInterrupt:
            theta[:], state.moments[:], state.steps = before
            self.runner.progress = None
            raise

    def undo(self) -> None:
        """Undo all epochs, in the weights and in the state of the solver."""
        self.runner.back_to_start()
        self.state.rate = self._first_rate

    def validate(self) -> Scores | None:
        """Return loss and score of the validation samples, if there are any."""
        return None if self._validation is None else self._scores_of(self._validation)

    def record(
        self, results: list[tuple[float, float]], scores: Scores | None, entry: EpochInfo
    ) -> EpochInfo:
        """Record losses and scores under scikit-learn's names."""
        model = self.model
        if scores is not None:
            self._begin_scores()
        together, rows, is_best = len(results), self.history.epochs.rows, False
        for i, (loss, accuracy) in enumerate(results, 1):
            is_best = self._is_best(loss, scores)
            row = row_of(
                entry.epoch - together + i, entry.last_epoch, loss,
                None if entry.accuracy is None else accuracy, entry.validation_cost,
                entry.validation_accuracy, entry.learning_rate, entry.seconds / together, is_best,
            )  # fmt: skip
            # No function is called in these lines: Ctrl-C finds all of them done, or none.
            rows += row
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
            self._count_improvement(is_best, scores)
        self.state.rate.end_epoch(model.t_)
        return replace(entry, is_best=is_best, network=self.network)

    def _begin_scores(self) -> None:
        """Create the validation curves, which are None without validation samples."""
        model = self.model
        if model.validation_scores_ is None:
            model.validation_scores_, model.best_validation_score_ = [], -np.inf
        if model.validation_loss_curve_ is None:
            model.validation_loss_curve_ = []

    def _is_best(self, loss: float, scores: Scores | None) -> bool:
        """Whether an epoch is the best so far: with early stopping, its weights are kept."""
        if self._by_score and scores is not None:
            return bool(scores.accuracy > self.model.best_validation_score_)
        return bool((loss if scores is None else scores.cost) < self._least_loss)

    def _count_improvement(self, is_best: bool, scores: Scores | None) -> None:
        """Count epochs without improvement, and keep the best weights for early stopping."""
        model, tol = self.model, self.model.tol
        if scores is not None and self._best is not None:
            score, best = scores.accuracy, model.best_validation_score_
            is_low = score < best + tol
            worse = is_low if self._by_score else not scores.cost <= self._least_loss - tol  # NaN
            if is_best:
                model.best_validation_score_ = score
                self._best[:] = self.runner.theta
                self._best_epoch = model.n_iter_
        else:
            loss, best = model.loss_, model.best_loss_
            worse = loss > best - tol
            model.best_loss_ = min(loss, best)
            if model.validation_scores_:
                model.best_validation_score_ = max(model.validation_scores_)
        if is_best:
            self._least_loss = model.loss_ if scores is None else scores.cost
        model._no_improvement_count = model._no_improvement_count + 1 if worse else 0

    def _has_converged(self) -> bool:
        """Whether patience has run out and the learning rate cannot be lowered."""
        model, rate = self.model, self.state.rate
        if model._no_improvement_count <= model.n_iter_no_change:
            return False
        continues = rate.lower()
        if model.verbose:
            score = "Validation score" if self._by_score else "Validation loss"
            what = "Training loss" if self._best is None else score
            action = f"Setting learning rate to {rate.now:f}" if continues else "Stopping."
            print(
                f"{what} did not improve more than tol={model.tol:f} for"
                f" {model.n_iter_no_change} consecutive epochs. {action}"
            )
        if continues:
            model._no_improvement_count = 0
        return not continues

    def end(self) -> None:
        """Restore the best weights, if an epoch is complete."""
        if self._best is not None and self.model.n_iter_:
            self.runner.theta[:] = self._best

    def record_divergence(self) -> None:
        """Record the epoch that diverged as NaN, as scikit-learn does; restore the best weights."""
        model = self.model
        model.n_iter_ += 1
        model.t_ += self._n
        model.loss_ = np.nan
        for curve in (model.loss_curve_, model.validation_scores_, model.validation_loss_curve_):
            if curve is not None:
                curve.append(np.nan)
        self.end()
