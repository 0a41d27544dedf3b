"""A training run, epoch by epoch: the order of the samples, what is recorded, when it ends."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.architecture.description import Description
from bpmatrix.checks import real_number
from bpmatrix.engine.compilation import load_program
from bpmatrix.engine.evaluation import scores
from bpmatrix.errors import DivergenceError
from bpmatrix.history import EpochInfo, History, badness
from bpmatrix.samples.samples import Samples
from bpmatrix.training.course import Course
from bpmatrix.training.recipe import Recipe
from bpmatrix.training.schedules import Schedule, factors
from bpmatrix.training.slices import NotFiniteError, OutOfTimeError, SliceRunner
from bpmatrix.training.stopping import EarlyStopping, Waiting

__all__ = ["Settings", "record", "recorded", "train"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Settings:
    """The arguments of `Network.train`, checked."""

    epochs: int
    mini_batch_size: int
    recipe: Recipe
    weight_decay: float
    shuffle: bool
    threads: int
    callbacks: Sequence[Callable[[EpochInfo], object]]
    restore_best: bool
    schedule: Schedule | None = None
    early_stopping: EarlyStopping | None = None
    max_seconds: float | None = None


def train(
    description: Description,
    theta: Array,
    course: Course,
    samples: Samples,
    validation: Samples | None,
    settings: Settings,
    trained: list[dict[str, Any]],
) -> History:
    """Train theta in place, add the record of the run to `trained`, and return the History.

    At each callback, and after an error, optimizer, epochs and record agree with theta. Ctrl-C ends
    the run at the next slice of mini-batches, keeps the weights and warns.

    Raises
    ------
    DivergenceError
        If a cost or weight is not finite; theta is then as it was at the start of the slice.
    """
    run = _Run(description, theta, course, samples, validation, settings)
    history, stopping = run.history, settings.early_stopping
    waiting = Waiting(stopping.patience, stopping.least_change) if stopping else None
    best_theta, least = theta.copy() if settings.restore_best else None, math.inf
    best: EpochInfo | None = None
    last_epoch = course.epochs + settings.epochs
    place = len(trained)
    # Until here nothing of the network has changed: what is missing, memory or a function that
    # compiles, has been missed.
    course.take(run.state)
    try:
        while course.epochs < last_epoch and history.stopped_by == "epochs":
            entry = run.epoch(last_epoch)
            bad = badness(entry, history.metric)
            entry = replace(entry, is_best=bad < least or not history.epochs)
            least = min(bad, least)
            # No Python function runs in these lines: Ctrl-C finds all of them done, or none.
            if entry.is_best:
                best = entry
                if best_theta is not None:
                    best_theta[:] = theta
            course.epochs += 1
            history.epochs.append(entry)
            if waiting is not None and waiting.in_vain(bad):
                history.stopped_by = "early_stopping"
            if settings.callbacks:  # which may save or copy the network
                so_far = record(settings, samples, history, best)
                trained[place:] = [so_far | {"stopped_by": None}]
            # Every callback hears of the epoch, also after one of them has said stop.
            answers = [callback(entry) for callback in settings.callbacks]
            if any(isinstance(said, bool | np.bool_) and said for said in answers):
                history.stopped_by = "callback"
    except OutOfTimeError:
        history.stopped_by = "max_seconds"
    except KeyboardInterrupt:
        history.stopped_by = "interrupt"
        _warn_of_interruption(history)
    except BaseException:
        history.stopped_by = "error"
        raise
    finally:
        if best_theta is not None and history.epochs:
            theta[:] = best_theta
        trained[place:] = [record(settings, samples, history, best)]
    return history


def _warn_of_interruption(history: History) -> None:
    warnings.warn(
        f"training was interrupted after {len(history.epochs)} whole epochs;"
        " the network keeps the weights that it has",
        RuntimeWarning,
        stacklevel=5,
    )


class _Run:
    """One run of training: the data, the program that is ready, and what is recorded."""

    def __init__(
        self,
        description: Description,
        theta: Array,
        course: Course,
        samples: Samples,
        validation: Samples | None,
        settings: Settings,
    ) -> None:
        self.course, self.samples, self.validation = course, samples, validation
        self.settings = settings
        stopping = settings.early_stopping
        self.history = History(seed=course.seed, metric=stopping.metric if stopping else None)
        self._factors = factors(settings.schedule, course.epochs + 1, self.history.epochs)
        rates = map(self._rate, count(course.epochs + 1))
        # The first is asked for now, before anything has changed.
        self._rates = chain([next(rates)] if settings.epochs else [], rates)
        self._runner = SliceRunner(
            description, theta, samples.X, samples.targets, settings.mini_batch_size,
            settings.threads, recipe=settings.recipe, sample_weight=samples.weights,
            state=course.state_for(settings.recipe.optimizer, theta), seed=course.seed,
        )  # fmt: skip
        self.state = self._runner.state
        if validation:
            load_program("evaluate", description.dtype)
        # The time is that of training: a first compilation comes before.
        limit = math.inf if settings.max_seconds is None else settings.max_seconds
        self._deadline = time.perf_counter() + limit

    def epoch(self, last_epoch: int) -> EpochInfo:
        """Show every sample once, score the validation data, and return what is to be recorded."""
        start = time.perf_counter()
        if start >= self._deadline:
            raise OutOfTimeError
        number = self.course.epochs + 1
        rate = next(self._rates)
        try:
            [totals] = self._runner.run_epochs(
                self._order()[None], rate, self.settings.weight_decay, self._deadline
            )
        except NotFiniteError as error:
            raise _diverged(error, number, rate, self.history) from None
        validation = self.validation
        score = validation and scores(
            self._runner.description, self._runner.theta, validation.X, validation.targets,
            validation.weights,
        )  # fmt: skip
        return EpochInfo(
            epoch=number,
            last_epoch=last_epoch,
            cost=totals.cost / totals.weight,
            accuracy=totals.hits / totals.weight if self.samples.targets.are_classes else None,
            validation_cost=score.cost if score else None,
            validation_accuracy=score.accuracy
            if score and validation and validation.targets.are_classes
            else None,
            learning_rate=rate,
            seconds=time.perf_counter() - start,
        )

    def _rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch."""
        base = self.settings.recipe.optimizer.learning_rate
        factor = real_number(
            next(self._factors),
            f"the factor of the schedule in epoch {epoch}",
            "a number, 0 or more, whose product with the learning rate is finite",
            lambda factor: factor >= 0 and math.isfinite(base * factor),
        )
        return base * factor

    def _order(self) -> NDArray[np.int64]:
        """Return the samples in the order of the epoch."""
        n, shown = self.samples.n, self.samples.shown
        order = self.course.shuffler.permutation(n) if self.settings.shuffle else np.arange(n)
        return order if shown is None else shown[order]


