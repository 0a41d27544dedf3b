"""Load any data set by name or path."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from bpmatrix.array_types import Array, Floats, Integers
from bpmatrix.datasets.dataset import DataSet, input_scale
from bpmatrix.datasets.digits import load_digits
from bpmatrix.datasets.foreign import check_is_text
from bpmatrix.datasets.mnist import load_mnist, read_folder
from bpmatrix.datasets.npz import read_npz
from bpmatrix.datasets.splits import stratified_split
from bpmatrix.datasets.streams import check_is_file
from bpmatrix.datasets.tables import class_numbers, cure_of_labels, open_table
from bpmatrix.errors import ArgumentError, DataFileError, DataNotFoundError

_MNIST = ("mnist", "fashion-mnist")


def load(
    source: str | os.PathLike[str],
    *,
    folder: str | os.PathLike[str] | None = None,
    label_column: str | None = None,
    download: bool = True,
    progress: bool | None = None,
) -> DataSet:
    """Load a data set by its name, or from a file or folder.

    - ``"digits"``: 1,797 handwritten digits of 8 x 8 pixels, in the package.
    - ``"mnist"``, ``"fashion-mnist"``: 70,000 images of 28 x 28 pixels, from `folder`, the folder
      in the environment variable BPMATRIX_DATA, the system, the user's cache, or by download.
    - a folder with four IDX files named like those of MNIST.
    - a ``.csv`` file: numbers separated by commas, one sample per line, with or without a header.
    - a ``.npz`` file: arrays X (n, n_0), one sample per row, and y (n,).

    A single file is split 4 : 1 : 1 into training, validation and test, the same way on every
    machine: of every six samples of a class, in file order, the third goes to validation and the
    fifth to the test. Its classes must be numbered 0, 1, 2, ... without gaps.

    Parameters
    ----------
    source : str or path-like
        A name or a path. For a file or folder with the name of a data set, write ``./mnist``.
    folder : path-like, optional
        For "mnist" and "fashion-mnist": the folder with the four files.
    label_column : str, optional
        For a .csv file: the name or number of the column with the labels; the last by default.
    download : bool, default True
        Whether to download MNIST or Fashion-MNIST if it is not found.
    progress : bool, optional
        Whether to show the progress of a download on standard error; None shows it on a terminal.

    Returns
    -------
    DataSet
        `.train`, `.validation`, `.test` with `.X` (n_0, n), samples as columns, in the dtype of the
        file, and `.labels` (n,); `.scale`, which brings X to [0, 1]: 1/16 for the digits, 1/255
        for bytes, else ``1 / max |X|`` of the training part.

    Raises
    ------
    ArgumentError
        If an argument does not apply to this source.
    DataNotFoundError
        If there is no such data set, file or folder.
    DataFileError
        If a file is damaged or has unsuitable content; the message says where, and the cure.
    DownloadError
        If a data set could not be downloaded.

    Examples
    --------
    >>> from bpmatrix import datasets
    >>> digits = datasets.load("digits")
    >>> digits.train.X.shape, digits.train.labels[:5], digits.scale
    ((64, 1200), array([0, 1, 2, 3, 4]), 0.0625)
    """
    check_arguments(source, folder, label_column)
    if source == "digits":
        return load_digits()
    if isinstance(source, str) and source in _MNIST:
        return load_mnist(source, folder=folder, download=download, progress=progress)
    path = Path(source).expanduser()
    if path.is_dir():
        return read_folder(path)
    check_is_file(path)
    if not path.exists():
        raise DataNotFoundError(
            f"there is no data set, file or folder {str(source)!r}",
            expected='"digits", "mnist", "fashion-mnist", or a path',
            cure="Check the spelling and the working folder.",
        )
    return _load_file(path, label_column)


def check_arguments(
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str] | None,
    label_column: str | None,
) -> None:
    """Reject a folder or a label column for a source that has none.

    Raises
    ------
    ArgumentError
        If an argument does not apply to this source.
    """
    if folder is not None and source not in _MNIST:
        raise ArgumentError(
            "folder is only for 'mnist' and 'fashion-mnist'",
            got=f"source {os.fspath(source)!r}",
            cure="Pass the folder as the source, or leave it out.",
        )
    if label_column is not None and ".csv" not in map(str.lower, Path(source).suffixes):
        raise ArgumentError(
            "label_column is only for .csv files",
            got=f"source {os.fspath(source)!r}",
            cure="Leave it out.",
        )


def _load_file(path: Path, label_column: str | None) -> DataSet:
    """Read one .csv or .npz file and split it."""
    table: Array
    names: dict[str, Any] = {}
    match path.suffix.lower():
        case ".csv":
            table, labels, names, cure = _read_csv(path, label_column)
        case ".npz":
            table, labels = read_npz(path)
            cure = "Renumber them: y = numpy.unique(y, return_inverse=True)[1]."
        case ending:
            check_is_text(path)
            raise DataFileError(
                f"{path} has a format that bpmatrix does not read",
                got=f"the suffix {ending!r}",
                expected=".csv, .npz, or a folder with four IDX files",
                cure="Name it .csv if it is comma-separated text.",
            )
    n_classes = _count_classes(labels, path, cure)
    train, validation, test = stratified_split(table, labels)
    if test.labels.size == 0:
        raise DataFileError(
            f"{path} is too small to be split into training, validation and test",
            got=f"{np.bincount(labels).max()} samples in the largest class",
            expected="5 or more",
        )
    return DataSet(
        name=path.stem,
        train=train,
        validation=validation,
        test=test,
        scale=input_scale(train.X),
        n_classes=n_classes,
        source=str(path),
        license="unknown",
        **names,
    )


def _read_csv(path: Path, label_column: str | None) -> tuple[Floats, Integers, dict[str, Any], str]:
    """Return inputs (n, n_0), labels (n,), their names, and the cure for wrong labels."""
    table = open_table(path)
    width = len(table.first)
    label = width - 1 if label_column is None else table.column(label_column)
    inputs = [column for column in range(width) if column != label]
    if not inputs:
        raise DataFileError(
            f"{path} has only one column",
            expected="inputs and a label, separated by commas",
            cure="Add columns of inputs.",
        )
    cells = table.read(
        inputs,
        label,
        cure_of_words=lambda column: (
            "Drop the column, or replace it by columns of 0 and 1, one per category; to predict "
            f"it: {table.prediction_of(column)}"
        ),
    )
    labels = class_numbers(table, cells, label)
    columns = tuple(table.names[column] for column in inputs if table.has_header)
    names = {}
    if len(set(columns)) == len(inputs):
        names = {"columns": columns, "label_column": table.names[label]}
    return cells.numbers, labels, names, cure_of_labels(table, label)


def _count_classes(labels: Integers, path: Path, cure: str) -> int:
    """Return k if the labels are 0 .. k - 1, each at least once."""
    classes = np.unique(labels)
    in_place = classes == np.arange(classes.size)
    if not in_place.all():
        missing = int(np.argmin(in_place))
        raise DataFileError(
            f"the classes of {path} are not numbered 0, 1, 2, ...",
            got=f"{classes.size} labels, {classes[0]} to {classes[-1]}, none of class {missing}",
            expected=f"0 to {classes.size - 1}",
            cure=cure,
        )
    return int(classes.size)
