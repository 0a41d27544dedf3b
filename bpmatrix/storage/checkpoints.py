"""Checkpoints: a folder of files from which a training run resumes bit for bit.

The folder keeps the newest two checkpoints and the best model. Each checkpoint gets a new name, so
a valid file is never overwritten. Nothing in a file is executed.
"""

from __future__ import annotations

import json
import os
import re
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from bpmatrix.checks import NOT_NEGATIVE, real_number
from bpmatrix.errors import ArgumentError, DataError, DestinationError, ModelFileError
from bpmatrix.signals import signals_held, termination_as_ctrl_c
from bpmatrix.storage import tensor_files
from bpmatrix.storage.locks import FolderLock
from bpmatrix.training.checkpoint import Resumable, Snapshot

VERSION = 1
BEST = "best.safetensors"
NAME = re.compile(r"checkpoint-(\d{1,18})\.safetensors")
DIGEST = re.compile("[0-9a-f]{64}")
KEPT = 2
SECONDS = 60.0
SECONDS_BETWEEN_LOOKS = 0.02  # each takes as long as a tenth of a small epoch


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
    next_look : float
        When `look` is next to be called.

    Raises
    ------
    ArgumentError
        If `folder` is not a folder, or `seconds` is not a finite number of 0 or more.
    ModelFileError
        If the folder contains checkpoints but none can be read.
    """

    found: Snapshot | None
    next_look = 0.0

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
        self._present = _numbers(self.folder)
        self.found, self._damaged = _newest(self.folder)
        self._lock: FolderLock | None = None
        self._run: Resumable | None = None
        self._identity: dict[str, Any] = {}
        self._due, self._has_failed = 0.0, False
        self._best: int | None = None  # the epoch that this process has saved

    def begin(self, run: Resumable) -> None:
        """Resume the run from the newest checkpoint, or write its first one.

        Raises
        ------
        ArgumentError
            If the checkpoint belongs to a different run, or another run is using the folder.
            Nothing has changed then.
        DestinationError
            If the folder is not writable.
        ModelFileError
            If the contents of the checkpoint are invalid. Nothing has changed then.
        """
        self._run, self._identity = run, run.identity()
        try:
            self._take_folder()
            if self.found is not None:
                self._resume(run, self.found)
            run.watch = self
            run.hint = f"; the same call resumes from the checkpoint in {self.folder}"
            run.runner.after_slice = self._write_if_due
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
        if self._run is not None:
            self._run.note()
        self._write_if_due()
        self.next_look = min(self._due, time.perf_counter() + SECONDS_BETWEEN_LOOKS)

    def end(self) -> None:
        """Write the last checkpoint."""
        self._try_to_write()

    def _write_if_due(self) -> None:
        if time.perf_counter() >= self._due:
            self._try_to_write()
            self._due = time.perf_counter() + self.seconds

    def release(self) -> None:
        """Let other runs use the folder."""
        with signals_held():
            if self._lock is not None:
                self._lock.release()

    def _take_folder(self) -> None:
        """Create the folder if it does not exist, and lock it against other runs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with signals_held():
                self._lock = FolderLock(self.folder)
        except BlockingIOError:
            raise ArgumentError(
                f"another run is using the checkpoints in {self.folder}",
                cure="Wait until it has ended, or pass another folder.",
            ) from None
        if _numbers(self.folder) != self._present:
            raise ArgumentError(
                f"another run wrote a checkpoint to {self.folder} while this one was starting",
                cure="Repeat the call to resume that run, or pass another folder.",
            )

    def _resume(self, run: Resumable, found: Snapshot) -> None:
        try:
            self._check(run, found)
            with signals_held():
                run.restore(found)
        except ArgumentError:
            raise
        except tensor_files.DAMAGES as error:
            raise ModelFileError(
                f"the newest checkpoint in {self.folder} is not valid",
                got=f"{type(error).__name__}: {error}",
                cure="Pass another folder.",
            ) from None

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
        """Write a checkpoint and the best model, or warn: a full disk must not end the training."""
        what = "a checkpoint"
        try:
            if self._write():
                what = BEST
                self._write_best()
        except (OSError, DataError) as error:
            why = getattr(error, "strerror", None) or error
            if not self._has_failed:
                warnings.warn(
                    f"could not write {what} to {self.folder}: {why}; the training continues and"
                    " will try again",
                    RuntimeWarning,
                    stacklevel=2,
                )
            self._has_failed = True
        else:
            self._has_failed = False

    def _write(self) -> bool:
        """Write a new file, then delete all older ones but the newest valid one.

        Return False if the run has no consistent state now.
        """
        snapshot = None if self._run is None else self._run.snapshot()
        if snapshot is None:
            return False
        numbers = _numbers(self.folder)
        path = self.folder / _name(max(numbers, default=0) + 1)
        write(path, Snapshot(snapshot.values | {"identity": self._identity}, snapshot.arrays))
        # A damaged file is useless as a fallback.
        whole = [number for number in numbers if _name(number) not in self._damaged]
        for number in set(numbers) - {*whole[-(KEPT - 1) :]}:
            _delete(self.folder / _name(number))
        return True

    def _write_best(self) -> None:
        """Write the best model if there is a new one."""
        run = self._run
        best = None if run is None else run.best_epoch()
        if run is not None and best is not None and best != self._best:
            with suppress(ArgumentError):  # custom functions, which no model file can hold
                run.save_best(self.folder / BEST)
            self._best = best


