"""`train_epochs`, the one training loop, and the rules of `Network.train` for it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain, count, repeat
from typing import Any

import numpy as np

from bpmatrix.architecture.description import Description
from bpmatrix.array_types import Array
from bpmatrix.engine.compilation import load_program
from bpmatrix.engine.evaluation import Scores, scores
from bpmatrix.engine.ranks import agreed, held
from bpmatrix.history import EpochInfo, History, badness
from bpmatrix.samples.samples import Samples
from bpmatrix.samples.windows import BlockSamples
from bpmatrix.training.endings import WORKER, diverged, warn_of_interruption
from bpmatrix.training.full_batch import DampedSteps, rows_together
from bpmatrix.training.quasi_newton import QuasiNewtonSteps
from bpmatrix.training.record import Settings, agreed_callbacks, bounded, summarize
from bpmatrix.training.rules import Orders, Rules, Watch
from bpmatrix.training.runners import runner_of
from bpmatrix.training.schedules import Plateau, ReduceOnPlateau, rate_of
from bpmatrix.training.slices import ConvergedError, NotFiniteError, OutOfTimeError, SliceRunner
from bpmatrix.training.state import TrainingState
from bpmatrix.training.stopping import Patience

# Levenberg-Marquardt steps that the compiled program may take before Python records them.
STEPS_AT_ONCE = 1000


def repeat_while(condition: Callable[[], bool]) -> None:
    """Call a function until it returns False."""
    while condition():
        pass


def train_epochs(
    rules: Rules,
    watch: Watch | None = None,
    drive: Callable[[Callable[[], bool]], None] = repeat_while,
) -> None:
    """Train epoch after epoch until the run ends; `rules.history.stopped_by` says why.

    `drive` calls the function that it is given until that returns False.

    Raises
    ------
    DivergenceError
        If a cost or weight is not finite; the weights are then those of the start of the slice.
    """
    history, is_interrupted, start = rules.history, False, time.perf_counter()

    def go_on() -> bool:
        """Run the next epochs; return whether others follow."""
        nonlocal start
        if not (count := rules.ahead()):
            return False
        rate = rules.rate()
        entry = _epochs(rules, rules.orders(count), rate, start)
        # All callbacks are called, even if one of them ends the run.
        for callback in rules.callbacks:
            said = callback(entry)
            if isinstance(said, bool | np.bool_) and said:
                history.stopped_by = "callback"
        if watch is not None and time.perf_counter() >= watch.next_look:
            watch.look()
        start = time.perf_counter()
        return history.stopped_by == "epochs"

    try:
        if history.stopped_by == "epochs":
            drive(go_on)
    except OutOfTimeError:
        history.stopped_by = "max_seconds"
    except ConvergedError:
        history.stopped_by = "converged"
    except KeyboardInterrupt:
        is_interrupted = True
        _end_by("interrupt", history)
    except BaseException:
        _end_by("error", history)
        raise
    finally:
        try:
            if watch is not None:
                watch.end()
        finally:
            if is_interrupted:  # also if the run had ended: the caller may not want another one
                history.stopped_by = "interrupt"
            rules.end()


def _end_by(what: str, history: History) -> None:
    """Note what ended a run, unless it has ended already: then a resumed run must end there too."""
    if history.stopped_by == "epochs":
        history.stopped_by = what


def _epochs(rules: Rules, orders: Orders, rate: float, start: float) -> EpochInfo:
    """Run and record one epoch for each order; return the last entry."""
    try:
        results = rules.steps(orders, rate)
    except NotFiniteError as error:
        if len(orders) > 1:  # one by one, to record those before the failure
            return [_epochs(rules, order[None], rate, start) for order in np.asarray(orders)][-1]
        cure = rules.cure.format(rate=rate, largest=error.largest_input)
        cure += "" if rules.are_classes[0] else " Scale large targets, too."
        raise diverged(error.what, rules.done + 1, error.step, rules.history, cure) from None
    cost, accuracy = results[-1]
    scores, (names, validation_names) = rules.validate(), rules.are_classes
    entry = EpochInfo(
        epoch=rules.done + len(results),
        last_epoch=rules.last_epoch,
        cost=cost,
        accuracy=accuracy if names else None,
        validation_cost=scores.cost if scores else None,
        validation_accuracy=scores.accuracy if scores and validation_names else None,
        learning_rate=rate,
        seconds=time.perf_counter() - start,
    )
    return rules.record(results, scores, entry)


class Run:
    """A run of `Network.train`: the rules for `train_epochs`, and the records.

    Parameters
    ----------
    description, theta : Description, (size,) array
        The network and its parameters, which the run changes.
    training : TrainingState
        The state that the network carries from run to run.
    samples, validation : Samples, Samples or None
        Training samples, and those scored after each epoch.
    settings : Settings
        The arguments of `Network.train`.
    trained : list of dict
        The record of the run is appended here.
    network : object
        The network, for the callbacks.
    seed : int, optional
        The seed of the run; None is the network's.
    """

    watch: Watch | None = None
    hint = ""  # how to resume after Ctrl-C
    cure = (
        "Lower the learning rate (it is {rate:g}), or scale the inputs with input_scale"
        " (the largest of this slice is {largest:g} after scaling)."
    )

    def __init__(
        self,
        description: Description,
        theta: Array,
        training: TrainingState,
        samples: Samples | BlockSamples,
        validation: Samples | BlockSamples | None,
        settings: Settings,
        trained: list[dict[str, Any]],
        network: object = None,
        *,
        seed: int | None = None,
    ) -> None:
        seed = training.seed if seed is None else seed
        self.network = network
        self.training, self.samples, self.validation = training, samples, validation
        self.settings, self.callbacks, self._n = settings, agreed_callbacks(settings), samples.n
        self.last_epoch = training.epochs + settings.epochs
        self.are_classes = (
            samples.targets.are_classes,
            bool(validation and validation.targets.are_classes),
        )
        stopping = settings.early_stopping
        metric = stopping.metric if stopping else None
        self.history = History(seed=seed, metric=metric, groups=settings.groups)
        self._patience = Patience(stopping.patience, stopping.least_change) if stopping else None
        schedule, self._before = settings.schedule, training.epochs
        self._plateau = Plateau.of(schedule) if isinstance(schedule, ReduceOnPlateau) else None
        self._best: EpochInfo | None = None
        self._best_theta, self._least = theta.copy() if settings.restore_best else None, math.inf
        self._trained, self._trained_before = trained, list(trained)
        self._rates = self._all_rates(training.epochs + 1)
        state = training.optimizer_state_for(settings.recipe.optimizer, theta)
        self.runner = runner_of(description, theta, samples, settings, state, seed)
        if not isinstance(self.runner, SliceRunner):
            self.cure = "Scale the inputs with input_scale (the largest is {largest:g} scaled)."
        if validation:
            load_program("evaluate", description.dtype)
        # The time limit does not include compilation, which is done by now.
        limit = math.inf if settings.max_seconds is None else settings.max_seconds
        self._deadline = time.perf_counter() + limit

    def train(self) -> History:
        """Train theta in place, and return the History.

        At each callback, and after an error, optimizer, epochs and record match theta. Ctrl-C ends
        the run after the current slice of mini-batches, keeps the weights and issues a warning.

        Raises
        ------
        DivergenceError
            If a cost or weight is not finite; theta is then as it was at the start of the slice.
        """
        # Nothing of the network has changed so far. Memory is allocated and functions are compiled,
        # so neither can fail from here on.
        self.training.take(self.runner.state)
        drive = repeat_while
        if isinstance(self.runner, QuasiNewtonSteps):
            drive = partial(self.runner.drive, done=self.training.epochs - self._before)
        ranks = self.settings.ranks
        with held(ranks):
            train_epochs(self, self.watch, drive)
        is_first = ranks is None or ranks.rank == 0
        if self.history.stopped_by == "interrupt" and is_first and WORKER.is_called_off is None:
            epochs = self.training.epochs - self._before
            warn_of_interruption(epochs, f"the network keeps its current weights{self.hint}")
        if ranks is not None:
            self.history = ranks.share(self.history)  # the seconds of rank 0
        return self.history

    @property
    def done(self) -> int:
        """The number of the last complete epoch."""
        return self.training.epochs

    def ahead(self) -> int:
        """Run epoch by epoch until the time limit; many short steps if nothing looks at each."""
        left = max(0, self.last_epoch - self.training.epochs)
        if left and agreed(self.settings.ranks, time.perf_counter() >= self._deadline):
            raise OutOfTimeError
        if WORKER.is_called_off is not None and WORKER.is_called_off():
            self.history.stopped_by = "interrupt"
            return 0
        return min(left, 1 if self._is_watched() else self._together())

    def _is_watched(self) -> bool:
        """Whether something looks at each epoch, or changes from one to the next."""
        every, kept = self.settings.record_every, self._best_theta is not None
        return bool(self.callbacks or self.validation or kept or every > 1)

    def _together(self) -> int:
        """Return how many epochs to run before a look at the clock and at Ctrl-C."""
        settings, runner = self.settings, self.runner
        if isinstance(runner, DampedSteps):
            return STEPS_AT_ONCE
        changes = settings.schedule or settings.early_stopping or self.watch or settings.ranks
        # Outside of `train_many`, Ctrl-C could come within a slice of several epochs.
        is_open = WORKER.is_called_off is None or math.isfinite(self._deadline)
        is_other = changes or is_open or isinstance(self.samples, BlockSamples)
        if is_other or not isinstance(runner, SliceRunner):
            return 1
        return max(1, runner.steps_of_a_slice // runner.steps_of(1, self._n))

    def rate(self) -> float:
        """Return the rate according to the schedule."""
        return next(self._rates)

    def orders(self, epochs: int) -> Orders:
        """Draw a permutation if shuffle is on."""
        if not isinstance(self.runner, SliceRunner):
            return np.arange(epochs)[:, np.newaxis]  # all samples at once, in any order
        permutation = self.training.shuffler.permutation if self.settings.shuffle else None
        if epochs == 1:
            return self.samples.order(permutation)
        return np.concatenate([self.samples.order(permutation) for _ in range(epochs)])

    def steps(self, orders: Orders, rate: float) -> list[tuple[float, float]]:
        """Take a step for each mini-batch; an epoch cut short by the time limit is not recorded."""
        decay, deadline = self.settings.weight_decay, self._deadline
        found = self.runner.run_epochs(orders, rate, decay, deadline)
        return [(totals.cost / totals.weight, totals.hits / totals.weight) for totals in found]

    def validate(self) -> Scores | None:
        """Score the validation samples."""
        if self.validation is None:
            return None
        return scores(self.runner.description, self.runner.theta, self.validation)

    def record(
        self, results: list[tuple[float, float]], scores: Scores | None, entry: EpochInfo
    ) -> EpochInfo:
        """Add epochs to the History, keep the best weights, and check early stopping."""
        del scores  # they are in the entry
        if (many := len(results) - 1) > 0:  # nothing looks at them one by one
            entry = replace(entry, seconds=entry.seconds / (many + 1))
            rows, best = rows_together(results[:-1], entry, self._least, is_first=not self._best)
            self._best, self._least = best or self._best, best.cost if best else self._least
            self.history.epochs.rows += rows
            self.training.epochs += many
        return self._record(entry)

    def _record(self, entry: EpochInfo) -> EpochInfo:
        history = self.history
        bad = badness(entry, history.metric)
        epochs, is_best = history.epochs, bad < self._least or self._best is None
        self._least = min(bad, self._least)
        start, rows = epochs.ending_with(entry, self.settings.record_every, is_best=is_best)
        patience = self._patience and self._patience.after(bad)
        plateau = self._plateau and self._plateau.after(entry)
        is_over = patience is not None and patience.is_over
        # No Python function runs in these lines: Ctrl-C finds all of them done, or none.
        if is_best:
            self._best = entry
            if self._best_theta is not None:
                self._best_theta[...] = self.runner.theta
        self.training.epochs += 1
        self.runner.progress = None
        epochs.rows[start:] = rows
        self._patience, self._plateau = patience, plateau
        # From here on Ctrl-C may come: a resumed run notices by itself that patience is over.
        if is_over:
            history.stopped_by = "early_stopping"
        if self.callbacks:  # they may save or copy the network
            self._update_trained({"stopped_by": None})
        if not self.callbacks:
            return entry
        return replace(entry, is_best=is_best, network=self.network)

    def end(self) -> None:
        """Restore the best weights, if requested, and record how the run ended."""
        if self._best_theta is not None and self.history.epochs:
            self.runner.theta[:] = self._best_theta
        self._update_trained({})

    def _update_trained(self, changed: dict[str, None]) -> None:
        """Update the record of this run in `Network.trained`."""
        epochs = self.training.epochs - self._before
        summary = summarize(self.settings, self.samples, self.history, self._best, epochs)
        self._trained[:] = bounded([*self._trained_before, summary | changed])

    def _all_rates(self, first: int) -> Iterator[float]:
        """Return the learning rates of the epochs, beginning with `first`."""
        base, schedule = self.settings.recipe.optimizer.learning_rate, self.settings.schedule
        if schedule is None:
            return repeat(base)
        if isinstance(schedule, ReduceOnPlateau):
            factors: Iterator[float] = self._factors()
        else:
            factors = map(schedule, count(first))
        rates = map(partial(rate_of, base), factors, count(first))
        # The first is computed now: if the schedule fails, nothing has changed.
        return chain([next(rates)] if first <= self.last_epoch else [], rates)

    def _factors(self) -> Iterator[float]:
        """Yield the factors of `ReduceOnPlateau`."""
        while self._plateau is not None:
            yield self._plateau.factor
