"""The errors of data sets: damaged, unsuitable and missing files."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
from cures.table import Row

from bpmatrix import datasets
from bpmatrix.datasets.sources import SOURCES
from bpmatrix.datasets.tables import open_table

__all__ = ["ROWS"]

# Six rows of each of two classes.
TABLE = np.arange(24.0).reshape(12, 2)
CLASSES = np.arange(12) % 2
GOOD = "".join(f"{i},{-i},{i % 2}\n" for i in range(12))
# Twelve images of 2 x 2 bytes.
IMAGES = np.arange(48, dtype=np.uint8).reshape(12, 2, 2)
DIGITS = CLASSES.astype(np.uint8)
PIECES = ("images-idx3", "labels-idx1")


def npz(**arrays: object) -> Callable[[Path], object]:
    """Return a function that loads these arrays."""

    def load(folder: Path) -> object:
        np.savez(folder / "samples.npz", **arrays)
        return datasets.load(folder / "samples.npz")

    return load


def packed(folder: Path) -> object:
    """Load a compressed archive."""
    np.savez_compressed(folder / "samples.npz", X=np.zeros((12, 900)), y=CLASSES)
    return datasets.load(folder / "samples.npz")


def npy(change: Callable[[bytes], bytes], compression: int = zipfile.ZIP_STORED, flag: int = 0):
    """Return a function that loads an archive with changed bytes of X."""

    def load(folder: Path) -> object:
        path = folder / "samples.npz"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, array in (("X.npy", TABLE), ("y.npy", CLASSES)):
                memory = io.BytesIO()
                np.save(memory, array)
                archive.writestr(name, change(memory.getvalue()) if name[0] == "X" else
                                 memory.getvalue())  # fmt: skip
        content = bytearray(path.read_bytes())
        if flag:  # in the directory at the end of the archive
            content[content.index(b"PK\x01\x02") + 8] |= flag
        path.write_bytes(content)
        return datasets.load(path)

    return load


def idx(array: np.ndarray) -> bytes:
    """Return an array of bytes or of floating-point numbers in the IDX format."""
    code = {"u": 0x08, "f": 0x0E}[array.dtype.kind]
    head = struct.pack(f">2xBB{array.ndim}I", code, array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def four(folder: Path, train: tuple | None = None, **files: bytes) -> Path:
    """Write the four files of a data set; `files` replaces some of them."""
    folder.mkdir(exist_ok=True)
    for part, arrays in (("train", train or (IMAGES, DIGITS)), ("t10k", (IMAGES, DIGITS))):
        for piece, array in zip(PIECES, arrays, strict=True):
            name = f"{part}-{piece}-ubyte"
            content = files.get(f"{part}_{piece[:6]}", idx(array))
            (folder / (name + ".gz" * (content[:2] == b"\x1f\x8b"))).write_bytes(content)
    return folder


def images(train: tuple | None = None, **files: bytes) -> Callable[[Path], object]:
    """Return a function that loads a folder of four files."""

    def load(folder: Path) -> object:
        four(folder, train, **files)
        return datasets.load(folder)

    return load


def zipped_images(content: bytes) -> Callable[[Path], object]:
    """Return a function that loads a folder whose first file is gzipped."""

    def load(folder: Path) -> object:
        four(folder)
        (folder / "train-images-idx3-ubyte").unlink(missing_ok=True)
        (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(content, mtime=0))
        return datasets.load(folder)

    return load


@contextmanager
def nowhere(folder: Path, **variables: str) -> Iterator[None]:
    """Hide MNIST on this machine, and make the download fail."""
    dead = replace(SOURCES["mnist"], mirrors=("http://127.0.0.1:9/",))
    places = {"XDG_DATA_DIRS": str(folder / "system"), "BPMATRIX_DATA": "", **variables}
    with (
        patch.dict("os.environ", places),
        patch("pooch.os_cache", lambda project: folder / "cache" / project),
        patch.dict(SOURCES, mnist=dead),
    ):
        yield


def mnist(place: Path, **options: object) -> object:
    """Load MNIST while it is hidden."""
    with nowhere(place):
        return datasets.load("mnist", **options)


def mnist_of_a_folder(folder: Path) -> object:
    """Load MNIST from a folder, and by the environment variable."""
    four(folder / "mnist")
    with nowhere(folder, BPMATRIX_DATA=str(folder)):
        datasets.load("mnist", download=False)
    return mnist(folder, folder=folder / "mnist")


def with_little_memory(call: Callable[[Path], object]) -> Callable[[Path], object]:
    """Limit decompressed files to 5,000 bytes instead of 512 MiB."""

    def limited(folder: Path) -> object:
        with patch("bpmatrix.datasets.streams.MAX_INFLATED", 5_000):
            return call(folder)

    return limited


BIG = np.zeros((12, 100, 100), np.uint8)
AGAIN = "Download or write the file again."
WRITE = "Write it with numpy.savez(path, X=table, y=labels)."

ROWS = [
    Row("datasets/download.py: _fetch_file", "{} of {} could not be downloaded",
        mnist, "pass folder=, ", mnist_of_a_folder),
    # ------------------------------------------------------------------------------ IDX files
    Row("datasets/idx.py: read_idx", "{} cannot be read: {}",
        images(train_images=gzip.compress(idx(IMAGES))[:-9]), AGAIN,
        images(train_images=gzip.compress(idx(IMAGES)))),
    Row("datasets/idx.py: _read", "the size of {} does not match its header",
        images(train_images=idx(IMAGES)[:-1]), AGAIN, images()),
    Row("datasets/idx.py: _read_header", "{} is not an IDX file",
        images(train_images=b"<!DOCTYPE html>"),
        "Check that it is the file itself, not the web page", images()),
    Row("datasets/idx.py: _read_header", "{} is truncated",
        images(train_images=idx(IMAGES)[:9]), AGAIN, images()),
    # -------------------------------------------------------------------------------- loading
    Row("datasets/loading.py: load", "there is no data set, file or folder {}",
        lambda _: datasets.load("digit"), "Check the spelling",
        lambda _: datasets.load("digits")),
    Row("datasets/loading.py: check_arguments", "folder is only for 'mnist' and 'fashion-mnist'",
        lambda folder: datasets.load("digits", folder=four(folder)),
        "Pass the folder as the source, or leave it out.",
        lambda folder: (datasets.load(folder), datasets.load("digits"))),
    Row("datasets/loading.py: check_arguments", "label_column is only for .csv files",
        lambda _: datasets.load("digits", label_column="kind"), "Leave it out.",
        lambda _: datasets.load("digits")),
    Row("datasets/loading.py: _load_file", "{} has a format that bpmatrix does not read",
        lambda folder: (folder / "t.txt").write_text(GOOD) and datasets.load(folder / "t.txt"),
        "expected .csv, .npz, or a folder with four IDX files",
        lambda folder: datasets.load((folder / "t.txt").rename(folder / "t.csv"))),
    Row("datasets/loading.py: _load_file",
        "{} is too small to be split into training, validation and test",
        npz(X=TABLE[:8], y=CLASSES[:8]), "expected 5 or more", npz(X=TABLE[:10], y=CLASSES[:10])),
    Row("datasets/loading.py: _count_classes", "the classes of {} are not numbered 0, 1, 2, ...",
        npz(X=TABLE, y=CLASSES + 1),
        "Renumber them: y = numpy.unique(y, return_inverse=True)[1].",
        npz(X=TABLE, y=np.unique(CLASSES + 1, return_inverse=True)[1])),
    # ---------------------------------------------------------------------------------- MNIST
    Row("datasets/mnist.py: read_folder", "there is no folder {}",
        lambda folder: datasets.load("mnist", folder=folder / "four"),
        "Pass the folder with the four IDX files.",
        lambda folder: datasets.load("mnist", folder=four(folder / "four"))),
    Row("datasets/mnist.py: read_folder", "the files of {} do not fit together",
        images((IMAGES[:, :, :1], DIGITS)), "equally many pixels", images()),
    Row("datasets/mnist.py: _find", "the data set {} is not on this machine",
        lambda folder: mnist(folder, download=False), "set BPMATRIX_DATA to a folder whose",
        mnist_of_a_folder),
    Row("datasets/mnist.py: _read_pair", "{} contains no images",
        images((DIGITS, DIGITS)), "expected (n, height, width)", images()),
    Row("datasets/mnist.py: _read_pair", "{} does not fit {}",
        images((IMAGES, DIGITS[:6])), "Take both files from the same download.", images()),
    Row("datasets/mnist.py: _read_pair", "{} contains NaN or infinity",
        images((np.full(IMAGES.shape, np.nan), DIGITS)), "expected finite numbers",
        images((np.ones(IMAGES.shape), DIGITS))),
    Row("datasets/mnist.py: _existing", "the folder {} has no file {}",
        datasets.load, "Pass the folder with the four IDX files.",
        images()),
    # ------------------------------------------------------------------------------- archives
    Row("datasets/npz.py: read_npz_samples", "{} is not a valid .npz archive: {}",
        lambda folder: ((folder / "samples.npz").write_bytes(b"PK"),
                        datasets.load(folder / "samples.npz")), WRITE, npz(X=TABLE, y=CLASSES)),
    Row("datasets/npz.py: _other_arrays", "{} contains the wrong arrays",
        npz(data=TABLE, y=CLASSES), WRITE, npz(X=TABLE, y=CLASSES)),
    Row("datasets/npz.py: _check_entry", "{} is encrypted",
        npy(lambda x: x, flag=1), WRITE, npz(X=TABLE, y=CLASSES)),
    Row("datasets/npz.py: _check_entry", "{} is damaged, or was not written by NumPy",
        npy(lambda x: x, zipfile.ZIP_BZIP2), WRITE, npz(X=TABLE, y=CLASSES)),
    Row("datasets/npz.py: _read_entry", "{} has a dtype that bpmatrix does not read",
        npz(X=TABLE > 3, y=CLASSES), "Write X.astype(float)",
        npz(X=(TABLE > 3).astype(float), y=CLASSES)),
    Row("datasets/npz.py: _read_entry", "{} is in Fortran order",
        npz(X=np.asfortranarray(TABLE), y=CLASSES), "Write numpy.ascontiguousarray(table)",
        npz(X=np.ascontiguousarray(np.asfortranarray(TABLE)), y=CLASSES)),
    Row("datasets/npz.py: _read_entry", "{} is damaged: its shape {} does not fit its size",
        npy(lambda x: x[:-8]), WRITE, npz(X=TABLE, y=CLASSES)),
    Row("datasets/npz.py: read_npy_header", "{}",
        npy(lambda x: x.replace(b"descr", b"\0\0\0\0\0")), WRITE, npz(X=TABLE, y=CLASSES)),
    Row("datasets/npz.py: read_npy_header", "{}: {} has an unknown version",
        npy(lambda x: x[:6] + b"\3" + x[7:]), WRITE, npz(X=TABLE, y=CLASSES)),
    Row("datasets/npz.py: read_npy_header", "{}: {} has an impossible shape",
        npy(lambda x: x.replace(b"(12, 2)", b"(-2, 2)")), WRITE, npz(X=TABLE, y=CLASSES)),
    Row("datasets/npz.py: _check_table", "the array X of {} is not a table of samples",
        npz(X=IMAGES, y=CLASSES), "X.reshape(len(X), -1) flattens images",
        npz(X=IMAGES.reshape(len(IMAGES), -1), y=CLASSES)),
    Row("datasets/npz.py: _check_table", "the array X of {} has {} values that are not finite",
        npz(X=np.where(TABLE < 1, np.nan, TABLE), y=CLASSES), "Drop these samples",
        lambda folder: (npz(X=TABLE[1:], y=CLASSES[1:])(folder),
                        npz(X=np.nan_to_num(TABLE), y=CLASSES)(folder))),
    Row("datasets/npz.py: _check_labels", "the array y of {} is not a vector of labels",
        npz(X=TABLE, y=CLASSES[:, None] / 1.0), "y.ravel().astype(int)",
        lambda folder: (npz(X=TABLE, y=(CLASSES[:, None] / 1.0).ravel().astype(int))(folder),
                        npz(X=TABLE, y=np.eye(2)[CLASSES].argmax(axis=1))(folder))),
    Row("datasets/streams.py: check_inflated_size",
        "{} is damaged: its header claims more data than the file can hold",
        zipped_images(struct.pack(">2xBB3I", 8, 3, 60_000, 28, 28)), AGAIN,
        zipped_images(idx(IMAGES))),
    Row("datasets/streams.py: check_is_file", "{} is not a regular file",
        open_table, "Name one of its files.",
        lambda folder: ((folder / "t.csv").write_text("1,0"), open_table(folder / "t.csv"))),
    Row("datasets/streams.py: check_growth", "{} grows too large when decompressed",
        with_little_memory(packed), "Write it with numpy.savez, uncompressed, if you trust it.",
        with_little_memory(npz(X=np.zeros((12, 900)), y=CLASSES))),
    Row("datasets/streams.py: read_exactly", "{} is truncated",
        zipped_images(idx(IMAGES)[:-1]), AGAIN, zipped_images(idx(IMAGES))),
    Row("datasets/streams.py: read_exactly", "{} is longer than its header says",
        zipped_images(idx(IMAGES) + b"\0"), AGAIN, zipped_images(idx(IMAGES))),
]  # fmt: skip
