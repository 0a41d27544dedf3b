"""Where files shall go: a look before the work that fills them, and the writing after it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bpmatrix.cli.show import hand_over, say
from bpmatrix.errors import ArgumentError
from bpmatrix.storage.files import standing_at, write_whole

__all__ = ["check_destination", "check_pictures", "deliver", "write_all"]


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
        If something stands there that is no file, or one of the sources, or its folder cannot be
        written.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise ArgumentError(
            f"{option}: there is no folder {path.parent}", cure="Make it first, or name another."
        )
    standing = _standing_at(path, option)
    if standing is not None:
        cure = "Name a file in it." if standing == "a folder" else "Name a file."
        raise ArgumentError(f"{option}: {path} is {standing}", cure=cure)
    if target.exists() and any(os.path.realpath(source) == str(target) for source in sources):
        raise ArgumentError(
            f"{option}: {path} would replace a file that is read", cure="Name another file."
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
        As `check_destination`, for the folder and for pictures that it holds already.
    """
    from bpmatrix.plots.figures import check_matplotlib  # noqa: PLC0415 - loads NumPy

    check_matplotlib(option)
    if not folder.is_dir():
        if os.path.lexists(folder):  # also a link to nowhere
            raise ArgumentError(f"{option}: {folder} is not a folder", cure="Name another one.")
        check_destination(folder, option)
        return
    for picture in (folder / "picture.svg", *folder.glob("*.svg")):
        check_destination(picture, option)


def _standing_at(path: Path, option: str) -> str | None:
    try:
        return standing_at(path)
    except OSError as error:
        raise ArgumentError(
            f"{option}: no file can be written to {path}",
            got=error.strerror,
            cure="Name another file.",
        ) from None


def deliver(text: str, output: Path | None) -> None:
    """Write the lines of a result to a file, or the same bytes to standard output."""
    content = text.encode(errors="replace")  # of half a character, which a model file may hold
    if output is None:
        hand_over(content)
    else:
        write_whole(output, content)


def write_all(files: Mapping[Path, bytes]) -> None:
    """Write each file whole, make its folder where it is missing, and say so."""
    for path, content in files.items():
        path.parent.mkdir(exist_ok=True)
        write_whole(path, content)
        say(f"wrote {path}", err=True)
