"""Convert the book's pickled data to IDX files, which all of bpmatrix reads."""

from __future__ import annotations

import gzip
import os
import shutil
import struct
from pathlib import Path

import numpy as np

from bpmatrix.array_types import Array
from bpmatrix.errors import ArgumentError, DataFileError
from bpmatrix.nielsen.pickled import read_pickled_arrays
from bpmatrix.storage.files import flush_folder, name_file, sweep, temporary_beside, write_whole

# In the book's file, pixels are bytes divided by 256.
WHITE = 256
# The last sixth of the training files is the validation split (`datasets.mnist`).
VALIDATION_PART = 6


def convert(source: str | os.PathLike[str], folder: str | os.PathLike[str]) -> dict[str, int]:
    """Write the book's pickled MNIST as four gzipped IDX files with the original bytes.

    The folder is created completely or, on an error, not at all. `datasets.load` and
    `mnist_loader.load_data(folder=...)` then read the same numbers in the same order.

    Parameters
    ----------
    source : path-like
        ``mnist.pkl.gz``. Nothing in it is executed.
    folder : path-like
        The folder to create.

    Returns
    -------
    dict
        The number of images in each part.

    Raises
    ------
    ArgumentError
        If the folder exists, or its parent does not.
    DataFileError
        If the file is not three pairs of arrays: square images and their labels.
    """
    target = Path(folder)
    is_there = os.path.lexists(target)  # also a broken link
    if is_there or not target.absolute().parent.is_dir():
        wrong = "exists already" if is_there else "cannot be created: its parent does not exist"
        cure = "Name a new folder." if is_there else "Create the parent first, or name another."
        raise ArgumentError(f"the folder {target} {wrong}", cure=cure)
    parts = read_pickled_arrays(source)
    if len(parts) != 3:
        raise _unfit(source, f"{len(parts)} parts")
    pairs = [(_as_bytes(images, source), _as_labels(labels, source)) for images, labels in parts]
    if any(len(images) != len(labels) for images, labels in pairs):
        raise _unfit(source, "different numbers of images and labels")
    counts = [len(labels) for _, labels in pairs]
    if counts[1] != (counts[0] + counts[1]) // VALIDATION_PART:
        raise _unfit(source, f"{counts[0]:,} training and {counts[1]:,} validation images")
    both = [np.concatenate([pairs[0][k], pairs[1][k]]) for k in (0, 1)]
    _write_folder(target, {"train": (both[0], both[1]), "t10k": pairs[2]})
    return dict(zip(("training", "validation", "test"), counts, strict=True))


def _as_bytes(images: Array, source: object) -> Array:
    """Return images (n, n_0) of k / 256 as the bytes k (n, side, side)."""
    side = round(images.shape[-1] ** 0.5) if images.ndim == 2 else 0
    is_square = images.ndim == 2 and side * side == images.shape[1]
    if not is_square or not len(images) or images.dtype.kind != "f":
        raise _unfit(source, f"images of shape {images.shape} and type {images.dtype}")
    pixels = images * np.float64(WHITE)
    bytes_ = np.clip(np.nan_to_num(pixels), 0, WHITE - 1).astype(np.uint8)
    if not (bytes_ == pixels).all():
        raise _unfit(source, "pixels that are not bytes divided by 256")
    return bytes_.reshape(-1, side, side)


def _as_labels(labels: Array, source: object) -> Array:
    if labels.ndim != 1 or not np.isin(labels, range(10)).all():  # 3.0 is a label, too
        raise _unfit(source, f"labels of shape {labels.shape} and type {labels.dtype}")
    return labels.astype(np.uint8)


def _write_folder(target: Path, files: dict[str, tuple[Array, Array]]) -> None:
    """Fill a temporary folder beside the target, then rename it."""
    beside = temporary_beside(target)
    sweep(beside.parent)
    try:
        beside.mkdir()
        for name, (images, labels) in files.items():
            for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
                content = gzip.compress(_idx(array), compresslevel=6, mtime=0)
                write_whole(beside / f"{name}-{kind}-ubyte.gz", content)
        beside.rename(target)
        flush_folder(target.absolute().parent)
    except BaseException as error:
        shutil.rmtree(beside, ignore_errors=True)
        if isinstance(error, OSError):
            name_file(error, target)
        raise


def _idx(array: Array) -> bytes:
    """Return an array of bytes in the IDX format."""
    head = struct.pack(f">2xBB{array.ndim}I", 8, array.ndim, *array.shape)  # 8: unsigned bytes
    return head + array.tobytes()


def _unfit(source: object, got: str) -> DataFileError:
    return DataFileError(
        f"{source} does not hold the book's data",
        got=got,
        expected="training, validation (a fifth as many) and test images of bytes / 256, labels",
    )
