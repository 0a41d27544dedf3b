"""Where files shall go: a look before the work that fills them, and the writing after it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bpmatrix.errors import ArgumentError

__all__ = ["check_destination", "check_pictures", "write_all"]


def check_destination(path: Path, option: str, *sources: str) -> None:
    """Check that a file can be written at `path` and replaces nothing that the work reads.

    Parameters
    ----------
    path : Path
        The file to come; an older one is replaced.
    option : str
        The option that named it, for the message.
    *sources : str
        Files that the work reads; names of anything else do no harm.

    Raises
    ------
    ArgumentError
        If it is a folder, or one of the sources, or its folder cannot be written.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise ArgumentError(f"{option}: {path} is a folder", cure="Name a file in it.")
    if target.exists() and any(os.path.realpath(source) == str(target) for source in sources):
        raise ArgumentError(
            f"{option}: {path} would replace a file that is read", cure="Name another file."
        )
    if not target.parent.is_dir():
        raise ArgumentError(
            f"{option}: there is no folder {path.parent}", cure="Make it first, or name another."
        )
    # Permission bits do not tell of read-only disks, quotas and access lists; the system does.
    try:
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise ArgumentError(
            f"{option}: no file can be written into the folder {path.parent}",
            got=f"{error.strerror}",
            cure="Name a file in a folder of your own.",
        ) from None


def check_pictures(folder: Path, option: str) -> None:
    """Check that pictures can be drawn, and written into a folder, which may still be missing.

    Raises
    ------
    MissingPackageError
        If matplotlib is not installed.
    ArgumentError
        As `check_destination`.
    """
    from bpmatrix.plots.figures import check_matplotlib  # noqa: PLC0415 - loads NumPy

    check_matplotlib(option)
    check_destination(folder / "picture.svg" if folder.is_dir() else folder, option)


def write_all(files: Mapping[Path, bytes]) -> None:
    """Write each file whole, make its folder where it is missing, and say so."""
    from bpmatrix.storage.files import write_whole  # noqa: PLC0415 - loads NumPy

    for path, content in files.items():
        path.parent.mkdir(exist_ok=True)
        write_whole(path, content)
        print(f"wrote {os.fspath(path)}", file=sys.stderr)
