"""Writing a file so that after a crash at any moment the old or the new one is there, whole."""

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
# The open files of processes, by their numbers.
DESCRIPTORS = re.compile(r"/dev/fd|/proc/(\w+/)+fd")


def standing_at(path: Path) -> str | None:
    """Return what stands at a path, behind all links, if no file may take its place.

    Returns
    -------
    str or None
        "a folder", "a pipe", "a device" and the like; None for a file, and where there is nothing.

    Raises
    ------
    OSError
        If the system cannot tell: of a loop of links, or of a name that is too long.

    Examples
    --------
    >>> standing_at(Path(os.sep)), standing_at(Path("nothing of that name"))
    ('a folder', None)
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        return KINDS.get(stat.S_IFMT(mode), "something that is no file")
    link = path.absolute()
    while True:
        folder = link.parent.resolve()
        if DESCRIPTORS.fullmatch(str(folder)):  # who has it open may be in the middle of writing
            return "an open file of a process"
        if not link.is_symlink():
            return None
        link = folder / link.readlink()


def write_whole(path: Path, content: bytes) -> None:
    """Write the content beside the path, flush it to the disk, and rename it.

    Raises
    ------
    DestinationError
        If a folder, a device, a pipe or a socket stands there, which stays as it is.
    OSError
        If the folder does not exist or cannot be written; the file at `path` is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder, "note"), b"hello")
    ...     Path(folder, "note").read_bytes()
    b'hello'
    """
    standing = standing_at(path)
    if standing is not None:
        raise DestinationError(
            f"{path} is {standing}", expected="a file, or a name that is free", cure="Name a file."
        )
    target = Path(os.path.realpath(path))
    beside = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with beside.open("xb") as file:
            with suppress(FileNotFoundError):
                beside.chmod(stat.S_IMODE(target.stat().st_mode))  # a private file stays private
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    _flush_folder(target.parent)


def _flush_folder(folder: Path) -> None:
    """Make the rename itself last through a power cut; Windows has no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