def _diverged(error: NotFiniteError, epoch: int, rate: float, history: History) -> DivergenceError:
    return DivergenceError(
        f"training diverged in epoch {epoch}, mini-batch {error.step}: {error.what} is not finite",
        epoch=epoch,
        step=error.step,
        history=history,
        cure=f"Lower the learning rate (it is {rate:g}), or scale the inputs with input_scale"
        f" (the largest of this slice is {error.largest_input:g} after scaling).",
    )


def recorded(samples: Samples, validation: Samples | None) -> list[str]:
    """Return which metrics a run on these data records."""
    names = ["cost", "accuracy"] if samples.targets.are_classes else ["cost"]
    if validation is not None:
        names += [f"validation_{name}" for name in recorded(validation, None)]
    return names


def record(
    settings: Settings, samples: Samples, history: History, best: EpochInfo | None
) -> dict[str, Any]:
    """Return how a run went, in the words and numbers that a model file can hold.

    The figures are those of the epoch whose weights the network has. `best` is the best epoch: to
    look for it here, at each epoch, would take a time that grows with their square.
    """
    clip_norm = settings.recipe.clip_norm
    figures = ("cost", "accuracy", "validation_cost", "validation_accuracy")
    kept = best if settings.restore_best or not history.epochs else history.epochs[-1]
    found = {name: getattr(kept, name) for name in figures} if kept else {}
    return {
        "epochs": len(history.epochs),
        "samples": samples.n,
        "mini_batch_size": settings.mini_batch_size,
        "optimizer": repr(settings.recipe.optimizer),
        "weight_decay": settings.weight_decay,
        "l1": settings.recipe.l1,
        "clip_norm": clip_norm if math.isfinite(clip_norm) else None,
        "dropout": list(settings.recipe.dropout),
        "weighted": samples.weights is not None,
        "shuffle": settings.shuffle,
        "restore_best": settings.restore_best,
        "schedule": _words(settings.schedule),
        "early_stopping": _words(settings.early_stopping),
        "max_seconds": settings.max_seconds,
        "stopped_by": history.stopped_by,
        "best_epoch": best.epoch if best else None,
        **{name: value for name, value in found.items() if _is_finite(value)},
    }


def _words(description: object) -> str | None:
    """Return the name of a function, and of anything else what it says of itself."""
    if description is None:
        return None
    return str(getattr(description, "__qualname__", repr(description)))


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
