"""A training run, epoch by epoch: the order of the samples, what is recorded, when it ends."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.arrays import Targets
from bpmatrix.description import Description
from bpmatrix.errors import DivergenceError
from bpmatrix.evaluation import scores
from bpmatrix.history import EpochInfo, History, badness
from bpmatrix.optimizers import SGD
from bpmatrix.slices import NotFiniteError, SliceRunner

__all__ = ["Course", "Samples", "Settings", "record", "train"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Samples:
    """Inputs and targets that passed the gate."""

    X: Array
    targets: Targets


@dataclass(frozen=True, slots=True)
class Settings:
    """The arguments of `Network.train`, checked."""

    epochs: int
    mini_batch_size: int
    optimizer: SGD
    weight_decay: float
    shuffle: bool
    threads: int
    callbacks: Sequence[Callable[[EpochInfo], object]]
    restore_best: bool


@dataclass(slots=True)
class Course:
    """What a network keeps from one run to the next, so that two runs equal one long run.

    Attributes
    ----------
    seed : int
        The seed of the network.
    shuffler : numpy.random.Generator
        The stream of permutations.
    epochs : int
        How many epochs are done.
    optimizer : SGD or None
        That of the last run.
    """

    seed: int
    shuffler: np.random.Generator
    epochs: int = 0
    optimizer: SGD | None = None


def train(
    description: Description,
    theta: Array,
    course: Course,
    samples: Samples,
    validation: Samples | None,
    settings: Settings,
) -> History:
    """Train theta in place and return the History.

    Ctrl-C ends the run at the next slice of mini-batches, keeps the weights and warns.

    Raises
    ------
    DivergenceError
        If a cost or weight is not finite; theta is then as it was at the start of the slice.
    """
    history = History(seed=course.seed)
    best = theta.copy() if settings.restore_best else None
    runner = SliceRunner(
        description, theta, samples.X, samples.targets, settings.mini_batch_size, settings.threads
    )
    last_epoch = course.epochs + settings.epochs
    try:
        while course.epochs < last_epoch and history.stopped_by == "epochs":
            entry = _train_one_epoch(
                runner, course, last_epoch, samples, validation, settings, history
            )
            is_best = all(badness(entry) < badness(e) for e in history.epochs)
            # No Python function runs in these lines: Ctrl-C finds all of them done, or none.
            if best is not None and is_best:
                best[:] = theta
            course.epochs += 1
            history.epochs.append(entry)
            # Every callback hears of the epoch, also after one of them has said stop.
            answers = [callback(entry) for callback in settings.callbacks]
            if any(isinstance(said, bool | np.bool_) and said for said in answers):
                history.stopped_by = "callback"
    except KeyboardInterrupt:
        history.stopped_by = "interrupt"
        warnings.warn(
            f"training was interrupted after {len(history.epochs)} whole epochs;"
            " the network keeps the weights that it has",
            RuntimeWarning,
            stacklevel=3,
        )
    finally:
        if best is not None and history.epochs:
            theta[:] = best
    return history


def _train_one_epoch(
    runner: SliceRunner,
    course: Course,
    last_epoch: int,
    samples: Samples,
    validation: Samples | None,
    settings: Settings,
    history: History,
) -> EpochInfo:
    """Show every sample once, score the validation data, and return what is to be recorded."""
    start = time.perf_counter()
    n, rate = samples.X.shape[1], settings.optimizer.learning_rate
    order = course.shuffler.permutation(n) if settings.shuffle else np.arange(n)
    try:
        totals = runner.run(order, rate, settings.weight_decay)
    except NotFiniteError as error:
        raise _diverged(error, course.epochs + 1, rate, history) from None
    score = validation and scores(
        runner.description, runner.theta, validation.X, validation.targets
    )
    return EpochInfo(
        epoch=course.epochs + 1,
        last_epoch=last_epoch,
        cost=totals.cost / totals.weight,
        accuracy=totals.hits / totals.weight if samples.targets.are_classes else None,
        validation_cost=score.cost if score else None,
        validation_accuracy=score.accuracy
        if score and validation and validation.targets.are_classes
        else None,
        learning_rate=rate,
        seconds=time.perf_counter() - start,
    )


def _diverged(error: NotFiniteError, epoch: int, rate: float, history: History) -> DivergenceError:
    return DivergenceError(
        f"training diverged in epoch {epoch}, mini-batch {error.step}: {error.what} is not finite",
        epoch=epoch,
        step=error.step,
        history=history,
        cure=f"Lower the learning rate (it is {rate:g}), or scale the inputs with input_scale"
        f" (the largest of this slice is {error.largest_input:g} after scaling).",
    )


def record(settings: Settings, samples: Samples, history: History) -> dict[str, Any]:
    """Return how a run went, in the words and numbers that a model file can hold."""
    last = asdict(history.epochs[-1]) if history.epochs else {}
    figures = ("cost", "accuracy", "validation_cost", "validation_accuracy")
    return {
        "epochs": len(history.epochs),
        "samples": samples.X.shape[1],
        "mini_batch_size": settings.mini_batch_size,
        "optimizer": repr(settings.optimizer),
        "weight_decay": settings.weight_decay,
        "shuffle": settings.shuffle,
        "restore_best": settings.restore_best,
        "stopped_by": history.stopped_by,
        **{name: value for name, value in last.items() if name in figures and _is_finite(value)},
    }


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
