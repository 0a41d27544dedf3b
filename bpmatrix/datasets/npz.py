"""Read .npz archives, checking each entry before its numbers are read; nothing is unpickled."""

from __future__ import annotations

import math
import os
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from bpmatrix.datasets import streams
from bpmatrix.errors import DataFileError

_Header = tuple[tuple[int, ...], bool, np.dtype[Any]]  # shape, whether in Fortran order, dtype

_ENTRIES = ("X.npy", "y.npy")
_WRITE_AGAIN = "Write it with numpy.savez(path, X=table, y=labels)."
_AS_NUMBERS = {
    "X.npy": "Write X.astype(float), or float32.",
    "y.npy": "Number the classes 0, 1, 2, ...: numpy.unique(y, return_inverse=True)[1].",
}
_UNCOMPRESSED = "Write it with numpy.savez, uncompressed, if you trust it."
# Measured memory per sample for splitting; in the file a label may take only a byte.
_BYTES_OF_A_SAMPLE = 48
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_MAX_LENGTH = 2**63 - 1
_SHOWN = 60

# What zipfile raises for damaged archives, found by fuzzing: NotImplementedError for an unknown
# compression, ValueError for an impossible offset or a name that is not text.
_ZIP_DAMAGE = (*streams.DAMAGE, zipfile.BadZipFile, NotImplementedError, ValueError)


