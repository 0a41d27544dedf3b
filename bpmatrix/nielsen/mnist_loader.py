"""The book's `mnist_loader`: MNIST in its two forms, read from IDX files, not from a pickle.

``bpmatrix book-to-idx`` converts the book's file, ``mnist.pkl.gz``, to IDX files.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from bpmatrix import datasets
from bpmatrix.array_types import Array, Integers
from bpmatrix.checks import find
from bpmatrix.errors import DataError
from bpmatrix.nielsen.bridge import as_labels

__all__ = ["load_data", "load_data_wrapper", "vectorized_result"]

Part = tuple[Array, Integers]
Pairs = list[tuple[Array, Any]]

# In the book's file, pixels are bytes divided by 256: white is 0.99609375.
SCALES = {"mnist": 1 / 256, "fashion-mnist": 1 / 256, "digits": 1 / 16}


def load_data(
    name: str = "mnist", *, folder: str | os.PathLike[str] | None = None
) -> tuple[Part, Part, Part]:
    """Return training, validation and test data as pairs of arrays.

    Parameters
    ----------
    name : {"mnist", "fashion-mnist", "digits"}
        The data set. The digits, 8 x 8 pixels, ship with the package.
    folder : path-like, optional
        The folder with the four IDX files. None searches ``$BPMATRIX_DATA``, the system and the
        user's cache, then downloads.

    Returns
    -------
    training, validation, test : tuple (images, labels)
        images (n, n_0) float32, one per row, with the same numbers as the book's file; labels (n,)
        int64. For MNIST n is 50,000, 10,000 and 10,000.

    Raises
    ------
    ArgumentError
        If the name is unknown.
    DataNotFoundError, DataFileError, DownloadError
        If the files are not found, damaged, or cannot be downloaded.
    """
    scale = np.float32(find(SCALES, name, "data set"))
    data = datasets.load(name, folder=folder)
    training, validation, test = (
        (part.X.T.astype(np.float32) * scale, part.labels)
        for part in (data.train, data.validation, data.test)
    )
    return training, validation, test


def load_data_wrapper(
    name: str = "mnist", *, folder: str | os.PathLike[str] | None = None
) -> tuple[Pairs, Pairs, Pairs]:
    """Return training, validation and test data as lists of tuples, for the networks.

    Parameters
    ----------
    name, folder
        As for `load_data`.

    Returns
    -------
    training_data : list of (x, y)
        Column vectors: x (n_0, 1), y (10, 1) with a 1 at the class.
    validation_data, test_data : list of (x, label)

    Examples
    --------
    >>> training_data, validation_data, test_data = load_data_wrapper("digits")
    >>> x, y = training_data[0]
    >>> x.shape, y.shape, len(training_data)
    ((64, 1), (10, 1), 1200)
    """
    training, validation, test = (
        [(row.reshape(-1, 1), label) for row, label in zip(images, labels, strict=True)]
        for images, labels in load_data(name, folder=folder)
    )
    return [(x, vectorized_result(label)) for x, label in training], validation, test


def vectorized_result(j: float) -> Array:
    """Return the column vector (10, 1) with a 1 in row j.

    Raises
    ------
    ArrayTypeError, DataError
        If j is not a digit.

    Examples
    --------
    >>> vectorized_result(2).ravel()
    array([0., 0., 1., 0., 0., 0., 0., 0., 0., 0.])
    """
    (row,) = as_labels([j])
    if not 0 <= row < 10:
        raise DataError("j must be a digit", got=row, expected="0 to 9")
    e = np.zeros((10, 1))
    e[row] = 1.0
    return e
