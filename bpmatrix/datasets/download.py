"""Download MNIST and Fashion-MNIST into the user's cache, checked by SHA-256.

This module loads pooch and with it much network code, so it is imported only if a data set is
neither in the user's folder nor on the system.
"""

from __future__ import annotations

import logging
import sys
import time
from contextlib import suppress
from pathlib import Path

import pooch

from bpmatrix.datasets.sources import SOURCES
from bpmatrix.errors import DownloadError
from bpmatrix.terminal import Line

# Seconds to connect and between two packets: without a network this fails soon.
_TIMEOUT = (5, 30)
# Longer than any download of one file.
_SECONDS_OF_A_DOWNLOAD = 24 * 3600


def cached(name: str) -> Path | None:
    """Return the cache folder of the data set if its files are there and intact, else None."""
    folder = _cache_folder(name)
    for file, digest in SOURCES[name].sha256.items():
        path = folder / file
        if not path.is_file() or pooch.file_hash(str(path)) != digest:
            return None
    return folder


def fetch(name: str, *, progress: bool | None = None) -> Path:
    """Download the files of a data set that are not in the user's cache, and return their folder.

    Each file is written under a temporary name and renamed once its SHA-256 is verified. Temporary
    files of killed downloads are deleted after a day.

    Raises
    ------
    DownloadError
        If no mirror gives a file with the right SHA-256.
    """
    folder = _cache_folder(name)
    show = sys.stderr.isatty() if progress is None else progress
    _sweep(folder)
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)  # a download shows at most one line per file
    try:
        for file in SOURCES[name].sha256:
            _fetch_file(name, file, folder, show=show)
    finally:
        logger.setLevel(level)
    return folder


def _cache_folder(name: str) -> Path:
    return Path(pooch.os_cache("bpmatrix")) / name


def _sweep(folder: Path) -> None:
    """Delete old temporary files of pooch in the cache, which holds nothing but downloads."""
    for path in folder.glob("tmp*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _SECONDS_OF_A_DOWNLOAD:
                path.unlink()


def _fetch_file(name: str, file: str, folder: Path, *, show: bool) -> None:
    """Try the mirrors in turn."""
    origin = SOURCES[name]
    failures = []
    for mirror in origin.mirrors:
        line = _Download(f"{name}: {file}") if show else None
        downloader = pooch.HTTPDownloader(progressbar=line or False, timeout=_TIMEOUT)
        try:
            pooch.retrieve(
                mirror + file, f"sha256:{origin.sha256[file]}", file, folder, downloader=downloader
            )
        # requests raises OSErrors; pooch raises ValueError for a wrong hash.
        except (OSError, ValueError) as error:
            failures.append(f"{mirror}: {_reason(error)}")
        else:
            return
        finally:
            if line:
                line.close()
    raise DownloadError(
        f"{file} of {name} could not be downloaded",
        got="; ".join(failures),
        cure=f"Without a network: {origin.alternatives(name)}",
    )


def _reason(error: Exception) -> str:
    """Return in a few words why a download failed; the messages of requests are long."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP status {response.status_code}"
    if isinstance(error, ValueError):
        return "a file with another SHA-256"
    # Errors of the system (full disk, read-only folder) have a number, those of requests do not.
    if isinstance(error, OSError) and error.errno is not None:
        return str(error)
    return f"the connection failed ({type(error).__name__})"


class _Download:
    """The progress of a download on standard error, with the methods that pooch calls."""

    total = 0

    def __init__(self, title: str) -> None:
        self._title, self._done = title, 0
        self._line = Line(sys.stderr, width=len(title) + 40)  # also in a file or a pipe

    def update(self, n_bytes: int) -> None:
        self._done += n_bytes
        done = f"{self._done:,} bytes"
        if self.total:
            done = f"{min(1.0, self._done / self.total):4.0%}"
        self._line.draw(f"{self._title} {done}")

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        self._line.end()
