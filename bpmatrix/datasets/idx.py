"""IDX files, the format of MNIST, plain and gzipped.

The header, in big-endian order, is two zero bytes, the code of the type, the number of dimensions,
and each dimension as four bytes. The numbers follow in C order.
"""

from __future__ import annotations

import gzip
import math
import os
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bpmatrix.datasets import streams
from bpmatrix.errors import DataFileError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAGIC_SIZE = 4
_MAX_DIMENSIONS = 4
_GZIP_MAGIC = b"\x1f\x8b"
_GUNZIP = "Decompress it with gunzip if you trust it."
_AGAIN = "Download or write the file again."


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read an IDX file, plain or gzipped, into an array of the file's shape and type.

    Its first bytes, not its name, show whether it is gzipped: browsers decompress a download and
    keep the name.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    ndarray
        uint8, int8, int16, int32, float32 or float64 in native byte order, C-ordered.

    Raises
    ------
    DataFileError
        If the file is not an IDX file, or is truncated, too long, or damaged.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "labels-idx1-ubyte"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4]))
    ...     read_idx(path)
    array([5, 0, 4], dtype=uint8)
    """
    path = Path(path)
    try:
        with streams.open_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            if file.read(2) == _GZIP_MAGIC:
                file.seek(0)
                with gzip.GzipFile(fileobj=file) as stream:
                    return _read(cast(streams.ByteStream, stream), path, size, gzipped=True)
            file.seek(0)
            return _read(cast(streams.ByteStream, file), path, size, gzipped=False)
    except streams.DAMAGE as error:
        raise DataFileError(f"{path} cannot be read: {error}", cure=_AGAIN) from None


def _read(stream: streams.ByteStream, path: Path, size: int, *, gzipped: bool) -> NDArray[Any]:
    dtype, shape = _read_header(stream, path)
    n_bytes = math.prod(shape) * dtype.itemsize
    if gzipped:
        streams.check_inflated_size(path, n_bytes, size, cure=_GUNZIP)
        if len(shape) == 1:  # labels, which become int64
            streams.check_growth(path, 8 * shape[0], size, cure=_GUNZIP)
    else:
        expected = _MAGIC_SIZE + 4 * len(shape) + n_bytes
        if size != expected:
            raise DataFileError(
                f"the size of {path} does not match its header",
                got=f"{size:,} bytes",
                expected=f"{expected:,}",
                cure=_AGAIN,
            )
    data = streams.read_exactly(stream, n_bytes, path).view(dtype).reshape(shape)
    # Bytes have no byte order, so images are not copied.
    return data.astype(dtype.newbyteorder("="), copy=False)


def _read_header(stream: streams.ByteStream, path: Path) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Return dtype and shape from the header."""
    magic = stream.read(_MAGIC_SIZE)
    if (
        len(magic) < _MAGIC_SIZE
        or magic[:2] != b"\0\0"
        or magic[2] not in _TYPES
        or not 1 <= magic[3] <= _MAX_DIMENSIONS
    ):
        raise DataFileError(
            f"{path} is not an IDX file",
            got=f"the first bytes {magic.hex(' ') or '(none)'}",
            expected=f"00 00, a type (08 for bytes), and 1 to {_MAX_DIMENSIONS} dimensions",
            cure="Check that it is the file itself, not the web page of a failed download; name it "
            ".csv if it is comma-separated text.",
        )
    dimensions = stream.read(4 * magic[3])
    if len(dimensions) < 4 * magic[3]:
        raise DataFileError(
            f"{path} is truncated",
            got=f"{len(dimensions)} bytes of dimensions",
            expected=4 * magic[3],
            cure=_AGAIN,
        )
    shape = tuple(int(d) for d in np.frombuffer(dimensions, dtype=">u4"))
    return np.dtype(_TYPES[magic[2]]), shape
