"""Locks that end with the process."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bpmatrix.storage import locks
from bpmatrix.storage.locks import FolderLock, lock

posix = pytest.mark.skipif(os.name == "nt", reason="tests flock")

HOLDER = """
import os, sys, time
from pathlib import Path
from bpmatrix.storage.locks import FolderLock

held = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_folder_is_used_once_at_a_time(tmp_path: Path) -> None:
    """This holds within one process, too; no file is left at the end."""
    for _ in range(2):
        held = FolderLock(tmp_path)
        with pytest.raises(BlockingIOError):
            FolderLock(tmp_path)
        held.release()
        assert list(tmp_path.iterdir()) == []


@posix
def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    """It does so even after kill -9, although its file is still there."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(BlockingIOError):
            FolderLock(tmp_path)
        process.kill()
    assert len(list(tmp_path.iterdir())) == 1
    FolderLock(tmp_path).release()


@posix
def test_a_file_that_is_deleted_before_it_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the last owner has just deleted it, the new one locks a new file, which others see."""
    flock, opened = locks.fcntl.flock, []

    def late(descriptor: int, how: int) -> None:
        if not opened:
            opened.append(descriptor)
            (tmp_path / locks.NAME).unlink()
        flock(descriptor, how)

    monkeypatch.setattr(locks.fcntl, "flock", late)
    held = FolderLock(tmp_path)
    with pytest.raises(BlockingIOError):
        FolderLock(tmp_path)
    held.release()


@posix
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.EBADF])
def test_file_systems_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Everything works, without the protection."""

    def refuse(descriptor: int, how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    both = [FolderLock(tmp_path) for _ in range(2)]
    for held in both:
        held.release()
    monkeypatch.setattr(locks, "fcntl", None)
    assert lock(0) is False


def test_a_file_that_can_be_created_once(tmp_path: Path) -> None:
    """This is how it works on Windows, which deletes the file with the process."""
    held = FolderLock(tmp_path)
    other = FolderLock.__new__(FolderLock)
    other._path = held._path
    with pytest.raises(BlockingIOError):
        other._take_file()
    held.release()
    assert other._take_file()
    other.release()


def test_a_forgotten_lock_is_released(tmp_path: Path) -> None:
    """Ctrl-C at the wrong moment may leave such a lock."""
    forgotten = [FolderLock(tmp_path)]
    forgotten.append(forgotten)
    del forgotten
    held = FolderLock(tmp_path)
    held.release()
    held.release()  # harmless