@contextmanager
def in_use(checkpoints: Checkpoints | None) -> Iterator[None]:
    """Handle SIGTERM as Ctrl-C, and release the folder at the end; do nothing for None."""
    with nullcontext() if checkpoints is None else termination_as_ctrl_c():
        try:
            yield
        finally:
            if checkpoints is not None:
                checkpoints.release()


def identity_in(folder: Path) -> dict[str, Any]:
    """Return the identity of the run in the newest readable checkpoint; {} if there is none."""
    numbers = _numbers(folder)
    for number in reversed(numbers):
        try:
            identity = read(folder / _name(number)).values.get("identity")
        except (ModelFileError, OSError):  # reported when the run resumes
            continue
        return identity if isinstance(identity, dict) else {}
    return {}


def write(path: Path, snapshot: Snapshot) -> None:
    """Write a snapshot to a file."""
    values = {"checkpoint": {"version": VERSION, **snapshot.values}}
    tensor_files.write(path, values, snapshot.arrays)


def read(path: Path) -> Snapshot:
    """Return the snapshot in a file.

    Raises
    ------
    ModelFileError
        If the file is damaged or is not a checkpoint.
    """
    with tensor_files.opened(path) as file:
        values = file.values.get("checkpoint")
        if not (isinstance(values, dict) and file.has_digest):  # all that were written have one
            raise ModelFileError(f"{path} is not a checkpoint")
        return Snapshot(values, file.read())


def _newest(folder: Path) -> tuple[Snapshot | None, set[str]]:
    """Return the newest readable snapshot, and the names of the files that cannot be read."""
    damaged: set[str] = set()
    why: ModelFileError | OSError | None = None
    for number in sorted(_numbers(folder), reverse=True):
        try:
            found = read(folder / _name(number))
        except FileNotFoundError:  # deleted by another run, so `begin` raises an error
            continue
        except (ModelFileError, OSError) as error:
            why = error
            damaged.add(_name(number))
            continue
        if (version := found.values.get("version")) != VERSION:
            raise ModelFileError(
                f"{folder / _name(number)} has another format version",
                got=version,
                expected=VERSION,
                cure="Resume with the version of bpmatrix that wrote it, or pass another folder.",
            )
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


def _delete(path: Path) -> None:
    with suppress(OSError):  # on Windows, while another process reads it; the next write retries
        path.unlink()


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None
