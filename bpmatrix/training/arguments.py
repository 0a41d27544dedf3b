"""The arguments of `Network.train`, checked and completed."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import repeat

import numpy as np

from bpmatrix.architecture.description import Description
from bpmatrix.checks import (
    BELOW_ONE,
    NOT_NEGATIVE,
    POSITIVE,
    check_in_type,
    real_number,
    whole_number,
)
from bpmatrix.engine.processors import choose_threads
from bpmatrix.engine.ranks import Ranks
from bpmatrix.errors import ArgumentError
from bpmatrix.foreign import optimizer_line
from bpmatrix.history import EpochInfo
from bpmatrix.kernels.plan import GROUPS
from bpmatrix.training.optimizers import (
    OPTIMIZERS,
    SGD,
    FullBatch,
    LevenbergMarquardt,
    Optimizer,
)
from bpmatrix.training.recipe import Recipe
from bpmatrix.training.record import Settings
from bpmatrix.training.schedules import ReduceOnPlateau, Schedule
from bpmatrix.training.state import LARGEST_COUNT
from bpmatrix.training.stopping import EarlyStopping

DEFAULT_MINI_BATCH_SIZE = 10
# Each group has a sum of the size of theta.
MOST_GROUPS = 1024
DEFAULT_OPTIMIZER = SGD(learning_rate=0.5)
# Of Levenberg-Marquardt: three matrices of 128 MiB, and some seconds per step.
MOST_WEIGHTS = 4096


def checked_training_arguments(
    description: Description,
    *,
    n: int,
    epochs: int,
    mini_batch_size: int | None,
    optimizer: Optimizer | None,
    weight_decay: float,
    l1: float,
    clip_norm: float | None,
    dropout: float | Sequence[float],
    shuffle: bool,
    n_threads: int | str,
    callbacks: Iterable[Callable[[EpochInfo], object]],
    restore_best: bool,
    schedule: Schedule | None,
    early_stopping: EarlyStopping | None,
    max_seconds: float | None,
    record_every: int,
    groups: int | None = None,
    ranks: Ranks | None = None,
    recorded: Collection[str],
) -> Settings:
    """Return the arguments of `Network.train` as settings, with defaults filled in.

    Raises
    ------
    ArgumentError
        If one of them has a value that training cannot use.
    """
    optimizer = _checked_optimizer(optimizer, description.dtype)
    _check_stopping(early_stopping, restore_best, recorded)
    _check_schedule(schedule, recorded)
    if isinstance(optimizer, FullBatch):
        _check_full_batch(
            optimizer, description, mini_batch_size=mini_batch_size is not None, l1=l1 != 0,
            clip_norm=clip_norm is not None, dropout=bool(np.any(np.asarray(dropout) != 0)),
            schedule=schedule is not None, groups=groups is not None, comm=ranks is not None,
        )  # fmt: skip
        mini_batch_size, shuffle = n, False
    m = checked_mini_batch_size(mini_batch_size, n)
    return Settings(
        epochs=min(whole_number(epochs, "epochs", least=0), LARGEST_COUNT),
        mini_batch_size=m,
        recipe=Recipe(optimizer, *_regularization(l1, clip_norm, dropout, description)),
        weight_decay=_penalty(weight_decay, "weight_decay", description.dtype),
        shuffle=bool(shuffle),
        threads=choose_threads(n_threads, _work(optimizer, description), m),
        callbacks=() if ranks and ranks.rank else _callbacks(callbacks),
        restore_best=bool(restore_best or early_stopping),
        schedule=schedule,
        early_stopping=early_stopping,
        max_seconds=_limit(max_seconds),
        record_every=whole_number(record_every, "record_every", least=1),
        groups=checked_groups(GROUPS if groups is None and ranks else groups),
        ranks=ranks,
    )


def _checked_optimizer(optimizer: object, dtype: str) -> Optimizer:
    optimizer = DEFAULT_OPTIMIZER if optimizer is None else optimizer
    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(
            "optimizer is not a bpmatrix optimizer",
            got=repr(optimizer),
            expected=" or ".join(
                f"{name}()" if issubclass(kind, FullBatch) else f"{name}(learning_rate=...)"
                for name, kind in OPTIMIZERS.items()
            ),
            cure=f"Write {optimizer_line([], str(optimizer))}.",
        )
    optimizer.check_type(dtype)
    return optimizer


def _work(optimizer: Optimizer, description: Description) -> int:
    """Return a third of the multiplications of a step for one sample."""
    size = description.layout.size
    return size * size // 6 if isinstance(optimizer, LevenbergMarquardt) else size


def _check_full_batch(optimizer: FullBatch, description: Description, **given: bool) -> None:
    """Check that an optimizer whose steps take all samples can train the network.

    `given` says of arguments that only mini-batches have whether they were passed.
    """
    kind = type(optimizer).__name__
    for name, is_given in given.items():
        if is_given:
            raise ArgumentError(
                f"{kind} takes all samples in each step, so it has no {name}",
                cure=f"Leave out {name}, or train with mini-batches, such as optimizer=Adam().",
            )
    if not isinstance(optimizer, LevenbergMarquardt):
        return
    if description.cost != "quadratic":
        raise ArgumentError(
            f"{kind} needs the quadratic cost",
            got=f"cost={str(description.cost)!r}",
            cure='Pass cost="quadratic" to Network, or train with optimizer=LBFGS().',
        )
    if (size := description.layout.size) > MOST_WEIGHTS:
        raise ArgumentError(
            f"the network is too large for {kind}, whose matrices have the square of its size",
            got=f"{size:,} weights and biases",
            expected=f"at most {MOST_WEIGHTS:,}",
            cure="Train with optimizer=LBFGS(), or pass fewer units.",
        )


def _limit(seconds: float | None) -> float | None:
    return None if seconds is None else real_number(seconds, "max_seconds", *POSITIVE)


def checked_groups(groups: int | None) -> int | None:
    """Return the number of groups of columns.

    Raises
    ------
    ArgumentError
        If it is not a power of two.
    """
    if groups is None:
        return None
    groups = whole_number(groups, "groups", least=1)
    if groups & (groups - 1) or groups > MOST_GROUPS:
        raise ArgumentError(
            "groups must be a power of two",
            got=f"groups={groups}",
            expected=f"1, 2, 4, ... or {MOST_GROUPS}",
            cure="Pass groups=16, which up to 16 threads share.",
        )
    return groups


def checked_mini_batch_size(size: int | None, n: int) -> int:
    """Return the number of samples per step; the default is min(10, n).

    Raises
    ------
    ArgumentError
        If it is not a whole number from 1 to n.
    """
    if size is None:
        return min(DEFAULT_MINI_BATCH_SIZE, n)
    size = whole_number(size, "mini_batch_size", least=1)
    if size > n:
        raise ArgumentError(
            "the mini-batch is larger than the data",
            got=f"mini_batch_size={size} for {n} samples",
            cure=f"Pass mini_batch_size={n} or less.",
        )
    return size


def _regularization(
    l1: float,
    clip_norm: float | None,
    dropout: float | Sequence[float],
    description: Description,
) -> tuple[float, float, tuple[float, ...]]:
    """Return the fields of a `Recipe` other than the optimizer."""
    longest = math.inf
    if clip_norm is not None:
        longest = real_number(clip_norm, "clip_norm", *POSITIVE)
    penalty = _penalty(l1, "l1", description.dtype)
    layers = len(description.sizes) - 1
    # A single number is for the hidden layers only.
    if isinstance(dropout, Sequence | np.ndarray) and np.ndim(dropout):
        parts = list(dropout)
    else:
        parts = [0.0, *repeat(real_number(dropout, "dropout", *BELOW_ONE), layers - 1)]
    if len(parts) != layers:
        raise ArgumentError(
            "dropout has the wrong length",
            got=repr(dropout),
            expected=f"one number for all hidden layers, or {layers}: one for the inputs and one"
            " for each hidden layer",
        )
    checked = tuple(real_number(part, "dropout", *BELOW_ONE) for part in parts)
    return penalty, longest, checked if any(checked) else ()


def _penalty(value: float, name: str, dtype: str) -> float:
    """Check and return the factor of a penalty."""
    factor = real_number(value, name, *NOT_NEGATIVE)
    check_in_type(factor, name, dtype)
    return factor


def _check_stopping(stopping: object, restore_best: bool, recorded: Collection[str]) -> None:
    """Check that the run records the metric for early stopping or restore_best."""
    if not isinstance(stopping, EarlyStopping | None):
        raise ArgumentError(
            "early_stopping is not an EarlyStopping",
            got=repr(stopping),
            expected="EarlyStopping(patience=..., ...)",
            cure=f"Write early_stopping={'EarlyStopping()' if stopping else None}.",
        )
    if stopping and stopping.metric:
        _check_metric(stopping.metric, recorded)
    elif (stopping or restore_best) and "validation_cost" not in recorded:
        name = "early_stopping" if stopping else "restore_best"
        raise ArgumentError(
            f"{name} needs validation data",
            cure="Pass validation=(X, targets) or validation_split=0.1"
            + (", or name the metric: EarlyStopping(metric='cost')." if stopping else "."),
        )


def _check_schedule(schedule: object, recorded: Collection[str]) -> None:
    if isinstance(schedule, ReduceOnPlateau):
        if schedule.metric:
            _check_metric(schedule.metric, recorded)
    elif not (schedule is None or callable(schedule)) or isinstance(schedule, type):
        raise ArgumentError(
            "schedule must be a function of the epoch",
            got=repr(schedule),
            expected="one of bpmatrix.schedules, or a callable that returns a factor",
        )


def _check_metric(metric: str, recorded: Collection[str]) -> None:
    if metric not in recorded:
        raise ArgumentError(
            "this run does not record the metric",
            got=repr(metric),
            expected=" or ".join(recorded),
            cure="A validation metric needs validation=(X, targets) or validation_split=0.1;"
            " an accuracy needs targets that are classes.",
        )


def _callbacks(callbacks: object) -> tuple[Callable[[EpochInfo], object], ...]:
    if not isinstance(callbacks, Iterable):
        raise ArgumentError(
            "callbacks must be a sequence of functions",
            got=repr(callbacks),
            cure="Pass callbacks=[function], even for a single one.",
        )
    functions = tuple(callbacks)
    for function in functions:
        if not callable(function):
            raise ArgumentError(
                "a callback must be a function",
                got=repr(function),
                expected="a function that takes the EpochInfo of an epoch",
            )
    return functions
