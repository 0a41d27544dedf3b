"""Conversion of the parts of a run to the contents of a checkpoint: JSON values and arrays."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bpmatrix.architecture.description import Description
from bpmatrix.history import EpochInfo
from bpmatrix.samples.sparse import SparseColumns
from bpmatrix.training.record import Settings, words_of_object
from bpmatrix.training.slices import Place, SliceRunner

__all__ = [
    "EPOCHS_BETWEEN_NOTES",
    "Snapshot",
    "check_arrays",
    "columns_of",
    "digest_of",
    "digests_of_samples",
    "entries_of",
    "place_of",
    "put_place",
    "words_of_description",
    "words_of_settings",
]

Array = NDArray[Any]

# How many epochs pass until the state of the generator is noted again: noting it takes as long as a
# twentieth of a small epoch, and the draws since then can be repeated.
EPOCHS_BETWEEN_NOTES = 64

BLOCK = 1 << 24  # bytes copied at a time if an array is not contiguous


class Snapshot(NamedTuple):
    """The complete state of a run: values for JSON, and arrays by name."""

    words: dict[str, Any]
    arrays: dict[str, Array]


def place_of(place: Place | None) -> Snapshot:
    """Convert a place within the epochs of a call, unless it is at their beginning."""
    if place is None or not place.done:
        return Snapshot({"place": None}, {})
    arrays = {"place.totals": place.totals, "place.parts": place.parts}
    return Snapshot({"place": place.done}, arrays)


def put_place(
    words: Mapping[str, Any], arrays: Mapping[str, Array], runner: SliceRunner, n: int
) -> Place | None:
    """Convert back what `place_of` converted, for epochs of n samples."""
    done = words["place"]
    if done is None:
        return None
    totals, parts = (np.array(arrays[f"place.{name}"], np.float64) for name in ("totals", "parts"))
    steps = runner.steps_of(len(totals), n)
    fits = totals.shape == (len(totals), 3) and parts.shape == (steps * runner.is_with_parts, 2)
    if not isinstance(done, int) or not 0 < done <= steps or not fits:
        raise ValueError("the place within the epochs is not valid")
    return Place(done, totals, parts)


def digest_of(data: Array | SparseColumns | None) -> str:
    """Return a digest of a vector or matrix, its type and shape; None is allowed."""
    digest = hashlib.sha256()
    arrays: tuple[Array | None, ...]
    arrays = (data.starts, data.rows, data.values) if isinstance(data, SparseColumns) else (data,)
    for array in arrays:
        if array is None:
            digest.update(b"None")
            continue
        # Rows of the transpose are samples, which are usually contiguous in memory.
        table = array.T
        digest.update(f"{table.dtype.str}{table.shape}".encode())
        rows = max(1, BLOCK * len(table) // max(table.nbytes, 1))
        for first in range(0, len(table) if table.size else 0, rows):
            digest.update(np.ascontiguousarray(table[first : first + rows]).data.cast("B"))
    return digest.hexdigest()


def digests_of_samples(samples: Any, prefix: str) -> dict[str, str]:
    """Return digests of the inputs, targets and weights by name."""
    return {
        f"{prefix}inputs": digest_of(samples.X),
        f"{prefix}targets": digest_of(samples.targets.array),
        f"{prefix}samples shown": digest_of(samples.shown),
        f"{prefix}sample weights": digest_of(samples.weights),
    }


def check_arrays(arrays: Mapping[str, Array], theta: Array, moments: Array) -> None:
    """Raise an error unless the weights and the optimizer's state can replace these."""
    for name, ours in (("theta", theta), ("best.theta", theta), ("moments", moments)):
        array = arrays[name]
        if array.shape != ours.shape or array.dtype != ours.dtype:
            raise ValueError(f"{name} has the wrong shape or type")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} is not finite")
    if (arrays["moments"][1:] < 0).any():  # means of squares
        raise ValueError("moments: a mean of squares is negative")


def words_of_description(description: Description) -> dict[str, Any]:
    """Return the network's description for JSON; custom functions appear by name."""
    return {
        "sizes": list(description.sizes),
        "activations": list(map(str, description.activations)),
        "cost": repr(description.cost),
        "input_scale": description.input_scale,
        "bias": description.bias,
        "dtype": description.dtype,
    }


def words_of_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings that must be unchanged when a run resumes."""
    clip_norm = settings.recipe.clip_norm
    return {
        "mini_batch_size": settings.mini_batch_size,
        "optimizer": words_of_object(settings.recipe.optimizer),
        "weight_decay": settings.weight_decay,
        "l1": settings.recipe.l1,
        "clip_norm": clip_norm if math.isfinite(clip_norm) else None,
        "dropout": list(settings.recipe.dropout),
        "shuffle": settings.shuffle,
        "restore_best": settings.restore_best,
        "schedule": words_of_object(settings.schedule),
        "early_stopping": words_of_object(settings.early_stopping),
    }


# `last_epoch` is that of the resumed run.
NAMES = tuple(f.name for f in fields(EpochInfo) if f.name not in {"network", "last_epoch"})
WHOLE_NUMBERS = ("epoch", "is_best")


def columns_of(entries: list[EpochInfo]) -> dict[str, Array]:
    """Convert the entries to columns, without those that were not recorded."""
    columns: dict[str, Array] = {}
    for name in NAMES:
        values = [getattr(entry, name) for entry in entries]
        if values and values[0] is not None:
            columns[name] = np.array(values, np.int64 if name in WHOLE_NUMBERS else np.float64)
    return columns


def entries_of(arrays: Mapping[str, Array], last_epoch: int) -> list[EpochInfo]:
    """Convert back what `columns_of` converted, for a run that ends after `last_epoch`."""
    found = {name: arrays[f"history.{name}"] for name in NAMES if f"history.{name}" in arrays}
    columns = {name: column.tolist() for name, column in found.items()}
    count = len(columns.get("epoch", []))
    if "is_best" in columns:
        columns["is_best"] = list(map(bool, columns["is_best"]))
    rows = zip(*(columns.get(name, [None] * count) for name in NAMES), strict=True)
    return [EpochInfo(last_epoch=last_epoch, **dict(zip(NAMES, row, strict=True))) for row in rows]
