"""One training loop for all faces, `train_epochs`, and the rules that `Network.train` gives it."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, count, repeat
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bpmatrix.architecture.description import Description
from bpmatrix.checks import real_number
from bpmatrix.engine.compilation import load_program
from bpmatrix.engine.evaluation import Scores, scores
from bpmatrix.errors import DivergenceError
from bpmatrix.history import EpochInfo, History, badness
from bpmatrix.samples.samples import Samples
from bpmatrix.training.course import Course
from bpmatrix.training.record import Callback, Settings, words_of
from bpmatrix.training.schedules import factors
from bpmatrix.training.slices import NotFiniteError, OutOfTimeError, SliceRunner
from bpmatrix.training.stopping import Waiting

__all__ = [
    "Rules",
    "Run",
    "diverged",
    "train_epochs",
    "warn_of_interruption",
]

Array = NDArray[Any]
Orders = NDArray[np.int64]  # (epochs, n): the samples of each epoch


class Rules(Protocol):
    """What differs between the faces of `train_epochs`, the one training loop.

    Attributes
    ----------
    history : History
        Its `stopped_by` is "epochs" as long as nothing has ended the run; a rule may set it.
    callbacks : sequence of functions
        Each is called with the `EpochInfo` of the last epochs.
    are_classes : pair of bool
        Whether the targets of the training and of the validation samples name classes.
    last_epoch : int
        The number of the epoch after which the run ends.
    cure : str
        How to avoid divergence, in the parameters of the face: a format string with the fields
        `rate`, the learning rate, and `largest`, the largest input.
    """

    history: History
    callbacks: Sequence[Callback]
    are_classes: tuple[bool, bool]
    last_epoch: int
    cure: str

    @property
    def done(self) -> int:
        """The number of the last whole epoch."""

    def ahead(self) -> int:
        """Return how many epochs to run before any rule is asked again; 0 ends the run."""

    def rate(self) -> float:
        """Return the learning rate of the next epochs."""

    def orders(self, epochs: int) -> Orders:
        """Return the samples of each of the next epochs, in the order in which they are shown."""

    def steps(self, orders: Orders, rate: float) -> list[tuple[float, float]]:
        """Take a step for each mini-batch; return cost and accuracy of each epoch.

        Of several epochs, none has changed anything if this raises NotFiniteError.
        """

    def validate(self) -> Scores | None:
        """Score the validation samples, if there are any."""

    def record(
        self, results: list[tuple[float, float]], scores: Scores | None, entry: EpochInfo
    ) -> EpochInfo:
        """Record complete epochs; return the entry of the last one, which the callbacks get."""

    def end(self) -> None:
        """Called when the run has ended, whatever ended it."""


def train_epochs(rules: Rules) -> None:
    """Train epoch after epoch until the run ends; `rules.history.stopped_by` says why.

    Raises
    ------
    DivergenceError
        If a cost or weight is not finite; the weights are then those of the start of the slice.
    """
    history = rules.history
    try:
        while history.stopped_by == "epochs" and (count := rules.ahead()):
            start, rate = time.perf_counter(), rules.rate()
            entry = _epochs(rules, rules.orders(count), rate, start)
            # Every callback hears of the epoch, also after one of them has said stop.
            answers = [callback(entry) for callback in rules.callbacks]
            if any(isinstance(said, bool | np.bool_) and said for said in answers):
                history.stopped_by = "callback"
    except OutOfTimeError:
        history.stopped_by = "max_seconds"
    except KeyboardInterrupt:
        history.stopped_by = "interrupt"
    except BaseException:
        history.stopped_by = "error"
        raise
    finally:
        rules.end()


def _epochs(rules: Rules, orders: Orders, rate: float, start: float) -> EpochInfo:
    """Show every sample once in each order, and record that; return the last entry."""
    try:
        results = rules.steps(orders, rate)
    except NotFiniteError as error:
        if len(orders) > 1:  # one by one, so that those before the failure are recorded
            return [_epochs(rules, order[None], rate, start) for order in orders][-1]
        cure = rules.cure.format(rate=rate, largest=error.largest_input)
        raise diverged(error.what, rules.done + 1, error.step, rules.history, cure) from None
    cost, accuracy = results[-1]
    scores, (names, validation_names) = rules.validate(), rules.are_classes
    entry = EpochInfo(
        epoch=rules.done + len(orders),
        last_epoch=rules.last_epoch,
        cost=cost,
        accuracy=accuracy if names else None,
        validation_cost=scores.cost if scores else None,
        validation_accuracy=scores.accuracy if scores and validation_names else None,
        learning_rate=rate,
        seconds=time.perf_counter() - start,
    )
    return rules.record(results, scores, entry)


def diverged(what: str, epoch: int, step: int, history: History, cure: str) -> DivergenceError:
    """Return the error of a training whose cost or weights are not finite any more."""
    return DivergenceError(
        f"training diverged in epoch {epoch}, mini-batch {step}: {what} is not finite",
        epoch=epoch,
        step=step,
        history=history,
        cure=cure,
    )


def warn_of_interruption(epochs: int, consequence: str) -> None:
    """Warn of a Ctrl-C, at the line of the user that is two calls above the caller."""
    warnings.warn(
        f"training was interrupted after {epochs} whole epochs; {consequence}",
        RuntimeWarning,
        stacklevel=5,
    )


class Run:
    """A run of `Network.train`: its rules, the program that is ready, and what is recorded.

    Parameters
    ----------
    description, theta : Description, (size,) array
        The network and its parameters, which the run changes.
    course : Course
        What the network keeps from the runs before.
    samples, validation : Samples, Samples or None
        To train on, and to be scored after each epoch.
    settings : Settings
        The arguments of `Network.train`.
    trained : list of dict
        Gets the record of the run.
    """

    cure = (
        "Lower the learning rate (it is {rate:g}), or scale the inputs with input_scale"
        " (the largest of this slice is {largest:g} after scaling)."
    )

    def __init__(
        self,
        description: Description,
        theta: Array,
        course: Course,
        samples: Samples,
        validation: Samples | None,
        settings: Settings,
        trained: list[dict[str, Any]],
    ) -> None:
        self.course, self.samples, self.validation = course, samples, validation
        self.settings, self.callbacks, self._n = settings, settings.callbacks, samples.n
        self.last_epoch = course.epochs + settings.epochs
        self.are_classes = (
            samples.targets.are_classes,
            bool(validation and validation.targets.are_classes),
        )
        stopping = settings.early_stopping
        self.history = History(seed=course.seed, metric=stopping.metric if stopping else None)
        self._waiting = Waiting(stopping.patience, stopping.least_change) if stopping else None
        self._best: EpochInfo | None = None
        self._best_theta, self._least = theta.copy() if settings.restore_best else None, math.inf
        self._trained, self._place = trained, len(trained)
        self._rates = self._all_rates()
        self._runner = SliceRunner(
            description, theta, samples.X, samples.targets, settings.mini_batch_size,
            settings.threads, recipe=settings.recipe, sample_weight=samples.weights,
            state=course.state_for(settings.recipe.optimizer, theta), seed=course.seed,
        )  # fmt: skip
        if validation:
            load_program("evaluate", description.dtype)
        # The time is that of training: a first compilation comes before.
        limit = math.inf if settings.max_seconds is None else settings.max_seconds
        self._deadline = time.perf_counter() + limit

    def train(self) -> History:
        """Train theta in place, and return the History.

        At each callback, and after an error, optimizer, epochs and record agree with theta. Ctrl-C
        ends the run at the next slice of mini-batches, keeps the weights and warns.

        Raises
        ------
        DivergenceError
            If a cost or weight is not finite; theta is then as it was at the start of the slice.
        """
        # Until here nothing of the network has changed: what is missing, memory or a function that
        # compiles, has been missed.
        self.course.take(self._runner.state)
        train_epochs(self)
        if self.history.stopped_by == "interrupt":
            epochs = len(self.history.epochs)
            warn_of_interruption(epochs, "the network keeps the weights that it has")
        return self.history

    @property
    def done(self) -> int:
        """The number of the last whole epoch."""
        return self.course.epochs

    def ahead(self) -> int:
        """Run epoch by epoch, as long as there is time."""
        left = self.course.epochs < self.last_epoch
        if left and time.perf_counter() >= self._deadline:
            raise OutOfTimeError
        return int(left)

    def rate(self) -> float:
        """Ask the schedule."""
        return next(self._rates)

    def orders(self, epochs: int) -> Orders:
        """Draw a permutation, where the samples are shuffled."""
        del epochs  # one
        n, shown = self._n, self.samples.shown
        order = self.course.shuffler.permutation(n) if self.settings.shuffle else np.arange(n)
        return (order if shown is None else shown[order])[None]

    def steps(self, orders: Orders, rate: float) -> list[tuple[float, float]]:
        """Take a step for each mini-batch; an epoch that time ends is not recorded."""
        decay, deadline = self.settings.weight_decay, self._deadline
        found = self._runner.run_epochs(orders, rate, decay, deadline)
        return [(totals.cost / totals.weight, totals.hits / totals.weight) for totals in found]

    def validate(self) -> Scores | None:
        """Score the validation samples."""
        validation, runner = self.validation, self._runner
        if validation is None:
            return None
        return scores(
            runner.description, runner.theta, validation.X, validation.targets, validation.weights
        )

    def record(
        self, results: list[tuple[float, float]], scores: Scores | None, entry: EpochInfo
    ) -> EpochInfo:
        """Add an epoch to the History, keep the best weights, and look for early stopping."""
        del results, scores  # which the entry holds
        history = self.history
        bad = badness(entry, history.metric)
        entry = replace(entry, is_best=bad < self._least or not history.epochs)
        self._least = min(bad, self._least)
        # No Python function runs in these lines: Ctrl-C finds all of them done, or none.
        if entry.is_best:
            self._best = entry
            if self._best_theta is not None:
                self._best_theta[:] = self._runner.theta
        self.course.epochs += 1
        history.epochs.append(entry)
        if self._waiting is not None and self._waiting.in_vain(bad):
            history.stopped_by = "early_stopping"
        if self.callbacks:  # which may save or copy the network
            self._note({"stopped_by": None})
        return entry

    def end(self) -> None:
        """Put the best weights back, if they were asked for, and note how the run went."""
        if self._best_theta is not None and self.history.epochs:
            self._runner.theta[:] = self._best_theta
        self._note({})

    def _note(self, changed: dict[str, None]) -> None:
        """Bring the record of this run in the network up to date."""
        words = words_of(self.settings, self.samples, self.history, self._best)
        self._trained[self._place :] = [words | changed]

    def _all_rates(self) -> Iterator[float]:
        """Return the learning rates of the epochs to come."""
        base, schedule = self.settings.recipe.optimizer.learning_rate, self.settings.schedule
        if schedule is None:
            return repeat(base)
        first = self.course.epochs + 1
        rates = map(
            partial(_rate, base), factors(schedule, first, self.history.epochs), count(first)
        )
        # The first is asked for now, before anything has changed.
        return chain([next(rates)] if self.settings.epochs else [], rates)


def _rate(base: float, factor: float, epoch: int) -> float:
    """Return the learning rate of an epoch."""
    factor = real_number(
        factor,
        f"the factor of the schedule in epoch {epoch}",
        "a number, 0 or more, whose product with the learning rate is finite",
        lambda factor: factor >= 0 and math.isfinite(base * factor),
    )
    return base * factor
