"""Epochs of mini-batches until nothing improves: scikit-learn's loop on bpmatrix's engine."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from bpmatrix.errors import DivergenceError
from bpmatrix.estimators.descent import Descent
from bpmatrix.estimators.samples import Samples
from bpmatrix.history import EpochInfo, History
from bpmatrix.training.slices import NotFiniteError

__all__ = ["fit_stochastic", "forget", "go_on_recording"]

NOT_CONVERGED = (
    "the solver reached max_iter={} epochs and has not converged: pass a larger max_iter, or a"
    " larger tol"
)


def forget(estimator: Any) -> None:
    """Set what the records of a stochastic solver are before its first epoch."""
    vars(estimator).update(_empty_records(estimator.early_stopping))


def go_on_recording(estimator: Any) -> None:
    """Begin the records that the fit before did not keep, and that the user has not set."""
    empty = _empty_records(estimator.early_stopping)
    has_stopped_early = getattr(estimator, "best_loss_", empty["best_loss_"]) is None
    # Records of the other way to stop end here.
    kept = vars(estimator) if has_stopped_early == estimator.early_stopping else {}
    for name, value in empty.items():
        found = kept.get(name, value)
        if isinstance(value, list) and not isinstance(found, list):
            found = list(found)  # which can go on, where the user has set something else
        setattr(estimator, name, found)


def _empty_records(early: bool) -> dict[str, Any]:
    return {
        "loss_curve_": [],
        "validation_loss_curve_": None,
        "validation_scores_": [] if early else None,
        "best_validation_score_": -np.inf if early else None,
        "best_loss_": None if early else np.inf,
        "_no_improvement_count": 0,
    }


def fit_stochastic(
    estimator: Any,
    descent: Descent,
    samples: Samples,
    validation: Samples | None,
    *,
    incremental: bool,
) -> str | None:
    """Train the weights of an estimator in place, and record what scikit-learn's fit records.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        With its weights drawn, and its records begun.
    descent : Descent
        What takes the steps.
    samples : Samples
        To train on.
    validation : Samples or None
        Scored after each epoch.
    incremental : bool
        Whether this is a `partial_fit`: one epoch.

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
        return _run(estimator, descent, samples, validation, incremental=incremental)
    except NotFiniteError as error:
        diverged = _diverged(error, estimator)
        if not (estimator.early_stopping and estimator.best_validation_score_ > -np.inf):
            raise diverged from None
        _record_nothing(estimator, samples)
        return f"{diverged} Early stopping has ended the fit with the best weights."
    finally:
        # Where Ctrl-C has come before the end of the first epoch, there is no best one.
        if estimator.early_stopping and estimator.n_iter_:
            estimator._parameters.flat[:] = estimator._best


def _run(
    estimator: Any,
    descent: Descent,
    samples: Samples,
    validation: Samples | None,
    *,
    incremental: bool,
) -> str | None:
    """Train epoch after epoch, until one of the rules says stop."""
    order = np.arange(samples.n)
    while estimator.n_iter_ < estimator.max_iter:
        start = time.perf_counter()
        together = validation is None and not estimator.callbacks and not incremental
        orders = _orders(estimator, order, _epochs_ahead(estimator, descent) if together else 1)
        order = orders[-1]
        entry = _epochs(orders, estimator, descent, samples, validation, start)
        # All callbacks hear of the epoch, also after one of them has said stop.
        answers = [callback(entry) for callback in estimator.callbacks or ()]
        told = any(isinstance(said, bool | np.bool_) and said for said in answers)
        if told or _has_converged(estimator, descent) or incremental:
            return None
    return NOT_CONVERGED.format(estimator.max_iter)


def _epochs_ahead(estimator: Any, descent: Descent) -> int:
    """Return after how many epochs, in at most a slice's time, a rule could say stop at first."""
    if descent.state.rate.rule == "invscaling":  # another rate for each epoch
        return 1
    # An earlier fit may have left no patience at all: then the first epoch decides.
    patience = max(1, estimator.n_iter_no_change - estimator._no_improvement_count + 1)
    left = estimator.max_iter - estimator.n_iter_
    return int(min(left, patience, descent.epochs_of_a_slice))


def _orders(estimator: Any, order: Any, epochs: int) -> Any:
    """Return in which order each of some epochs shows the samples; the first follows `order`."""
    orders = np.empty((epochs, order.size), np.int64)
    for row in orders:
        if estimator.shuffle:
            # The draws of sklearn.utils.shuffle, whose checks take longer than a small epoch.
            places = np.arange(order.size)
            estimator._random_state.shuffle(places)
            order = order[places]
        row[:] = order
    return orders


