"""Locks on files and folders that end with the process, however it ends."""

from __future__ import annotations

import gc
import os
import weakref
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


NAME = ".lock"


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


class FolderLock:
    """A locked file that shows that its folder is in use; it is deleted at the end.

    On file systems without locks, two processes can use the folder at once.

    Parameters
    ----------
    folder : Path
        The folder.

    Raises
    ------
    BlockingIOError
        If the folder is in use, in this process or in another.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        take = self._take_file if os.name == "nt" else self._lock_file
        with suppress(BlockingIOError):
            while not take():
                pass
            return
        gc.collect()  # the lock may belong to a forgotten object of this process
        while not take():
            pass

    def release(self) -> None:
        """Unlock the folder."""
        if self._close.alive and os.name != "nt":
            with suppress(OSError):
                self._path.unlink()
        self._close()

    def _open(self, flags: int) -> int:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | flags, 0o666)
        # Close it even if this object is forgotten: an open descriptor keeps the folder locked.
        self._close = weakref.finalize(self, os.close, descriptor)
        return descriptor

    def _lock_file(self) -> bool:
        """Create or open the file and lock it; False if its last owner deleted it meanwhile."""
        descriptor, is_there = self._open(0), 0
        try:
            lock(descriptor)
            is_there = os.fstat(descriptor).st_nlink
        finally:
            if not is_there:
                self._close()
        return bool(is_there)

    def _take_file(self) -> bool:
        """Create the file, which Windows deletes when it is closed."""
        try:
            self._open(os.O_EXCL | getattr(os, "O_TEMPORARY", 0))
        except (FileExistsError, PermissionError) as error:
            raise BlockingIOError(*error.args) from None
        return True
