"""The settings of a training run, and its record in `Network.trained` and model files."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from bpmatrix.engine.ranks import Ranks
from bpmatrix.history import EpochInfo, History
from bpmatrix.samples.windows import AnySamples
from bpmatrix.training.recipe import Recipe
from bpmatrix.training.schedules import Schedule
from bpmatrix.training.stopping import EarlyStopping

Callback = Callable[[EpochInfo], object]

RECORDS = 100  # of single runs; half a kilobyte each


@dataclass(frozen=True, slots=True)
class Settings:
    """The arguments of `Network.train`, checked."""

    epochs: int
    mini_batch_size: int
    recipe: Recipe
    weight_decay: float
    shuffle: bool
    threads: int
    callbacks: Sequence[Callback]
    restore_best: bool
    schedule: Schedule | None = None
    early_stopping: EarlyStopping | None = None
    max_seconds: float | None = None
    record_every: int = 1
    groups: int | None = None
    ranks: Ranks | None = None


def recorded(samples: AnySamples, validation: AnySamples | None) -> list[str]:
    """Return the metrics that a run on these data records."""
    names = ["cost", "accuracy"] if samples.targets.are_classes else ["cost"]
    if validation is not None:
        names += [f"validation_{name}" for name in recorded(validation, None)]
    return names


def agreed_callbacks(settings: Settings) -> Sequence[Callback]:
    """Return the callbacks; with ranks, one that calls those of rank 0, whose answer all follow."""
    callbacks, ranks = settings.callbacks, settings.ranks
    if ranks is None:
        return callbacks

    def of_all(entry: EpochInfo) -> bool:
        said = [callback(entry) for callback in callbacks]
        return bool(ranks.agree(any(isinstance(s, bool | np.bool_) and s for s in said)))

    return [of_all]


def summarize(
    settings: Settings, samples: AnySamples, history: History, best: EpochInfo | None, epochs: int
) -> dict[str, Any]:
    """Return the record of a run, as JSON.

    The figures are those of the epoch whose weights the network has. `best` is the best epoch:
    searching for it here, after each epoch, would take quadratic time. `epochs` is the number of
    epochs, of which the History may hold only some.
    """
    clip_norm = settings.recipe.clip_norm
    figures = ("cost", "accuracy", "validation_cost", "validation_accuracy")
    shown = best if settings.restore_best or not history.epochs else history.epochs[-1]
    found = {name: getattr(shown, name) for name in figures} if shown else {}
    return {
        "epochs": epochs,
        "samples": samples.n,
        **samples.record,
        "mini_batch_size": settings.mini_batch_size,
        **({} if settings.groups is None else {"groups": settings.groups}),
        "optimizer": repr(settings.recipe.optimizer),
        "weight_decay": settings.weight_decay,
        "l1": settings.recipe.l1,
        "clip_norm": clip_norm if math.isfinite(clip_norm) else None,
        "dropout": list(settings.recipe.dropout),
        "weighted": samples.weights is not None,
        "shuffle": settings.shuffle,
        "restore_best": settings.restore_best,
        "schedule": stable_repr(settings.schedule),
        "early_stopping": stable_repr(settings.early_stopping),
        "max_seconds": settings.max_seconds,
        "stopped_by": history.stopped_by,
        "best_epoch": best.epoch if best else None,
        **{name: value for name, value in found.items() if _is_finite(value)},
    }


def bounded(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the records of the newest runs, after one that sums up all earlier ones.

    In that one, `runs` and `epochs` are totals, and the rest is from the newest run it sums up;
    only the names of columns, which `bpmatrix predict` needs, are from the newest that has any.
    Without it, a model file would grow with each call of `train` until it could not be saved.
    """
    old, new = runs[:-RECORDS], runs[-RECORDS:]
    if not old:
        return list(new)
    named: dict[str, Any] = next((run for run in reversed(old) if "columns" in run), {})
    names = {name: named[name] for name in ("columns", "label_column") if name in named}
    totals = {
        "runs": sum(count_of(run, "runs", 1) for run in old),
        "epochs": sum(count_of(run, "epochs", 0) for run in old),
    }
    return [names | old[-1] | totals, *new]


def count_of(run: Mapping[str, Any], name: str, default: int) -> int:
    """Return a count in a record, or the default: records from a file may contain anything."""
    value = run.get(name)
    return value if isinstance(value, int) and value >= default else default


def stable_repr(value: object) -> str | None:
    """Return a description that is the same in every process: without memory addresses."""
    if value is None:
        return None
    if is_dataclass(value) and not isinstance(value, type):
        said = (f"{f.name}={stable_repr(getattr(value, f.name))}" for f in fields(value))
        return f"{type(value).__name__}({', '.join(said)})"
    if isinstance(value, bool | int | float | str):
        return repr(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(str, map(stable_repr, value)))})"
    return str(getattr(value, "__qualname__", type(value).__qualname__))


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


@contextmanager
def opened(callbacks: Sequence[object]) -> Iterator[None]:
    """Enter the callbacks that are context managers, and exit them with the run.

    An error is raised even if a callback's __exit__ returns True.
    """
    error = None
    with ExitStack() as stack:
        try:
            for callback in callbacks:
                if isinstance(callback, AbstractContextManager):
                    stack.enter_context(callback)
            yield
        except BaseException as raised:
            error = raised
            raise
    if error is not None:
        raise error
