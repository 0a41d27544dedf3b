""".safetensors files with JSON metadata and a digest: the format of models and checkpoints.

The digest detects any damage; it does not show who wrote the file. Files are read, not mapped into
memory: truncating a mapped file would end the process. Nothing is executed.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import bpmatrix
from bpmatrix.array_types import Array
from bpmatrix.errors import BpmatrixError, DataError, ModelFileError
from bpmatrix.storage.files import open_model, write_whole

KEY, DIGEST, VERSION = "bpmatrix", "digest", 1
TYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8"}
NAMES = {kind[1:]: name for name, kind in TYPES.items()}
# The errors of code that reads metadata with types or values that it never writes.
DAMAGES = (
    AttributeError, BpmatrixError, LookupError, OverflowError, RecursionError, TypeError, ValueError
)  # fmt: skip
# What to do with a file of another kind.
READERS = {
    ".json": "Read a file of the book's network2 with Network.from_book(path).",
    ".onnx": "Read it with Network.from_onnx(path).",
    ".pt": "Pass torch.load(path, weights_only=True) to Network.from_state_dict.",
}
LARGEST_HEADER = 100_000_000  # bytes, the limit of the format
LARGEST_NUMBER, MOST_AXES = 1 << 52, 8  # in shapes and offsets
# In memory, a JSON number takes up to ten times as much as in the file, an object fifty times.
MOST_VALUES, MOST_OBJECTS = 4_000_000, 1_000_000


class Tensor(NamedTuple):
    """The entry of an array in a file: its type, as the format names it, and its shape."""

    kind: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        """Return a description for errors."""
        return f"{self.kind} of shape {list(self.shape)}"


class TensorFile:
    """An open file whose header has been read and checked, except for the digest.

    Attributes
    ----------
    path : Path
        The file.
    values : dict
        The JSON metadata, whose version has been checked.
    tensors : dict of str to Tensor
        Types and shapes by name, in the order of the data.
    has_digest : bool
        Whether the file has a digest; files of 0.1.0 have none.
    """

    def __init__(self, file: BufferedReader, path: Path) -> None:
        self.path, self._file = path, file
        header, size = _header(file, path)
        metadata = header.pop("__metadata__", None)
        text = metadata.get(KEY) if isinstance(metadata, dict) else None
        if not isinstance(text, str):
            raise ModelFileError(
                f"{path} was not saved by bpmatrix",
                cure="Read its arrays with Network.from_state_dict(path, activation=...).",
            )
        self.values, self._text = _values_in(text, path), text
        # Any second entry may be the name of the digest, damaged.
        self._digest, self.has_digest = metadata.get(DIGEST), len(metadata) > 1
        self.tensors = _tensors(header, size, path)

    def read(self) -> dict[str, Array]:
        """Return all arrays, which take as much memory as the file.

        Raises
        ------
        ModelFileError
            If the file is damaged.
        """
        arrays = _arrays(self._file, self.tensors, self.path)
        if self.has_digest and self._digest != _digest_of(self._text, arrays):
            raise ModelFileError(
                f"{self.path} is damaged: its digest does not match its contents",
                cure="Copy it again from where it is intact, or save the model again.",
            )
        return _native(arrays)


@dataclass(frozen=True)
class Part:
    """One of several models in a file: what `TensorFile` has, with the tensors of one prefix.

    Attributes
    ----------
    path, values, tensors
        As in `TensorFile`.
    arrays : dict of str to array
        The arrays of the whole file, read once for all parts.
    prefix : str
        What the names of the part's tensors begin with.
    """

    path: Path
    values: dict[str, Any]
    tensors: dict[str, Tensor]
    arrays: Mapping[str, Array]
    prefix: str

    @classmethod
    def of(
        cls, file: TensorFile, arrays: Mapping[str, Array], values: dict[str, Any], prefix: str
    ) -> Part:
        """Return the part of a file whose tensors begin with a prefix."""
        tensors = {
            name.removeprefix(prefix): tensor
            for name, tensor in file.tensors.items()
            if name.startswith(prefix)
        }
        return cls(file.path, values, tensors, arrays, prefix)

    def read(self) -> dict[str, Array]:
        """Return the arrays of the part."""
        return {name: self.arrays[self.prefix + name] for name in self.tensors}


def write(
    path: str | os.PathLike[str], values: Mapping[str, Any], arrays: Mapping[str, Array]
) -> None:
    """Write a file with a digest, completely or not at all.

    Raises
    ------
    DataError
        If the metadata is too large to be read again, or is not JSON.
    OSError
        If the file cannot be written.
    """
    values = {"version": VERSION, "written_by": bpmatrix.__version__, **values}
    try:
        text = json.dumps(values, allow_nan=False)
    except (RecursionError, TypeError, ValueError) as error:  # users may add to `Network.trained`
        raise DataError(
            "the records hold what a model file cannot",
            got=str(error),
            expected="text, finite numbers, True, False or None, and lists and dicts of these",
            cure="Look for it in net.trained, and convert or delete it.",
        ) from None
    # Copied, since another thread may go on training; eight-byte types first, so all are aligned.
    names = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    copies = {
        name: np.array(arrays[name], TYPES[_kind_of(arrays[name])], order="C") for name in names
    }
    header: dict[str, Any] = {"__metadata__": {KEY: text, DIGEST: _digest_of(text, copies)}}
    end = 0
    for name, array in copies.items():
        start, end = end, end + array.nbytes
        header[name] = {
            "dtype": _kind_of(array), "shape": array.shape, "data_offsets": [start, end]
        }  # fmt: skip
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    if len(head) > LARGEST_HEADER or _has_too_many_values(head.decode()):
        raise DataError(
            "the records are too large for a model file",
            got=f"{len(text):,} characters of JSON",
            cure="Keep only the newest: del net.trained[:-100], or"
            " model.loss_curve_ = model.loss_curve_[-100:].",
        )
    write_whole(
        Path(path), struct.pack("<Q", len(head)), head, *map(_bytes_of, copies.values())
    )  # fmt: skip


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[TensorFile]:
    """Open a file and read its header; a context manager.

    Raises
    ------
    DataNotFoundError
        If the file does not exist.
    ModelFileError
        If it is damaged or was not written by bpmatrix.
    """
    with open_model(path) as file:
        yield TensorFile(file, Path(path))


def read_foreign(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Return all arrays of a file that another library wrote.

    Raises
    ------
    DataNotFoundError
        If the file does not exist.
    ModelFileError
        If it is damaged, was written by bpmatrix, or contains an array of another type.
    """
    with open_model(path) as file:
        path = Path(path)
        header, size = _header(file, path)
        metadata = header.pop("__metadata__", None)
        if isinstance(metadata, dict) and KEY in metadata:
            raise ModelFileError(
                f"{path} was saved by bpmatrix", cure=f"Load it with bpmatrix.load({str(path)!r})."
            )
        for name, entry in header.items():
            kind = entry.get("dtype") if isinstance(entry, dict) else None
            if isinstance(kind, str) and kind not in TYPES:
                raise ModelFileError(
                    f"{path} contains an array of another type",
                    got=f"{name} of type {kind}",
                    expected=" or ".join(TYPES),
                    cure="Save it in float32, for example module.float().state_dict().",
                )
        return _native(_arrays(file, _tensors(header, size, path), path))


