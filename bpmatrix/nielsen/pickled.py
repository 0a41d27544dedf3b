"""The book's data file, ``mnist.pkl.gz``, read without running anything that it says.

A pickle is a program: reading one with the pickle module may do whatever its author wished. Here
every name that a pickle can ask for is answered by a stand-in that collects bytes and describes an
array; all other names are refused. No code of NumPy, and none of the file, ever runs.
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

# Real numbers, as a pickled dtype names them.
KINDS = ("f4", "f8", "i4", "i8", "u1")
GZIP_MAGIC = b"\x1f\x8b"
# MNIST takes 220 MB; the book's expanded data 820 MB.
MOST_BYTES = 4 << 30
_DAMAGE = (
    pickle.UnpicklingError, EOFError, OSError, zlib.error, ValueError, TypeError, AttributeError,
    IndexError, KeyError, MemoryError, OverflowError, RecursionError, UnicodeError,
)  # fmt: skip


class _PickledType:
    """Stands in for numpy.dtype: keeps what kind of number it is."""

    def __init__(self, kind: str, *_: object) -> None:
        if kind not in KINDS:
            raise pickle.UnpicklingError(f"numbers of type {kind!r}")
        self.kind, self.order = kind, "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] in ("<", ">"):
            self.order = state[1]


class _PickledArray:
    """Stands in for numpy.ndarray: keeps shape, type, order and bytes."""

    def __init__(self, *_: object) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def array(self) -> Array:
        """Return what was described, if it is an array of numbers."""
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
    """Stand in for what protocol 5 asks NumPy for."""
    found = _PickledArray()
    found.state = (1, shape, kind, order == "F", bytes(data))
    return found


def _encode(text: str, codec: str) -> bytes:
    """Stand in for _codecs.encode, as which Python 3 writes bytes for Python 2."""
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
    """An unpickler that knows the stand-ins and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _STAND_INS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _STAND_INS[module, name]


def read_pickled_arrays(path: str | os.PathLike[str]) -> list[tuple[Array, Array]]:
    """Read pairs of arrays (images, labels) from a pickle, plain or gzipped, and nothing else.

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
        If the file is damaged or holds anything but pairs of arrays of numbers.
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
                f"{path} is no file of pickled arrays",
                got=str(error) or type(error).__name__,
                expected="pairs of NumPy arrays (images, labels), as in the book's mnist.pkl.gz",
                cure="Nothing of the file was executed. Other data load as IDX, CSV or npz files.",
            ) from None
