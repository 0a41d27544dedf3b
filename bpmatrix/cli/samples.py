"""Samples to predict: the test part of a data set, or all of a file, with or without labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix import datasets
from bpmatrix.datasets.idx import read_idx
from bpmatrix.datasets.npz import read_npz_samples
from bpmatrix.datasets.tables import read_csv
from bpmatrix.errors import ArgumentError, DataFileError, ShapeError

__all__ = ["Samples", "read_samples"]


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples as columns, and their labels where they are known."""

    X: NDArray[Any]
    labels: NDArray[np.int64] | None
    title: str


def read_samples(
    source: str, n_inputs: int, *, folder: str | None = None, label_column: str | None = None
) -> Samples:
    """Read what a model with `n_inputs` inputs shall predict.

    Parameters
    ----------
    source : str
        The name of a data set or a folder with four IDX files, which give their test part; or a
        .csv, .npz or IDX file, which gives all of its samples. A .csv file with one column more
        than the model has inputs holds labels, in the last or the named column.
    n_inputs : int
        The inputs of the model.
    folder, label_column : str, optional
        As for `bpmatrix.datasets.load`.

    Raises
    ------
    BpmatrixError
        If there is no such source, it cannot be read, or does not fit the model.
    """
    path = Path(source).expanduser()
    if source in ("digits", "mnist", "fashion-mnist") or not path.is_file():
        data = datasets.load(source, folder=folder, label_column=label_column)
        samples = Samples(data.test.X, data.test.labels, f"the test part of {data.name}")
    elif folder is not None:
        raise ArgumentError(
            "a folder belongs to 'mnist' and 'fashion-mnist'", got=source, cure="Leave it out."
        )
    else:
        samples = _read_file(path, n_inputs, label_column)
    if samples.X.shape[0] != n_inputs:
        raise ShapeError(
            f"{source} does not fit the model",
            got=f"samples of {samples.X.shape[0]} inputs",
            expected=n_inputs,
        )
    return samples


def _read_file(path: Path, n_inputs: int, label_column: str | None) -> Samples:
    kind = path.suffix.lower()
    if label_column is not None and kind != ".csv":
        raise ArgumentError("a label column belongs to .csv files", got=path, cure="Leave it out.")
    labels: NDArray[np.int64] | None = None
    rows: NDArray[Any]
    if kind == ".csv":
        table = read_csv(path)
        rows = table.values
        if label_column is not None or rows.shape[1] != n_inputs:
            rows, labels = table.inputs_and_labels(label_column)
    elif kind == ".npz":
        rows, labels = read_npz_samples(path)
    else:
        images = read_idx(path)
        if images.size == 0:
            raise DataFileError(
                f"{path} holds no samples",
                got=f"shape {images.shape}",
                expected="one sample or more",
            )
        rows = images.reshape(len(images), -1)
    return Samples(rows.T, labels, str(path))
