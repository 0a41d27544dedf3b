"""Reading a known number of bytes from a file whose header may lie.

A header of a few bytes can claim terabytes. So a size is checked here, in Python integers that
never wrap round, before any memory is taken.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bpmatrix.errors import DataFileError

__all__ = ["DAMAGE", "MAX_INFLATED", "check_inflated_size", "read_exactly"]

# What Python's decompressors raise on damaged data; BadGzipFile is an OSError, and so is a
# failing disk, whose message is kept.
DAMAGE = (EOFError, zlib.error, OSError)

# DEFLATE codes at most 258 bytes in 2 bits, hence 1032 to 1.
_MAX_DEFLATE_RATIO = 1032

# A file that passes the ratio can still grow a thousandfold; 4 GiB is more than training on CPU
# takes from a compressed file. Uncompressed files have no limit.
MAX_INFLATED = 4 * 2**30

_CHUNK = 2**20


def check_inflated_size(path: Path, claimed: int, compressed: int, *, cure: str) -> None:
    """Refuse compressed data that claim more bytes than they can hold, or than is sensible.

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
    """The two methods that files, gzip files and zip entries have in common."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer, or a part of it, and return how many bytes came."""


def read_exactly(stream: ByteStream, n_bytes: int, path: Path) -> NDArray[np.uint8]:
    """Return the `n_bytes` bytes that are left in the stream, read in chunks.

    The stream must then be at its end. The caller has checked that `n_bytes` is plausible.

    Raises
    ------
    DataFileError
        If the stream ends earlier, or goes on.
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
                expected=f"{n_bytes:,} as its header says",
                cure="Download or write the file again.",
            )
        filled += count
    if stream.read(1):
        raise DataFileError(
            f"{path} is longer than its header says",
            got="further bytes behind the data",
            expected=f"the end after {n_bytes:,} bytes of data",
            cure="Download or write the file again.",
        )
    return block
