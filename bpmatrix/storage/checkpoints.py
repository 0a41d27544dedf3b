"""Checkpoints: a folder of files from which a training run resumes bit for bit.

The folder keeps the newest two checkpoints and the best model. Each checkpoint gets a new name, so
a valid file is never overwritten. Nothing in a file is executed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save as as_safetensors

import bpmatrix
from bpmatrix.checks import NOT_NEGATIVE, real_number
from bpmatrix.errors import ArgumentError, BpmatrixError, DestinationError, ModelFileError
from bpmatrix.signals import termination_as_ctrl_c
from bpmatrix.storage.files import write_whole
from bpmatrix.storage.persistence import KEY, opened
from bpmatrix.training.checkpoint import Resumable, Snapshot

__all__ = ["Checkpoints", "identity_in", "read", "sigterm_handled", "write"]

Array = NDArray[Any]

VERSION = 1
BEST = "best.safetensors"
NAME = re.compile(r"checkpoint-(\d{1,18})\.safetensors")
LEFT_OVERS = ".*.part"  # of processes killed while writing
DIGEST = re.compile("[0-9a-f]{64}")
KEPT = 2
SECONDS = 60.0


class Checkpoints:
    """The checkpoints of a run in a folder.

    Parameters
    ----------
    folder : path
        The folder; created if it does not exist.
    seconds : float, default 60.0
        The minimum time between two checkpoints.

    Attributes
    ----------
    found : Snapshot or None
        The newest valid checkpoint in the folder, until `begin`.

    Raises
    ------
    ArgumentError
        If `folder` is not a folder, or `seconds` is not a finite number of 0 or more.
    ModelFileError
        If the folder contains checkpoints but none can be read.
    """

    found: Snapshot | None

    def __init__(self, folder: str | os.PathLike[str], seconds: float = SECONDS) -> None:
        self.seconds = real_number(seconds, "checkpoint_seconds", *NOT_NEGATIVE)
        try:
            self.folder = Path(folder)
        except TypeError:
            raise ArgumentError(
                "checkpoint must be the name of a folder",
                got=repr(folder),
                cure='Pass a folder: checkpoint="run-1".',
            ) from None
        if self.folder.exists() and not self.folder.is_dir():
            raise ArgumentError(
                f"checkpoint: {self.folder} is not a folder", cure="Pass a folder, or a new name."
            )
        self.found, self._damaged = _newest(self.folder)
        self._run: Resumable | None = None
        self._identity: dict[str, Any] = {}
        self._due, self._has_failed = 0.0, False
        self._best: int | None = None

    def begin(self, run: Resumable) -> None:
        """Resume the run from the newest checkpoint, or write its first one.

        Raises
        ------
        ArgumentError
            If the checkpoint belongs to a different run. Nothing has changed then.
        DestinationError
            If the folder is not writable.
        ModelFileError
            If the contents of the checkpoint are invalid. Nothing has changed then.
        """
        self._run, self._identity = run, run.identity()
        if self.found is not None:
            try:
                self._check(run, self.found)
                run.restore(self.found)
            except ArgumentError:
                raise
            except (KeyError, TypeError, ValueError, BpmatrixError) as error:
                raise ModelFileError(
                    f"the newest checkpoint in {self.folder} is not valid",
                    got=f"{type(error).__name__}: {error}",
                    cure="Pass another folder.",
                ) from None
            self._best = run.best_epoch() if (self.folder / BEST).exists() else None
        run.watch = self
        run.hint = f"; the same call resumes from the checkpoint in {self.folder}"
        run.runner.after_slice = self.look
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
            if self.found is None:
                self._write()
        except OSError as error:
            raise DestinationError(
                f"cannot write a checkpoint to {self.folder}",
                got=error.strerror or str(error),
                cure="Pass a writable folder on a disk with free space.",
            ) from None
        self.found = None  # it may take as much memory as the network
        self._due = time.perf_counter() + self.seconds

    def look(self) -> None:
        """Write a checkpoint if one is due."""
        if time.perf_counter() >= self._due:
            self._try_to_write()
            self._due = time.perf_counter() + self.seconds

    def end(self) -> None:
        """Write the last checkpoint."""
        self._try_to_write()

    def _check(self, run: Resumable, found: Snapshot) -> None:
        """Raise an error that names the differences if the checkpoint is of a different run."""
        before = found.values.get("identity")
        before = before if isinstance(before, dict) else {}
        now = json.loads(json.dumps(self._identity))
        names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
        if not names and not run.is_beginning_of(found):
            raise ArgumentError(
                f"the checkpoint in {self.folder} belongs to a network with different weights:"
                " this network has neither the initial nor the current weights of its run",
                cure="Start from the same network, or pass another folder.",
            )
        data = [name for name in names if _is_digest(now.get(name) or before.get(name))]
        settings = [name for name in names if name not in data]
        if names:
            raise ArgumentError(
                f"the checkpoint in {self.folder} belongs to a run with different {_listed(names)}",
                got=", ".join(f"{name} {now.get(name)}" for name in settings) or None,
                expected=", ".join(f"{name} {before.get(name)}" for name in settings) or None,
                cure="Pass the same values as that run, or another folder.",
            )

    def _try_to_write(self) -> None:
        """Write a checkpoint, or warn: a full disk must not end the training."""
        try:
            self._write()
        except OSError as error:
            if not self._has_failed:
                warnings.warn(
                    f"could not write a checkpoint to {self.folder}:"
                    f" {error.strerror or error}; the training continues and will try again",
                    RuntimeWarning,
                    stacklevel=2,
                )
            self._has_failed = True
        else:
            self._has_failed = False

    def _write(self) -> None:
        """Write a new file, then delete all older ones but the newest valid one."""
        run = self._run
        snapshot = None if run is None else run.snapshot()
        if run is None or snapshot is None:
            return
        numbers = _numbers(self.folder)
        path = self.folder / _name(max(numbers, default=0) + 1)
        write(path, Snapshot(snapshot.values | {"identity": self._identity}, snapshot.arrays))
        # A damaged file is useless as a fallback.
        whole = [number for number in numbers if _name(number) not in self._damaged]
        for number in set(numbers) - {*whole[-(KEPT - 1) :]}:
            _delete(self.folder / _name(number))
        best = run.best_epoch()
        if best is not None and best != self._best:
            run.save_best(self.folder / BEST)
            self._best = best

    def _sweep(self) -> None:
        """Delete the temporary files of processes that were killed."""
        for path in self.folder.glob(LEFT_OVERS):
            _delete(path)


def sigterm_handled(checkpoints: Checkpoints | None) -> AbstractContextManager[None]:
    """Handle SIGTERM if a checkpoint has to be written before the process ends."""
    return nullcontext() if checkpoints is None else termination_as_ctrl_c()


def identity_in(folder: Path) -> dict[str, Any]:
    """Return the identity of the run in the newest readable checkpoint; {} if there is none."""
    numbers = _numbers(folder)
    for number in reversed(numbers):
        try:
            identity = read(folder / _name(number)).values.get("identity")
        except ModelFileError:  # reported when the run resumes
            continue
        return identity if isinstance(identity, dict) else {}
    return {}


def write(path: Path, snapshot: Snapshot) -> None:
    """Write a snapshot to a file, with a digest of its contents."""
    values = {"version": 1, "checkpoint": {"version": VERSION, **snapshot.values}}
    text = json.dumps(values | {"written_by": bpmatrix.__version__}, allow_nan=False)
    arrays = {name: np.ascontiguousarray(array) for name, array in snapshot.arrays.items()}
    digest = _digest(text, arrays)
    write_whole(path, as_safetensors(arrays, {KEY: text, "digest": digest}))


def read(path: Path) -> Snapshot:
    """Return the snapshot in a file.

    Raises
    ------
    ModelFileError
        If the file is damaged or is not a checkpoint.
    """
    with opened(path) as (file, metadata):
        values = metadata.get("checkpoint")
        if not isinstance(values, dict):
            raise ModelFileError(f"{path} is not a checkpoint")
        stored = file.metadata()
        arrays = {name: file.get_tensor(name) for name in sorted(file.keys())}
    if stored.get("digest") != _digest(stored[KEY], arrays):
        raise ModelFileError(f"{path} is damaged: its digest does not match")
    return Snapshot(values, arrays)


def _check_version(path: Path, version: object) -> None:
    if version != VERSION:
        raise ModelFileError(
            f"{path} has another format version",
            got=version,
            expected=VERSION,
            cure="Resume with the version of bpmatrix that wrote it, or pass another folder.",
        )


def _newest(folder: Path) -> tuple[Snapshot | None, set[str]]:
    """Return the newest readable snapshot, and the names of the damaged files."""
    damaged: set[str] = set()
    why: ModelFileError | None = None
    for number in sorted(_numbers(folder), reverse=True):
        try:
            found = read(folder / _name(number))
        except ModelFileError as error:
            why = error
            damaged.add(_name(number))
            continue
        _check_version(folder / _name(number), found.values.get("version"))
        if why is not None:
            warnings.warn(
                f"the newest checkpoint cannot be read ({why}); the training resumes from the one"
                f" before, {_name(number)}",
                RuntimeWarning,
                stacklevel=6,
            )
        return found, damaged
    if why is not None:
        raise ModelFileError(
            f"no checkpoint in {folder} can be read",
            got=str(why),
            cure="Pass another folder to start a new run.",
        ) from None
    return None, damaged


def _numbers(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    matches = map(NAME.fullmatch, (path.name for path in folder.iterdir()))
    numbers = (int(match[1]) for match in matches if match)
    return sorted(number for number in numbers if (folder / _name(number)).is_file())


def _name(number: int) -> str:
    return f"checkpoint-{number:06d}.safetensors"


def _digest(text: str, arrays: Mapping[str, Array]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    return digest.hexdigest()


def _delete(path: Path) -> None:
    try:
        path.unlink()
    except OSError:  # on Windows, while another process reads it; the next write tries again
        return


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None
