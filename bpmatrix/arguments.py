"""The arguments of `Network.train`, checked and completed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bpmatrix.checks import real_number, whole_number
from bpmatrix.description import Description
from bpmatrix.errors import ArgumentError
from bpmatrix.history import EpochInfo
from bpmatrix.optimizers import SGD
from bpmatrix.processors import choose_threads
from bpmatrix.training import Settings

__all__ = ["checked_training_arguments"]

DEFAULT_MINI_BATCH_SIZE = 10
DEFAULT_OPTIMIZER = SGD(learning_rate=0.5)


def checked_training_arguments(
    description: Description,
    *,
    n: int,
    epochs: int,
    mini_batch_size: int | None,
    optimizer: SGD | None,
    weight_decay: float,
    shuffle: bool,
    n_threads: int | str,
    callbacks: Iterable[Callable[[EpochInfo], object]],
    restore_best: bool,
    has_validation: bool,
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
    if restore_best and not has_validation:
        raise ArgumentError(
            "restore_best has nothing to judge the epochs by",
            cure="Pass validation=(X, targets).",
        )
    m = _mini_batch_size(mini_batch_size, n)
    return Settings(
        epochs=whole_number(epochs, "epochs", least=0),
        mini_batch_size=m,
        optimizer=optimizer,
        weight_decay=real_number(
            weight_decay, "weight_decay", "a finite number, 0 or more", lambda decay: decay >= 0
        ),
        shuffle=bool(shuffle),
        threads=choose_threads(n_threads, description.layout.size, m),
        callbacks=_callbacks(callbacks),
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


def _callbacks(callbacks: object) -> tuple[Callable[[EpochInfo], object], ...]:
    if not isinstance(callbacks, Iterable):
        raise ArgumentError(
            "callbacks is no sequence of functions",
            got=repr(callbacks),
            cure="Pass callbacks=[function], also for a single one.",
        )
    functions = tuple(callbacks)
    for function in functions:
        if not callable(function):
            raise ArgumentError("a callback is no function", got=repr(function))
    return functions
