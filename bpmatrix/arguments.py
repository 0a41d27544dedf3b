"""The gate for arguments that are no arrays: numbers, choices, the settings of a training run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import index

from bpmatrix.description import Description
from bpmatrix.errors import ArgumentError
from bpmatrix.history import EpochInfo
from bpmatrix.optimizers import SGD
from bpmatrix.processors import choose_threads
from bpmatrix.training import Settings

__all__ = ["checked_training_arguments", "whole_number"]

DEFAULT_MINI_BATCH_SIZE = 10
DEFAULT_OPTIMIZER = SGD(learning_rate=0.5)


def whole_number(value: object, name: str, *, least: int) -> int:
    """Return the value as an int.

    Raises
    ------
    ArgumentError
        If it is no whole number, or smaller than `least`.

    Examples
    --------
    >>> whole_number(3, "epochs", least=0)
    3
    """
    try:
        number = index(value)  # type: ignore[arg-type]
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, bool):
        raise ArgumentError(
            f"{name} is no such number",
            got=repr(value),
            expected=f"a whole number, {least} or more",
        )
    return number


def checked_training_arguments(
    n: int,
    epochs: int,
    mini_batch_size: int | None,
    optimizer: SGD | None,
    weight_decay: float,
    shuffle: bool,
    n_threads: int | str,
    callbacks: Sequence[Callable[[EpochInfo], object]],
    restore_best: bool,
    has_validation: bool,
    description: Description,
) -> Settings:
    """Return the arguments of `Network.train` as settings, with defaults filled in.

    Raises
    ------
    ArgumentError
        If one of them has a value that training cannot use.
    """
    optimizer = DEFAULT_OPTIMIZER if optimizer is None else optimizer
    if not isinstance(optimizer, SGD):
        raise ArgumentError(
            "optimizer is none of ours", got=repr(optimizer), expected="SGD(learning_rate=...)"
        )
    if not (math.isfinite(weight_decay) and weight_decay >= 0):
        raise ArgumentError(
            "weight_decay is no penalty", got=weight_decay, expected="a finite number, 0 or more"
        )
    if restore_best and not has_validation:
        raise ArgumentError(
            "restore_best has nothing to judge the epochs by",
            cure="Pass validation=(X, targets).",
        )
    for callback in callbacks:
        if not callable(callback):
            raise ArgumentError("a callback is no function", got=repr(callback))
    m = _mini_batch_size(mini_batch_size, n)
    return Settings(
        epochs=whole_number(epochs, "epochs", least=0),
        mini_batch_size=m,
        optimizer=optimizer,
        weight_decay=float(weight_decay),
        shuffle=bool(shuffle),
        threads=choose_threads(n_threads, description.layout.size, m),
        callbacks=tuple(callbacks),
        restore_best=restore_best,
    )


def _mini_batch_size(size: int | None, n: int) -> int:
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