def read_npz(path: str | os.PathLike[str]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Read X (n, n_0), one sample per row, and the labels y (n,) from an .npz archive.

    Names, dtypes, order and sizes of both arrays are checked before memory is allocated; pickled
    objects are rejected.

    Parameters
    ----------
    path : path-like
        A file written by ``numpy.savez`` or ``numpy.savez_compressed``.

    Returns
    -------
    table : ndarray of shape (n, n_0)
        C-ordered, in the dtype of the file.
    labels : ndarray of shape (n,), int64

    Raises
    ------
    DataFileError
        If the file is not such an archive, is damaged, or contains other arrays.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "xor.npz"
    ...     np.savez(path, X=np.eye(2), y=np.array([1, 0]))
    ...     table, labels = read_npz(path)
    >>> table.shape, labels
    ((2, 2), array([1, 0]))
    """
    table, labels = read_npz_samples(path)
    if labels is None:
        raise _other_arrays(Path(path), ["X"])
    return table, labels


def read_npz_samples(
    path: str | os.PathLike[str],
) -> tuple[NDArray[Any], NDArray[np.int64] | None]:
    """Read an archive like `read_npz`; without y, the labels are None."""
    path = Path(path)
    try:
        with streams.open_file(path) as file, zipfile.ZipFile(file) as archive:
            entries = _check_entries(archive, path)
            arrays = [_read_entry(archive, entry, path) for entry in entries]
    except DataFileError:
        raise
    except _ZIP_DAMAGE as error:
        raise DataFileError(
            f"{path} is not a valid .npz archive: {error}", cure=_WRITE_AGAIN
        ) from None
    table = _check_table(arrays[0], path)
    return table, _check_labels(arrays[1], len(table), path) if len(arrays) > 1 else None


def _check_entries(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    """Return the entries X.npy and y.npy; y.npy may be missing."""
    names = archive.namelist()
    if sorted(names) not in (sorted(_ENTRIES), [_ENTRIES[0]]):
        raise _other_arrays(path, [name.removesuffix(".npy") for name in names])
    entries = [archive.getinfo(name) for name in _ENTRIES if name in names]
    for entry in entries:
        _check_entry(entry, path)
    return entries


def _other_arrays(path: Path, names: list[str]) -> DataFileError:
    return DataFileError(
        f"{path} contains the wrong arrays",
        got=", ".join(names)[:_SHOWN] or "none",
        expected="X and y",
        cure=_WRITE_AGAIN,
    )


def _check_entry(entry: zipfile.ZipInfo, path: Path) -> None:
    """Reject an entry whose size cannot be what the archive's directory says."""
    size = path.stat().st_size
    packed = min(entry.compress_size, size)
    if entry.flag_bits & 1:  # encrypted
        raise DataFileError(f"{path} is encrypted", cure=_WRITE_AGAIN)
    if entry.compress_type == zipfile.ZIP_DEFLATED:
        streams.check_inflated_size(path, entry.file_size, size, cure=_UNCOMPRESSED)
    elif entry.compress_type != zipfile.ZIP_STORED or entry.file_size != packed:
        raise DataFileError(
            f"{path} is damaged, or was not written by NumPy",
            got=f"{entry.file_size:,} bytes of {entry.filename} from {packed:,} in the file, "
            f"compression {entry.compress_type}",
            expected="equally many bytes with compression 0, or compression 8",
            cure=_WRITE_AGAIN,
        )


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> NDArray[Any]:
    with archive.open(entry) as stream:
        shape, fortran_order, dtype = read_npy_header(cast(BinaryIO, stream), path, entry.filename)
        name = f"the array {entry.filename.removesuffix('.npy')} of {path}"
        if dtype.kind not in "iuf" or dtype.itemsize > 8:
            raise DataFileError(
                f"{name} has a dtype that bpmatrix does not read",
                got=dtype,
                expected="integers or floating-point numbers of at most 8 bytes",
                cure=_AS_NUMBERS[entry.filename],
            )
        if fortran_order:
            raise DataFileError(
                f"{name} is in Fortran order",
                expected="C order",
                cure="Write numpy.ascontiguousarray(table); samples are rows in the file.",
            )
        n_bytes = math.prod(shape) * dtype.itemsize
        available = entry.file_size - stream.tell()
        if n_bytes != available:
            raise DataFileError(
                f"{name} is damaged: its shape {shape} does not fit its size",
                got=f"{available:,} bytes",
                expected=f"{n_bytes:,}",
                cure=_WRITE_AGAIN,
            )
        if entry.compress_type == zipfile.ZIP_DEFLATED and entry.filename == _ENTRIES[1]:
            needed = _BYTES_OF_A_SAMPLE * math.prod(shape)
            streams.check_growth(path, needed, path.stat().st_size, cure=_UNCOMPRESSED)
        content = streams.read_exactly(cast(streams.ByteStream, stream), n_bytes, path)
        return content.view(dtype).reshape(shape)


def read_npy_header(
    stream: BinaryIO, path: Path, name: str, *, cure: str = _WRITE_AGAIN
) -> _Header:
    """Return shape, order and dtype from the header of an .npy file or entry.

    Raises
    ------
    DataFileError
        If the header is damaged; nothing in it is executed.
    """
    try:
        version = np.lib.format.read_magic(stream)
        header = _HEADERS[version](stream) if version in _HEADERS else None
    # The header is a Python literal; a damaged one raises whatever Python's parser raises.
    except Exception as error:  # noqa: BLE001
        what = f"{path}: the header of {name} cannot be read: {type(error).__name__}"
        raise DataFileError(what, cure=cure) from None
    if header is None:
        raise DataFileError(
            f"{path}: {name} has an unknown version",
            got=version,
            expected="(1, 0) or (2, 0)",
            cure=cure,
        )
    # NumPy accepts True, negative numbers, and numbers of thousands of digits.
    if not all(type(length) is int and 0 <= length <= _MAX_LENGTH for length in header[0]):
        raise DataFileError(
            f"{path}: {name} has an impossible shape",
            expected="integers of 0 or more",
            cure=cure,
        )
    return header


def _check_table(X: NDArray[Any], path: Path) -> NDArray[Any]:
    if X.ndim != 2 or X.size == 0:
        raise DataFileError(
            f"the array X of {path} is not a table of samples",
            got=f"shape {X.shape}",
            expected="(n, n_0), both at least 1",
            cure="Write one sample per row; X.reshape(len(X), -1) flattens images.",
        )
    if X.dtype.kind == "f" and not (finite := np.isfinite(X)).all():
        row, column = divmod(int(np.argmin(finite)), X.shape[1])
        raise DataFileError(
            f"the array X of {path} has {int((~finite).sum())} values that are not finite",
            got=f"{X[row, column]} at X[{row}, {column}]",
            expected="finite numbers",
            cure="Drop these samples or fill in the values before writing the file.",
        )
    return X


def _check_labels(y: NDArray[Any], n: int, path: Path) -> NDArray[np.int64]:
    if y.dtype.kind not in "iu" or y.shape != (n,):
        raise DataFileError(
            f"the array y of {path} is not a vector of labels",
            got=f"{y.dtype} of shape {y.shape}",
            expected=f"integers of shape ({n},)",
            cure="Number the classes 0, 1, 2, ...: y.ravel().astype(int), or y.argmax(axis=1) if y"
            " is one-hot.",
        )
    return y.astype(np.int64)
