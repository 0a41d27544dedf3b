"""MNIST, Fashion-MNIST, and any folder with the same four IDX files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from bpmatrix.datasets.dataset import DataSet, Split, input_scale
from bpmatrix.datasets.idx import read_idx
from bpmatrix.datasets.sources import SOURCES
from bpmatrix.errors import DataFileError, DataNotFoundError

# The last sixth of the training images, 10,000 of MNIST's 60,000, is the book's validation split.
_VALIDATION_PART = 6


def load_mnist(
    name: str,
    *,
    folder: str | os.PathLike[str] | None = None,
    download: bool = True,
    progress: bool | None = None,
) -> DataSet:
    """Return "mnist" or "fashion-mnist": 70,000 images of 28 x 28 bytes in 10 classes.

    The files are read from `folder`. Without it they are looked for in the subfolder `name` of the
    folder in the environment variable BPMATRIX_DATA, in the system's ``share/datasets`` and in the
    user's cache, then downloaded. The first 50,000 training images are for training, the last
    10,000 for validation, the 10,000 test images for the test.

    Parameters
    ----------
    name : {"mnist", "fashion-mnist"}
        The data set.
    folder : path-like, optional
        The folder with the four files, or its parent; no other place is searched.
    download : bool, default True
        Whether to download the files if they are not found.
    progress : bool, optional
        Whether to show the progress of a download on standard error; None shows it on a terminal.

    Returns
    -------
    DataSet
        X (784, n) uint8; scale 1/255. Training and validation are views of one array.

    Raises
    ------
    DataNotFoundError
        If a file is missing in `folder`, or the files are not found and `download` is False.
    DataFileError
        If a file is damaged.
    DownloadError
        If no mirror gives the files.

    Examples
    --------
    >>> load_mnist("mnist", folder="no-such-folder")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    bpmatrix.errors.DataNotFoundError: there is no folder no-such-folder. Pass...
    """
    origin = SOURCES[name]
    if folder is None:
        found = _find(name, download=download, progress=progress)
    else:
        found = Path(folder).expanduser()
        if (found / name).is_dir():
            found /= name
    return read_folder(found, name=name, source=origin.source, license=origin.license)


def read_folder(
    folder: str | os.PathLike[str],
    *,
    name: str | None = None,
    source: str | None = None,
    license: str = "unknown",  # noqa: A002 - the name of the attribute
) -> DataSet:
    """Read the four IDX files of a folder, plain or gzipped, named like those of MNIST.

    The names are ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
    ``t10k-images-idx3-ubyte``, ``t10k-labels-idx1-ubyte``, with ``.idx`` in place of ``-idx`` or
    with ``.gz`` if you like. The last sixth of the training images is the validation split.

    Parameters
    ----------
    folder : path-like
        The folder.
    name, source, license : str, optional
        Attributes of the data set; None is the name and the path of the folder.

    Returns
    -------
    DataSet
        X (n_0, n) in the type of the files. Training and validation are views of one array.

    Raises
    ------
    DataNotFoundError
        If there is no such folder, or a file is missing.
    DataFileError
        If a file is damaged, or the files do not fit together.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise DataNotFoundError(
            f"there is no folder {folder}", cure="Pass the folder with the four IDX files."
        )
    both, test = _read_pair(folder, "train"), _read_pair(folder, "t10k")
    n_train = both.labels.size - both.labels.size // _VALIDATION_PART
    if n_train == both.labels.size or both.X.shape[0] != test.X.shape[0]:
        raise DataFileError(
            f"the files of {folder} do not fit together",
            got=f"training images of shape {both.X.shape[::-1]}, test images {test.X.shape[::-1]}",
            expected=f"equally many pixels, and at least {_VALIDATION_PART} training images",
        )
    train = Split(both.X[:, :n_train], both.labels[:n_train])
    return DataSet(
        name=name or folder.resolve().name,
        train=train,
        validation=Split(both.X[:, n_train:], both.labels[n_train:]),
        test=test,
        scale=input_scale(train.X),
        n_classes=1 + max(int(both.labels.max()), int(test.labels.max())),
        source=source or str(folder),
        license=license,
    )


def _find(name: str, *, download: bool, progress: bool | None) -> Path:
    """Return the first folder that has the data set, or download it."""
    # The system's data folders (XDG) contain Debian's dataset-fashion-mnist.
    folders = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    places = [Path(base) / "datasets" / name for base in folders.split(os.pathsep) if base]
    if own := os.environ.get("BPMATRIX_DATA"):
        places.insert(0, Path(own).expanduser() / name)
    for place in places:
        if place.is_dir():
            return place
    from bpmatrix.datasets.download import cached, fetch  # noqa: PLC0415 - loads network code

    if in_cache := cached(name):
        return in_cache
    if download:
        return fetch(name, progress=progress)
    raise DataNotFoundError(
        f"the data set {name} is not on this machine",
        got="no folder " + ", ".join(map(str, places)) + ", nothing in the cache, and no download",
        cure=f"Allow the download, or: {SOURCES[name].alternatives(name)}",
    )


def _read_pair(folder: Path, part: str) -> Split:
    """Read the images and the labels of one part, "train" or "t10k"."""
    image_file = _existing(folder, f"{part}-images-idx3-ubyte")
    label_file = _existing(folder, f"{part}-labels-idx1-ubyte")
    images, labels = read_idx(image_file), read_idx(label_file)
    if images.ndim == 1 or images.size == 0:
        raise DataFileError(
            f"{image_file} contains no images",
            got=f"an array of shape {images.shape}",
            expected="(n, height, width)",
        )
    if labels.dtype != np.uint8 or labels.shape != images.shape[:1]:
        raise DataFileError(
            f"{label_file} does not fit {image_file.name}",
            got=f"{labels.dtype} of shape {labels.shape}",
            expected=f"uint8 of shape {images.shape[:1]}, one label per image",
            cure="Take both files from the same download.",
        )
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        raise DataFileError(f"{image_file} contains NaN or infinity", expected="finite numbers")
    return Split(images.reshape(labels.size, -1).T, labels.astype(np.int64))


def _existing(folder: Path, name: str) -> Path:
    """Return the path of the file under one of its usual names."""
    for spelling in (name, name.replace("-idx", ".idx")):
        for candidate in (folder / spelling, folder / f"{spelling}.gz"):
            if candidate.is_file():
                return candidate
    raise DataNotFoundError(
        f"the folder {folder} has no file {name}",
        expected=f"{name} or {name}.gz, and three more IDX files",
        cure="Pass the folder with the four IDX files.",
    )
