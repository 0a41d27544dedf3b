"""Read the book's data file, ``mnist.pkl.gz``, without executing anything in it.

A pickle is a program: the pickle module may execute any code in it. Here the few names that a
pickle of arrays needs are replaced by stand-ins that collect bytes and a description of an array,
and all other names are rejected. No code of NumPy, and none in the file, is executed.
"""

from __future__ import annotations

import gzip
import io
import math
import os
import pickle
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.errors import DataFileError

__all__ = ["read_pickled_arrays"]

Array = NDArray[Any]

# The real types, as named in a pickled dtype.
KINDS = ("f4", "f8", "i4", "i8", "u1")
GZIP_MAGIC = b"\x1f\x8b"
# MNIST takes 220 MB; the book's expanded data 820 MB.
MOST_BYTES = 4 << 30
_DAMAGE = (
    pickle.UnpicklingError, EOFError, OSError, zlib.error, ValueError, TypeError, AttributeError,
    IndexError, KeyError, MemoryError, OverflowError, RecursionError, UnicodeError,
)  # fmt: skip


class _PickledType:
    """Stands in for numpy.dtype: stores the type and byte order."""

    def __init__(self, kind: str, *_: object) -> None:
        if kind not in KINDS:
            raise pickle.UnpicklingError(f"numbers of type {kind!r}")
        self.kind, self.order = kind, "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] in ("<", ">"):
            self.order = state[1]


class _PickledArray:
    """Stands in for numpy.ndarray: stores shape, type, order and bytes."""

    def __init__(self, *_: object) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def array(self) -> Array:
        """Return the described array."""
        _, shape, kind, in_columns, data = self.state
        if isinstance(data, str):
            data = data.encode("latin1")  # bytes of Python 2
        dtype = np.dtype(kind.order + kind.kind)
        if len(data) != dtype.itemsize * math.prod(shape):
            raise pickle.UnpicklingError(f"{len(data)} bytes for an array of shape {shape}")
        flat = np.frombuffer(data, dtype)
        return np.array(flat.reshape(shape, order="F" if in_columns else "C"), order="C")


def _reconstruct(*_: object) -> _PickledArray:
    return _PickledArray()


def _from_buffer(data: bytes, kind: _PickledType, shape: object, order: str) -> _PickledArray:
    """Stand in for the NumPy function of pickle protocol 5."""
    found = _PickledArray()
    found.state = (1, shape, kind, order == "F", bytes(data))
    return found


def _encode(text: str, codec: str) -> bytes:
    """Stand in for _codecs.encode, which Python 3 uses to pickle bytes for Python 2."""
    if codec != "latin1":
        raise pickle.UnpicklingError(f"text in {codec!r}")
    return text.encode("latin1")


_STAND_INS = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("numpy", "ndarray"): _PickledArray,
    ("numpy", "dtype"): _PickledType,
    ("_codecs", "encode"): _encode,
}


class _ArraysOnly(pickle.Unpickler):
    """An unpickler that finds only the stand-ins."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _STAND_INS:
            raise pickle.UnpicklingError(f"it needs {module}.{name}")
        return _STAND_INS[module, name]


def read_pickled_arrays(path: str | os.PathLike[str]) -> list[tuple[Array, Array]]:
    """Read pairs of arrays (images, labels) from a pickle, plain or gzipped.

    Parameters
    ----------
    path : path-like
        A file such as the book's ``mnist.pkl.gz``: a tuple of pairs.

    Returns
    -------
    list of (images, labels)
        C-ordered arrays, as they are in the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DataFileError
        If the file is damaged or contains anything but pairs of arrays of numbers.
    """
    path = Path(path)
    with path.open("rb") as file:
        zipped = file.read(2) == GZIP_MAGIC
        file.seek(0)
        try:
            content = (gzip.GzipFile(fileobj=file) if zipped else file).read(MOST_BYTES + 1)
            if len(content) > MOST_BYTES:
                raise pickle.UnpicklingError(f"more than {MOST_BYTES:,} bytes")
            pairs = _ArraysOnly(io.BytesIO(content), encoding="latin1").load()
            return [(images.array(), labels.array()) for images, labels in pairs]
        except _DAMAGE as error:
            raise DataFileError(
                f"{path} is not a file of pickled arrays",
                got=str(error) or type(error).__name__,
                expected="pairs of NumPy arrays (images, labels), as in the book's mnist.pkl.gz",
                cure="Nothing in the file was executed. Other data load as IDX, CSV or npz files.",
            ) from None
