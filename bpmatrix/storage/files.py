"""Atomic writing: after a crash at any moment, the old or the new file exists, complete."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from bpmatrix.errors import DataNotFoundError, DestinationError
from bpmatrix.signals import signals_held
from bpmatrix.storage.locks import is_at, lock

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
# Paths of open file descriptors.
DESCRIPTORS = re.compile(r"/dev/fd|/proc/(\w+/)+fd")
TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.part")
SECONDS_OF_A_WRITE = 3600  # the longest write; used for folders and where there are no locks
# Errors of file systems that cannot flush a folder, or any file, and of folders without permission
# to read.
CANNOT_FLUSH = {
    errno.EACCES, errno.EBADF, errno.EINVAL, errno.EISDIR, errno.ENOSYS, errno.ENOTSUP,
    errno.EOPNOTSUPP, errno.EPERM,
}  # fmt: skip


def standing_at(path: Path) -> str | None:
    """Return what is at a path, following links, if a file must not replace it.

    Returns
    -------
    str or None
        "a folder", "a pipe", "a device" and so on; None for a file or an unused name.

    Raises
    ------
    OSError
        If the path cannot be resolved: a loop of links, or a name that is too long.

    Examples
    --------
    >>> standing_at(Path(os.sep)), standing_at(Path("an unused name"))
    ('a folder', None)
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        return KINDS.get(stat.S_IFMT(mode), "not a regular file")
    link = path.absolute()
    while True:
        folder = link.parent.resolve()
        if DESCRIPTORS.fullmatch(str(folder)):  # its owner may be writing to it
            return "an open file of a process"
        if not link.is_symlink():
            return None
        link = folder / link.readlink()


def write_whole(path: Path, *content: bytes | memoryview) -> None:
    """Write a file, given in parts, as `write_parts` does.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder, "note"), b"hello")
    ...     Path(folder, "note").read_bytes()
    b'hello'
    """
    write_parts(path, content)


def write_parts(path: Path, content: Iterable[bytes | memoryview]) -> None:
    """Write a file in the same folder, flush it to disk, and rename it.

    Its parts may be made while it is written.
    Temporary files that killed processes left in the same folder are deleted first.

    Raises
    ------
    DestinationError
        If the path is a folder, a device, a pipe or a socket, which is left alone.
    OSError
        If the folder does not exist or is not writable, or the disk is full; the error names
        `path`, whose file is unchanged. If only the folder cannot be flushed, the file is the new
        one.
    """
    kind = standing_at(path)
    if kind is not None:
        raise DestinationError(
            f"{path} is {kind}", expected="a file, or an unused name", cure="Name a file."
        )
    target = Path(os.path.realpath(path))
    sweep(target.parent)
    try:
        _replace(target, content)
    except OSError as error:
        name_file(error, path)
        raise


def name_file(error: OSError, path: Path) -> None:
    """Make an operating system error name the user's file, not a temporary one."""
    if error.errno is not None:
        error.filename = str(path)
        with suppress(AttributeError):
            del error.filename2


def _replace(target: Path, content: Iterable[bytes | memoryview]) -> None:
    """Replace a file, or create it."""
    file = None
    try:
        with signals_held():  # Ctrl-C finds no file, or one that is deleted below
            file = _open_beside(target)
        temporary = Path(file.name)
        with file:
            with suppress(FileNotFoundError):
                _imitate(file.fileno(), target.stat())
            for part in content:
                file.write(part)
            file.flush()
            _flush(file.fileno())
            if os.name != "nt":  # while the file is locked
                temporary.replace(target)
        if os.name == "nt":  # Windows does not rename open files
            temporary.replace(target)
    except BaseException:
        if file is not None:
            with suppress(OSError):
                file.close()
            with suppress(OSError):
                Path(file.name).unlink()
        raise
    flush_folder(target.parent)


def temporary_beside(target: Path) -> Path:
    """Return the path of a new temporary file or folder, which `sweep` deletes if it is left."""
    return target.absolute().with_name(f".{secrets.token_hex(8)}.part")


def _open_beside(target: Path) -> BinaryIO:
    """Create a temporary file, and lock it so that no other process deletes it."""
    while True:
        path = temporary_beside(target)
        file = path.open("xb")
        with suppress(BlockingIOError):
            lock(file.fileno())
            if is_at(file.fileno(), path):
                return file
        file.close()  # another process deleted it before it was locked


def _imitate(descriptor: int, old: os.stat_result) -> None:
    """Give an open file the permissions and, if allowed, the owner of another file."""
    if os.name == "nt":
        return
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        with suppress(OSError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
    mode = stat.S_IMODE(old.st_mode)
    try:
        os.fchmod(descriptor, mode)
    except OSError:  # some file systems have one mode for all files
        if stat.S_IMODE(new.st_mode) & ~mode:  # a private file stays private
            raise


def sweep(folder: Path) -> None:
    """Delete the temporary files and folders that are not being written."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not TEMPORARY.fullmatch(entry.name):
                continue
            with suppress(OSError):
                if entry.is_file(follow_symlinks=False):
                    _delete_if_abandoned(Path(entry.path))
                elif entry.is_dir(follow_symlinks=False) and _is_old(Path(entry.path)):
                    shutil.rmtree(entry.path)


def _delete_if_abandoned(path: Path) -> None:
    """Delete a file that is not locked; where there are no locks, one that is old."""
    # Another process may have put a pipe or a link there.
    flags = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, os.O_RDONLY | flags)
    try:
        is_unlocked = lock(descriptor)  # raises if it is locked
        if is_unlocked:
            path.unlink()  # while the lock excludes its writer
    finally:
        os.close(descriptor)
    if not is_unlocked and _is_old(path):
        path.unlink()


def _is_old(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > SECONDS_OF_A_WRITE


def flush_folder(folder: Path) -> None:
    """Make the rename survive a power failure; Windows has no such call."""
    if os.name == "nt":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        if error.errno not in CANNOT_FLUSH:
            raise
        return
    try:
        _flush(descriptor)
    finally:
        os.close(descriptor)


def _flush(descriptor: int) -> None:
    """Flush a file or a folder to the disk, if the file system can."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in CANNOT_FLUSH:
            raise


def open_model(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a file for reading; DataNotFoundError if there is none, or it is not a regular file."""
    path = Path(path)
    if not path.is_file():  # a pipe without a writer would block
        what = "is not a regular file" if path.exists() else "not found"
        raise DataNotFoundError(f"model file {path} {what}", cure="Check the path.")
    return path.open("rb")
