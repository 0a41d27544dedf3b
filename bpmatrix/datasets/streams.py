"""Open and read files whose headers may be wrong, in memory proportional to their size.

A header can claim terabytes, so sizes are checked before memory is allocated, as Python integers,
which do not overflow.
"""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from bpmatrix.errors import DataFileError

# What Python's decompressors raise for damaged data. BadGzipFile is an OSError; so is the error of
# a failing disk, whose message is kept.
DAMAGE = (EOFError, zlib.error, OSError)

# DEFLATE codes at most 258 bytes in 2 bits, hence 1032 to 1.
_MAX_DEFLATE_RATIO = 1032

# Within that ratio a file of 3 MB could still expand to 3 GB. Compressed data may take 512 MiB,
# enough for MNIST as float64 with any pixels, or 100 times the file, whichever is larger: MNIST
# expands fivefold as bytes and thirtyfold as float64. Uncompressed files have no limit.
MAX_INFLATED = 2**29
MAX_RATIO = 100

_CHUNK = 2**20


def check_is_file(path: Path) -> None:
    """Reject anything but a file: reading a pipe or a device could block, or never end.

    Raises
    ------
    DataFileError
        If the path is a folder, a device, a pipe or a socket; not if it does not exist.
    """
    if path.exists() and not path.is_file():
        is_folder = path.is_dir()
        raise DataFileError(
            f"{path} is not a regular file",
            got="a folder" if is_folder else "a device, a pipe or a socket",
            cure="Name one of its files." if is_folder else "Write its content to a file first.",
        )


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading, after `check_is_file`; OSError if that is not possible."""
    check_is_file(path)
    return path.open("rb")


def check_growth(path: Path, claimed: int, compressed: int, *, cure: str) -> None:
    """Reject data larger than both `MAX_INFLATED` and `MAX_RATIO` times the file.

    Raises
    ------
    DataFileError
        If `claimed` bytes are too many for a file of `compressed` bytes.
    """
    most = max(MAX_INFLATED, MAX_RATIO * compressed)
    if claimed > most:
        raise DataFileError(
            f"{path} grows too large when decompressed",
            got=f"{claimed:,} bytes from {compressed:,}",
            expected=f"at most {most:,}, or {MAX_RATIO} for each compressed byte",
            cure=cure,
        )


def check_inflated_size(path: Path, claimed: int, compressed: int, *, cure: str) -> None:
    """Reject compressed data that claim an impossible or an excessive size.

    Raises
    ------
    DataFileError
        If `claimed` bytes do not fit into `compressed` bytes, or grow too large.
    """
    possible = compressed * _MAX_DEFLATE_RATIO
    if claimed > possible:
        raise DataFileError(
            f"{path} is damaged: its header claims more data than the file can hold",
            got=f"{claimed:,} bytes from {compressed:,} compressed ones",
            expected=f"at most {possible:,}",
            cure="Download or write the file again.",
        )
    check_growth(path, claimed, compressed, cure=cure)


class ByteStream(Protocol):
    """The methods shared by files, gzip files and zip entries."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer or a part of it, and return the number of bytes read."""


def read_exactly(stream: ByteStream, n_bytes: int, path: Path) -> NDArray[np.uint8]:
    """Return the remaining `n_bytes` bytes of the stream, read in chunks.

    The caller has checked that `n_bytes` is plausible.

    Raises
    ------
    DataFileError
        If the stream has fewer or more bytes.
    """
    block = np.empty(n_bytes, dtype=np.uint8)
    view = block.data
    filled = 0
    while filled < n_bytes:
        count = stream.readinto(view[filled : filled + _CHUNK])
        if not count:
            raise DataFileError(
                f"{path} is truncated",
                got=f"{filled:,} bytes of data",
                expected=f"{n_bytes:,} according to its header",
                cure="Download or write the file again.",
            )
        filled += count
    if stream.read(1):
        raise DataFileError(
            f"{path} is longer than its header says",
            got="more bytes after the data",
            expected=f"the end after {n_bytes:,} bytes of data",
            cure="Download or write the file again.",
        )
    return block


def read_inflated(stream: ByteStream, most: int) -> io.BytesIO:
    """Return all bytes of a stream whose size is not known, read in chunks.

    Raises
    ------
    ValueError
        If there are more than `most` bytes.
    """
    content = io.BytesIO()
    while piece := stream.read(_CHUNK):
        if content.tell() + len(piece) > most:
            raise ValueError(f"it grows to more than {most:,} bytes when decompressed")
        content.write(piece)
    content.seek(0)
    return content
