"""What runs that resume from checkpoints share, and the contents of a checkpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bpmatrix.architecture.description import Description
from bpmatrix.array_types import Array
from bpmatrix.history import TABLE, Epochs
from bpmatrix.samples.sparse import SparseColumns
from bpmatrix.samples.windows import BlockSamples
from bpmatrix.training.record import Settings, stable_repr
from bpmatrix.training.rules import Rules, Watch
from bpmatrix.training.slices import Progress
from bpmatrix.training.state import LARGEST_COUNT, checked_damping

# Settings that do not affect the weights.
NO_DIFFERENCE = {"epochs", "threads", "callbacks", "max_seconds", "ranks"}

BLOCK = 1 << 24  # bytes copied at a time if an array is not contiguous


class Snapshot(NamedTuple):
    """The complete state of a run: values for JSON, and arrays by name."""

    values: dict[str, Any]
    arrays: dict[str, Array]


class Resumable(Rules):
    """What runs of `Network.train` and fits of estimators share to resume from checkpoints.

    Attributes
    ----------
    runner : SliceRunner, DampedSteps or QuasiNewtonSteps
        What takes the steps of the run.
    watch : Watch or None
        The `Checkpoints`, once they have begun.
    hint : str
        How to resume after Ctrl-C.
    """

    runner: Any
    watch: Watch | None
    hint: str
    _n: int  # samples
    _noted: tuple[int, Any]

    def identity(self) -> dict[str, Any]:
        """Return everything that must be unchanged for the run to resume, by names users know."""
        raise NotImplementedError

    def best_epoch(self) -> int | None:
        """Return the best epoch so far, or None if its weights are not kept."""
        raise NotImplementedError

    def save_best(self, path: Path) -> None:
        """Save the network or estimator of the best epoch to a model file.

        Raises an ArgumentError if no file can hold it.
        """
        raise NotImplementedError

    def snapshot(self) -> Snapshot | None:
        """Return the state of the run between two slices; None if it is not consistent now."""
        raise NotImplementedError

    def restore(self, snapshot: Snapshot) -> None:
        """Resume from a snapshot. Raises any error if it is invalid, before any change."""
        raise NotImplementedError

    def is_beginning_of(self, snapshot: Snapshot) -> bool:
        """Whether the weights are the initial or the current ones of the snapshot's run."""
        known = (snapshot.arrays["theta"], snapshot.arrays["best.theta"])
        ours = self._began_with
        return ours == snapshot.values["began_with"] or ours in map(digest_of, known)

    def _begin(self) -> None:
        """Note the weights and the state of the generator before the run."""
        self._began_with = digest_of(self.runner.theta)
        self.note()

    def note(self) -> None:
        """Note the state of the generator between two epochs.

        A snapshot contains the state from before the current epoch's order was drawn. It repeats
        the draws since the last note, so a note is not needed before each epoch.
        """
        self._noted = self.done, self._generator_state()

    def _generator_state(self) -> Any:
        """Return the state that determines the orders of the epochs to come."""
        raise NotImplementedError

    def _common_snapshot(self, best_theta: Array) -> Snapshot:
        """Return the part of a snapshot that all runs have."""
        runner, progress = self.runner, self.runner.resume_from or self.runner.progress
        values = {
            "began_with": self._began_with,
            "stopped_by": self.history.stopped_by,
            "steps": runner.state.steps,
            "mini_batches_done": progress.done if progress else 0,
        }
        if runner.state.damping is not None:
            values["damping"] = runner.state.damping
        arrays = {"theta": runner.theta, "best.theta": best_theta, "moments": runner.state.moments}
        if progress and progress.done:
            arrays |= {"progress.totals": progress.totals, "progress.parts": progress.parts}
        return Snapshot(values, arrays | columns_of(self.history.epochs))

    def _check_common(self, snapshot: Snapshot) -> Progress | None:
        """Check what `_common_snapshot` returned; return the progress within the epochs."""
        values, arrays = snapshot
        for name in ("began_with", "stopped_by"):
            if not isinstance(values[name], str):
                raise TypeError(f"{name} is not a text")
        theta, moments = self.runner.theta, self.runner.state.moments
        for name, ours in (("theta", theta), ("best.theta", theta), ("moments", moments)):
            array = arrays[name]
            if array.shape != ours.shape or array.dtype != ours.dtype:
                raise ValueError(f"{name} has the wrong shape or type")
            if not np.isfinite(array).all():
                raise ValueError(f"{name} is not finite")
        if (arrays["moments"][1:] < 0).any():  # means of squares
            raise ValueError("moments: a mean of squares is negative")
        checked_damping(values.get("damping"))
        steps, done = values["steps"], values["mini_batches_done"]
        if not (type(steps) is type(done) is int and 0 <= steps <= LARGEST_COUNT):
            raise ValueError("the number of steps is not valid")
        if done == 0:
            return None
        totals, parts = (
            np.array(arrays[f"progress.{name}"], np.float64) for name in ("totals", "parts")
        )
        last = self.runner.steps_of(len(totals), self._n)
        fits = totals.shape == (len(totals), 3)
        if not (fits and parts.shape == (last * self.runner.with_parts, 2) and 0 < done <= last):
            raise ValueError("the progress within the epochs is not valid")
        return Progress(done, totals, parts)

    def _resume(self, snapshot: Snapshot, progress: Progress | None) -> None:
        """Resume from a snapshot that was checked; this cannot fail."""
        values, arrays = snapshot
        runner = self.runner
        runner.theta[:], runner.state.moments[:] = arrays["theta"], arrays["moments"]
        runner.state.steps, runner.resume_from = values["steps"], progress
        runner.state.damping = checked_damping(values.get("damping"))
        self._began_with = values["began_with"]
        self.note()
        if values["stopped_by"] in {"early_stopping", "callback", "converged"}:
            self.history.stopped_by = values["stopped_by"]


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
    """Return digests of the inputs, targets and weights by name, or of the blocks in one."""
    if isinstance(samples, BlockSamples):
        return {f"{prefix}samples": samples.digest}
    return {
        f"{prefix}inputs": digest_of(samples.X),
        f"{prefix}targets": digest_of(samples.targets.array),
        f"{prefix}samples shown": digest_of(samples.shown),
        f"{prefix}sample weights": digest_of(samples.weights),
    }


