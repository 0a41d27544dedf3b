"""Locks on files and folders that end with the process, however it ends."""

from __future__ import annotations

import errno
import gc
import os
import weakref
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NAME = ".bpmatrix-lock"
# The locks of this process. A set of weak references has no lock, which a fork could find held.
_held: weakref.WeakSet[FolderLock] = weakref.WeakSet()


def lock(descriptor: int) -> bool:
    """Lock an open file for this process, until it is closed.

    Returns
    -------
    bool
        False if the system or the file system has no such locks.

    Raises
    ------
    BlockingIOError
        If the file is locked already.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def lock_byte(descriptor: int) -> bool:
    """Do the same on Windows, which locks ranges of bytes, also against reading them."""
    windows: Any = import_module("msvcrt")
    try:
        windows.locking(descriptor, windows.LK_NBLCK, 1)
    except OSError as error:
        if error.errno in {errno.EACCES, errno.EDEADLK}:
            raise BlockingIOError(*error.args) from None
        return False
    return True


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is the one at a path: another process may have deleted it.

    The number of links would tell, too, but some file systems have none, and say 0.
    """
    if os.name == "nt":  # where an open file cannot be deleted
        return True
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


class FolderLock:
    """A locked file that shows that its folder is in use; it is deleted at the end.

    On file systems without locks, two processes can use the folder at once. A forked child does not
    use the folder, and may outlive this process.

    Parameters
    ----------
    folder : Path
        The folder.

    Raises
    ------
    BlockingIOError
        If the folder is in use, in this process or in another.
    OSError
        If the file cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        with suppress(BlockingIOError):
            while not self._take():
                pass
            return
        gc.collect()  # the lock may belong to a forgotten object of this process
        while not self._take():
            pass

    def release(self) -> None:
        """Unlock the folder."""
        if not self.close.alive:  # released before, or by a fork
            return
        if os.name == "nt":  # which does not delete open files
            self.close()
        with suppress(OSError):
            self._path.unlink()
        self.close()

    def _take(self) -> bool:
        """Create or open the file and lock it; False if its last owner deleted it meanwhile."""
        descriptor, is_there = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666), False
        # Close it even if this object is forgotten: an open descriptor keeps the folder locked.
        self.close = weakref.finalize(self, os.close, descriptor)
        _held.add(self)
        try:
            (lock_byte if os.name == "nt" else lock)(descriptor)
            is_there = is_at(descriptor, self._path)
        finally:
            if not is_there:
                self.close()
        return is_there


def _close_all() -> None:
    """Close the files of the parent process, which would stay locked as long as this one runs."""
    for held in tuple(_held):
        held.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_all)