def _header(file: BufferedReader, path: Path) -> tuple[dict[str, Any], int]:
    """Return the header, and the number of bytes after it."""
    size = os.fstat(file.fileno()).st_size - 8
    start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 2 <= length <= min(size, LARGEST_HEADER):
        raise _incomplete(path, f"a header of {length:,} bytes in a file of {size + 8:,}")
    try:
        header = _parsed(file.read(length).decode())
    except (ValueError, RecursionError) as error:
        raise _incomplete(path, f"a header that is not valid: {error}") from None
    if not isinstance(header, dict):
        raise _incomplete(path, "a header that is not a JSON object")
    return header, size - length


def _values_in(text: str, path: Path) -> dict[str, Any]:
    """Return the metadata, after checking the version."""
    try:
        values = _parsed(text)
        version = values["version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelFileError(f"{path} has damaged metadata", got=str(error)) from None
    if version != VERSION:
        raise ModelFileError(
            f"{path} has another format version",
            got=version,
            expected=VERSION,
            cure="Load it with the version of bpmatrix that wrote it, or a newer one.",
        )
    return dict(values)


def _tensors(header: Mapping[str, Any], size: int, path: Path) -> dict[str, Tensor]:
    """Return types and shapes in the order of the data, which they fill without gaps."""
    try:
        entries = sorted(
            (*entry["data_offsets"], name, Tensor(entry["dtype"], tuple(entry["shape"])))
            for name, entry in header.items()
        )
        place = 0
        for start, end, name, tensor in entries:
            _check_place(start, end, name, tensor, place)
            place = end
    except (KeyError, TypeError, ValueError) as error:
        raise _incomplete(path, f"a header that is not valid: {error}") from None
    if place != size:
        raise _incomplete(path, f"{size:,} bytes of data instead of {place:,}")
    return {name: tensor for *_, name, tensor in entries}


def _check_place(start: object, end: object, name: str, tensor: Tensor, place: int) -> None:
    numbers = (start, end, *tensor.shape)
    fits = all(type(number) is int and 0 <= number <= LARGEST_NUMBER for number in numbers)
    if not fits or len(tensor.shape) > MOST_AXES or start != place:
        raise ValueError(f"the place of {name} is impossible")
    if end != place + np.dtype(TYPES[tensor.kind]).itemsize * math.prod(tensor.shape):
        raise ValueError(f"the size of {name} does not fit its shape")


def _arrays(file: BufferedReader, tensors: Mapping[str, Tensor], path: Path) -> dict[str, Array]:
    """Return the arrays, which follow the header in this order, as they are in the file."""
    arrays = {}
    for name, (kind, shape) in tensors.items():
        arrays[name] = np.empty(shape, TYPES[kind])
        if file.readinto(_bytes_of(arrays[name])) != arrays[name].nbytes:
            raise _incomplete(path, "a file that became shorter while it was read")
    return arrays


def _native(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return the arrays in the byte order of this machine."""
    return {
        name: array.astype(array.dtype.newbyteorder("="), copy=False)
        for name, array in arrays.items()
    }


def _incomplete(path: Path, got: str) -> ModelFileError:
    return ModelFileError(
        f"{path} is not a complete .safetensors file",
        got=got,
        cure=READERS.get(
            path.suffix, "Save or copy the model again; perhaps it was not copied completely."
        ),
    )


def _digest_of(text: str, arrays: Mapping[str, Array]) -> str:
    """Return the SHA-256 of the metadata and of names, types, shapes and data of the arrays."""
    digest = hashlib.sha256(text.encode(errors="surrogatepass"))
    for name in sorted(arrays):
        array = arrays[name]
        line = f"\n{name} {_kind_of(array)} {list(array.shape)}\n"
        digest.update(line.encode(errors="surrogatepass"))
        digest.update(_bytes_of(array))
    return digest.hexdigest()


def _kind_of(array: Array) -> str:
    return NAMES[array.dtype.str[1:]]


def _bytes_of(array: Array) -> memoryview:
    """Return the memory of a contiguous array."""
    return array.reshape(-1).view(np.uint8).data


def _parsed(text: str) -> Any:
    """Return a JSON value, in which keys are unique, numbers finite, and both not too many."""
    if _has_too_many_values(text):
        raise ValueError(f"more than {MOST_VALUES:,} values or {MOST_OBJECTS:,} objects")
    return json.loads(
        text, object_pairs_hook=_unique, parse_float=_finite, parse_constant=_finite
    )  # fmt: skip


def _has_too_many_values(text: str) -> bool:
    """Whether a JSON text could take gigabytes once it is parsed."""
    objects = text.count("[") + text.count("{")
    return objects > MOST_OBJECTS or objects + text.count(",") > MOST_VALUES


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Reject an object with a repeated key: JSON readers disagree about its value."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number} is not a finite number")
    return value
