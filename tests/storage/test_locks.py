"""Locks that end with the process."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bpmatrix.storage import files, locks
from bpmatrix.storage.locks import FolderLock, lock, lock_byte

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


class Windows:
    """The locks of Windows."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        self.number, self.locked = 0, []

    def locking(self, descriptor: int, how: int, size: int) -> None:
        if self.number:
            raise OSError(self.number, os.strerror(self.number))
        self.locked.append((how, size))


def test_bytes_are_locked_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in a file that a power failure has left; a drive may have no locks."""
    windows = Windows()
    with monkeypatch.context() as patches:
        patches.setitem(sys.modules, "msvcrt", windows)
        assert lock_byte(0)
        assert windows.locked == [(2, 1)]
        for windows.number in (errno.EACCES, errno.EDEADLK):
            with pytest.raises(BlockingIOError):
                lock_byte(0)
        windows.number = errno.EINVAL
        assert not lock_byte(0)
    (tmp_path / locks.NAME).touch()
    FolderLock(tmp_path).release()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is not in use then, so the error is that of the system."""

    def refuse(path: Path, flags: int, mode: int) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionError):
        FolderLock(tmp_path)


@posix
def test_a_forked_child_does_not_hold_a_lock(tmp_path: Path) -> None:
    """It may outlive its parent; nor does it release the lock of the parent."""
    held = FolderLock(tmp_path)
    (ready, says), (waits, go) = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        try:
            held.release()
            os.write(says, b"x")
            os.close(go)
            os.read(waits, 1)
        finally:
            os._exit(0)
    os.close(says)
    os.read(ready, 1)
    with pytest.raises(BlockingIOError):
        FolderLock(tmp_path)
    held.close()  # as the end of the parent does
    FolderLock(tmp_path).release()
    os.close(go)
    os.waitpid(child, 0)
    for descriptor in (ready, waits):
        os.close(descriptor)


@posix
def test_file_systems_that_do_not_count_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file without links is not taken for a deleted one, again and again."""
    fstat, calls = os.fstat, []

    def without(descriptor: int) -> os.stat_result:
        calls.append(descriptor)
        assert len(calls) < 10, "an endless loop"
        return os.stat_result([0 if i == 3 else value for i, value in enumerate(fstat(descriptor))])

    monkeypatch.setattr(os, "fstat", without)
    FolderLock(tmp_path).release()
    files.write_whole(tmp_path / "file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"


def test_a_forgotten_lock_is_released(tmp_path: Path) -> None:
    """Ctrl-C at the wrong moment may leave such a lock."""
    forgotten = [FolderLock(tmp_path)]
    forgotten.append(forgotten)
    del forgotten
    held = FolderLock(tmp_path)
    held.release()
    held.release()  # harmless
