"""Check output paths before the work, and write the files after it."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from bpmatrix.cli.show import hand_over, say
from bpmatrix.errors import ArgumentError, DestinationError
from bpmatrix.storage.files import standing_at, write_whole


def check_destination(path: Path, option: str, *sources: str) -> None:
    """Check that a file can be written at `path` and is not one of the inputs.

    Parameters
    ----------
    path : Path
        The output file; an older one will be replaced.
    option : str
        The option that named it, for the message.
    *sources : str
        The input files; names of anything else are ignored.

    Raises
    ------
    ArgumentError
        If `path` exists and is not a regular file, or is one of the sources, or its folder is not
        writable.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise ArgumentError(
            f"{option}: there is no folder {path.parent}", cure="Create it, or name another."
        )
    try:
        standing = standing_at(path)
    except OSError as error:
        raise ArgumentError(
            f"{option}: cannot write {path}",
            got=error.strerror,
            cure="Name another file.",
        ) from None
    if standing is not None:
        cure = "Name a file in it." if standing == "a folder" else "Name a file."
        raise ArgumentError(f"{option}: {path} is {standing}", cure=cure)
    if target.exists() and any(os.path.realpath(source) == str(target) for source in sources):
        raise ArgumentError(
            f"{option}: {path} would overwrite an input file", cure="Name another file."
        )
    # Permission bits do not show read-only disks, quotas and access lists, so try it.
    try:
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise ArgumentError(
            f"{option}: cannot write into the folder {path.parent}",
            got=f"{error.strerror}",
            cure="Name a file in a folder of your own.",
        ) from None


def check_pictures(folder: Path, option: str) -> None:
    """Check that plots can be drawn and written into a folder, which need not exist yet.

    Raises
    ------
    MissingPackageError
        If matplotlib is not installed.
    ArgumentError
        As `check_destination`, for the folder and for the plots already in it.
    """
    from bpmatrix.plots.figures import check_matplotlib  # noqa: PLC0415 - loads NumPy

    check_matplotlib(option)
    if not folder.is_dir():
        if os.path.lexists(folder):  # also a broken link
            raise ArgumentError(f"{option}: {folder} is not a folder", cure="Name another one.")
        check_destination(folder, option)
        return
    for picture in (folder / "picture.svg", *folder.glob("*.svg")):
        check_destination(picture, option)


def deliver(text: str, output: Path | None) -> None:
    """Write a result to a file, or the same bytes to standard output."""
    content = text.encode(errors="replace")  # class names in a model file may be invalid Unicode
    if output is None:
        hand_over(content)
    else:
        write_whole(output, content)


def save_or_rescue(
    save: Callable[[Path], None], path: Path
) -> tuple[Path, DestinationError | None]:
    """Save a model, elsewhere if the system refuses: it may be the result of hours of work.

    Returns
    -------
    where : Path
        Where the model is.
    error : DestinationError or None
        The error to raise at the end if `where` is not `path`.

    Raises
    ------
    OSError
        If it cannot be saved anywhere.
    """
    try:
        save(path)
    except OSError as error:
        failure = error
    else:
        return path, None
    name = f"{path.stem}-{secrets.token_hex(4)}{path.suffix}"
    for folder in (Path.cwd, Path.home, lambda: Path(tempfile.mkdtemp(prefix="bpmatrix-"))):
        with suppress(OSError, RuntimeError):  # no home folder, or not writable
            rescued = folder() / name
            save(rescued)
            return rescued, DestinationError(
                f"cannot write {path}",
                got=failure.strerror or str(failure),
                cure=f"The model is in {rescued}; move it to where you want it.",
            )
    raise failure


def write_all(files: Mapping[Path, bytes]) -> None:
    """Write each file atomically, create its folder if it is missing, and print its name."""
    for path, content in files.items():
        path.parent.mkdir(exist_ok=True)
        write_whole(path, content)
        say(f"wrote {path}", err=True)
