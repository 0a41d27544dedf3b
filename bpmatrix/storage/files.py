"""Atomic writing: after a crash at any moment, the old or the new file exists, complete."""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from bpmatrix.errors import DestinationError

__all__ = ["standing_at", "write_whole"]

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
# Paths of open file descriptors.
DESCRIPTORS = re.compile(r"/dev/fd|/proc/(\w+/)+fd")


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


def write_whole(path: Path, content: bytes) -> None:
    """Write the content to a new file in the same folder, flush it to disk, and rename it.

    Raises
    ------
    DestinationError
        If the path is a folder, a device, a pipe or a socket, which is left alone.
    OSError
        If the folder does not exist or is not writable; the file at `path` is then unchanged.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder, "note"), b"hello")
    ...     Path(folder, "note").read_bytes()
    b'hello'
    """
    kind = standing_at(path)
    if kind is not None:
        raise DestinationError(
            f"{path} is {kind}", expected="a file, or an unused name", cure="Name a file."
        )
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb") as file:
            with suppress(FileNotFoundError):
                temporary.chmod(stat.S_IMODE(target.stat().st_mode))  # keep a file private
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _flush_folder(target.parent)


def _flush_folder(folder: Path) -> None:
    """Make the rename survive a power failure; Windows has no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