def description_as_text(description: Description) -> dict[str, str | None]:
    """Return the fields of a network's description as text."""
    return {f.name: stable_repr(getattr(description, f.name)) for f in fields(description)}


def settings_as_text(settings: Settings) -> dict[str, str | None]:
    """Return the settings that must be unchanged when a run resumes, as text."""
    found = {f.name: getattr(settings, f.name) for f in fields(settings)}
    recipe = found.pop("recipe")
    found |= {f.name: getattr(recipe, f.name) for f in fields(recipe)}
    return {name: stable_repr(found[name]) for name in found if name not in NO_DIFFERENCE}


def columns_of(epochs: Epochs) -> dict[str, Array]:
    """Return the columns of a History, in the types of model files."""
    table = epochs.table()
    columns = {f"history.{name}": table[name] for name in TABLE.names or ()}
    return columns | {"history.flags": table["flags"].astype(np.int64)}


def epochs_of(arrays: Mapping[str, Array], first: int, last: int) -> Epochs:
    """Return the epochs of the columns from `columns_of`, for a run that ends after `last`.

    Raises ValueError unless they begin with `first` or later, and are in order.
    """
    table = np.empty(len(arrays["history.epoch"]), TABLE)
    for name in TABLE.names or ():
        column = arrays[f"history.{name}"]
        if column.shape != table.shape:
            raise ValueError(f"history.{name} has the wrong shape")
        table[name] = column
    table["last_epoch"] = last
    if (np.diff(table["epoch"], prepend=first - 1) < 1).any():
        raise ValueError("the epochs are not in order")
    return Epochs.of_table(table)
