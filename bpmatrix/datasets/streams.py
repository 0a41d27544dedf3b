"""Read a known number of bytes from a file whose header may be wrong.

A header can claim terabytes, so sizes are checked before memory is allocated, as Python integers,
which do not overflow.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bpmatrix.errors import DataFileError

__all__ = ["DAMAGE", "MAX_INFLATED", "check_inflated_size", "read_exactly"]

# What Python's decompressors raise for damaged data. BadGzipFile is an OSError; so is the error of
# a failing disk, whose message is kept.
DAMAGE = (EOFError, zlib.error, OSError)

# DEFLATE codes at most 258 bytes in 2 bits, hence 1032 to 1.
_MAX_DEFLATE_RATIO = 1032

# Within that ratio a file can still grow a thousandfold; nobody trains on the CPU from more than
# 4 GiB of compressed data. Uncompressed files have no limit.
MAX_INFLATED = 4 * 2**30

_CHUNK = 2**20


def check_inflated_size(path: Path, claimed: int, compressed: int, *, cure: str) -> None:
    """Reject compressed data that claim an impossible or an excessive size.

    Raises
    ------
    DataFileError
        If `claimed` bytes do not fit into `compressed` bytes, or are above `MAX_INFLATED`.
    """
    limit = compressed * _MAX_DEFLATE_RATIO
    if claimed > limit:
        raise DataFileError(
            f"{path} is damaged: its header claims more data than the file can hold",
            got=f"{claimed:,} bytes from {compressed:,} compressed ones",
            expected=f"at most {limit:,}",
            cure="Download or write the file again.",
        )
    if claimed > MAX_INFLATED:
        raise DataFileError(
            f"{path} grows too large when decompressed",
            got=f"{claimed:,} bytes",
            expected=f"at most {MAX_INFLATED:,}",
            cure=cure,
        )


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