def _epochs(
    orders: Any,
    estimator: Any,
    descent: Descent,
    samples: Samples,
    validation: Samples | None,
    start: float,
) -> EpochInfo:
    """Show every sample once in each order, record losses and scores, and return the last entry."""
    rate = descent.state.rate.now
    try:
        results, checked = descent.epochs(orders), None
    except NotFiniteError:
        if len(orders) == 1:
            raise
        # Again, to the epoch that fails: those before it count.
        rest = estimator, descent, samples, validation, start
        return [_epochs(orders[i : i + 1], *rest) for i in range(len(orders))][-1]
    n = samples.n
    for loss, _ in results:
        # No Python function runs in these lines: Ctrl-C finds all of them done, or none.
        estimator.n_iter_ += 1
        estimator.loss_ = loss
        estimator.t_ += n
        estimator.loss_curve_.append(loss)
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {loss:.8f}")
        checked = None if validation is None else _validate(estimator, validation)
        _count_improvement(estimator)
        descent.state.rate.end_epoch(estimator.t_)
    loss, hits = results[-1]
    return EpochInfo(
        epoch=estimator.n_iter_,
        last_epoch=estimator.max_iter,
        cost=loss,
        accuracy=hits if samples.targets.are_classes else None,
        validation_cost=checked,
        validation_accuracy=estimator.validation_scores_[-1]
        if validation is not None and validation.targets.are_classes
        else None,
        learning_rate=rate,
        seconds=time.perf_counter() - start,
    )


def _validate(estimator: Any, validation: Samples) -> float:
    """Record score and loss of the validation samples; return the loss."""
    score = estimator._score_samples(validation)
    loss = estimator._loss_samples(validation)
    if estimator.validation_scores_ is None:
        estimator.validation_scores_, estimator.best_validation_score_ = [], -np.inf
    if estimator.validation_loss_curve_ is None:
        estimator.validation_loss_curve_ = []
    estimator.validation_scores_.append(score)
    estimator.validation_loss_curve_.append(loss)
    if estimator.verbose:
        print(f"Validation score: {score:f}")
    return float(loss)


def _count_improvement(estimator: Any) -> None:
    """Count the epochs that brought nothing, and keep the best weights of an early stopping."""
    if estimator.early_stopping:
        score, loss = estimator.validation_scores_[-1], estimator.validation_loss_curve_[-1]
        best, least, tol = estimator.best_validation_score_, estimator._least_loss, estimator.tol
        if least is None:
            better, worse = score > best, score < best + tol
        else:
            better, worse = loss < least, not loss <= least - tol  # NaN is worse
            estimator._least_loss = loss if better else least
        if better:
            estimator.best_validation_score_ = score
            estimator._best[:] = estimator._parameters.flat
    else:
        loss, best = estimator.loss_, estimator.best_loss_
        worse = loss > best - estimator.tol
        estimator.best_loss_ = min(loss, best)
        if estimator.validation_scores_:
            estimator.best_validation_score_ = max(estimator.validation_scores_)
    estimator._no_improvement_count = estimator._no_improvement_count + 1 if worse else 0


def _has_converged(estimator: Any, descent: Descent) -> bool:
    """Whether too many epochs brought nothing, and the learning rate cannot fall either."""
    if estimator._no_improvement_count <= estimator.n_iter_no_change:
        return False
    goes_on = descent.state.rate.lower()
    if estimator.verbose:
        by_loss = estimator.early_stopping and estimator._least_loss is not None
        score = "Validation loss" if by_loss else "Validation score"
        what = score if estimator.early_stopping else "Training loss"
        does = f"Setting learning rate to {descent.state.rate.now:f}" if goes_on else "Stopping."
        print(
            f"{what} did not improve more than tol={estimator.tol:f} for"
            f" {estimator.n_iter_no_change} consecutive epochs. {does}"
        )
    if goes_on:
        estimator._no_improvement_count = 0
    return not goes_on


def _record_nothing(estimator: Any, samples: Samples) -> None:
    """Record an epoch that has led nowhere, as scikit-learn does: without numbers."""
    estimator.n_iter_ += 1
    estimator.t_ += samples.n
    estimator.loss_ = np.nan
    for curve in ("loss_curve_", "validation_scores_", "validation_loss_curve_"):
        getattr(estimator, curve).append(np.nan)


def _diverged(error: NotFiniteError, estimator: Any) -> DivergenceError:
    epoch = estimator.n_iter_ + 1
    return DivergenceError(
        f"training diverged in epoch {epoch}, mini-batch {error.step}: {error.what} is not finite",
        epoch=epoch,
        step=error.step,
        history=History(seed=0),
        cure=f"Lower learning_rate_init (it is {estimator.learning_rate_init:g}), or pass"
        f" standardize=True (the largest input of this slice is {error.largest_input:g}).",
    )
