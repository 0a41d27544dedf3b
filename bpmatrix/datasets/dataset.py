"""A data set: three splits, the scale of its inputs, and its origin."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.markup import Markup, picture, table

# What a notebook shows of a data set; fewer bytes than this are not an image.
MOST_CLASSES, SMALLEST_SIDE = 10, 5


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """The training, validation or test samples.

    Attributes
    ----------
    X : ndarray of shape (n_0, n)
        One sample per column, in the dtype of the file. A sample is contiguous in memory: X is the
        transpose of a C-ordered table (n, n_0).
    labels : ndarray of shape (n,), int64
        The class of each sample, from 0.

    Examples
    --------
    >>> from bpmatrix import datasets
    >>> datasets.load("digits").test
    Split(X (64, 297) uint8, labels (297,) int64)
    """

    X: NDArray[Any]
    labels: NDArray[np.int64]

    def __repr__(self) -> str:
        """Return shapes and dtypes."""
        return (
            f"Split(X {self.X.shape} {self.X.dtype}, "
            f"labels {self.labels.shape} {self.labels.dtype})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class DataSet:
    """A data set for classification, split into training, validation and test.

    Attributes
    ----------
    name : str
        "digits", "mnist", "fashion-mnist", or the name of the file or folder.
    train, validation, test : Split
        Disjoint samples; together they are the whole data set.
    scale : float
        The factor that brings the inputs to [0, 1] in magnitude (to pass as ``input_scale``).
    n_classes : int
        The number of classes: every label is in 0 .. n_classes - 1.
    source, license : str
        The authors and origin of the data, and their license.
    columns : tuple of str
        The names of the inputs; empty if the file has none or has duplicates.
    label_column : str or None
        The name of the column with the labels.

    Examples
    --------
    >>> from bpmatrix import datasets
    >>> digits = datasets.load("digits")
    >>> digits
    DataSet('digits', 64 inputs, 10 classes, 1200 + 300 + 297 samples)
    >>> float(digits.train.X.max() * digits.scale)
    1.0
    """

    name: str
    train: Split
    validation: Split
    test: Split
    scale: float
    n_classes: int
    source: str
    license: str
    columns: tuple[str, ...] = ()
    label_column: str | None = None

    def __repr__(self) -> str:
        """Return name and sizes."""
        sizes = " + ".join(str(s.labels.size) for s in (self.train, self.validation, self.test))
        return (
            f"DataSet({self.name!r}, {self.train.X.shape[0]} inputs, "
            f"{self.n_classes} classes, {sizes} samples)"
        )

    def _repr_html_(self) -> str:
        """Return a table of the splits and, for images, a sample of each class, for notebooks."""
        rows: list[list[object]] = []
        for name in ("train", "validation", "test"):
            split: Split = getattr(self, name)
            classes = [
                picture(split.X[:, j].reshape(side, side), height=36, alt=f"class {k}")
                for side in _sides(split.X)
                for k in range(min(self.n_classes, MOST_CLASSES))
                for j in np.flatnonzero(split.labels == k)[:1]
            ]
            rows.append(
                [name, split.X.shape, split.X.dtype, split.labels.shape, Markup("".join(classes))]
            )
        title = f"{self.name}: {self.n_classes} classes, {self.source}"
        return table(title, ["", "X", "type", "labels", ""], rows)


def _sides(X: NDArray[Any]) -> tuple[int, ...]:
    """Return the side of square images of bytes, or nothing for other data."""
    side = math.isqrt(len(X))
    is_image = X.dtype == np.uint8 and side * side == len(X) and side >= SMALLEST_SIDE
    return (side,) if is_image else ()


def input_scale(X: NDArray[Any]) -> float:
    """Return the factor that brings X (n_0, n) to [0, 1] in magnitude.

    It is 1/255 for bytes, which are pixels, else 1 / max |X|, or 1.0 if all inputs are 0.
    """
    if X.dtype == np.uint8:
        return 1 / 255
    peak = max(float(X.max()), -float(X.min()))
    # The inverse of a subnormal number may overflow; such inputs count as 0.
    return 1 / peak if peak >= sys.float_info.min else 1.0
