"""Read samples to predict: the test part of a data set, or a whole file, labeled or not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bpmatrix import datasets
from bpmatrix.array_types import Array, Integers
from bpmatrix.datasets.foreign import check_is_text
from bpmatrix.datasets.idx import read_idx
from bpmatrix.datasets.loading import check_arguments
from bpmatrix.datasets.npz import read_npz_samples
from bpmatrix.datasets.tables import Table, class_numbers, open_table
from bpmatrix.errors import DataFileError, ShapeError

if TYPE_CHECKING:
    from bpmatrix import Network


@dataclass(frozen=True, eq=False)
class SamplesToPredict:
    """Samples as columns, and their labels if known.

    Attributes
    ----------
    X : ndarray of shape (n_0, n)
        One sample per column.
    labels : ndarray of shape (n,), int64, or None
        The classes.
    title : str
        How messages call the samples.
    note : str or None
        Why the labels could not be read.
    """

    X: Array
    labels: Integers | None
    title: str
    note: str | None = None


def read_samples(
    source: str, net: Network, *, folder: str | None = None, label_column: str | None = None
) -> SamplesToPredict:
    """Read the samples that a network is to predict.

    Parameters
    ----------
    source : str
        A data set or a folder with four IDX files, of which the test part is read; or a .csv, .npz
        or IDX file, of which all samples are read. The columns of a .csv file with a header are
        found by the names that the network was trained with. Without names, if there is one column
        more than the network has inputs, the last or the named one contains labels.
    net : Network
        The network.
    folder, label_column : str, optional
        As for `bpmatrix.datasets.load`.

    Raises
    ------
    BpmatrixError
        If the source is missing, cannot be read, or does not fit the network.
    """
    check_arguments(source, folder, label_column)
    n_inputs = net.description.sizes[0]
    path = Path(source).expanduser()
    if source in ("digits", "mnist", "fashion-mnist") or not path.is_file():
        data = datasets.load(source, folder=folder, label_column=label_column)
        samples = SamplesToPredict(data.test.X, data.test.labels, f"the test part of {data.name}")
    else:
        samples = _read_file(path, net, label_column)
    if samples.X.shape[0] != n_inputs:
        raise ShapeError(
            f"{source} does not fit the model",
            got=f"samples of {samples.X.shape[0]} inputs",
            expected=n_inputs,
        )
    return samples


def _read_file(path: Path, net: Network, label_column: str | None) -> SamplesToPredict:
    kind = path.suffix.lower()
    if kind == ".csv" or ".csv" in map(str.lower, path.suffixes):
        return _read_table(open_table(path), net, label_column)
    labels: Integers | None = None
    rows: Array
    if kind == ".npz":
        rows, labels = read_npz_samples(path)
    else:
        if kind != ".gz":  # IDX files may be compressed
            check_is_text(path)
        images = read_idx(path)
        if images.size == 0:
            raise DataFileError(
                f"{path} contains no samples",
                got=f"shape {images.shape}",
                expected="one sample or more",
            )
        rows = images.reshape(len(images), -1)
    return SamplesToPredict(rows.T, labels, str(path))


def _read_table(table: Table, net: Network, label_column: str | None) -> SamplesToPredict:
    """Read the inputs of a network from a table, and the labels if it has them."""
    width, n_inputs = len(table.first), net.description.sizes[0]
    label = None if label_column is None else table.column(label_column)
    names, trained_label = _trained_columns(net)
    if names and table.has_header:
        inputs = table.columns(names)
        if label is None and trained_label in table.names:
            label = table.column(trained_label)
    else:
        if label is None and width == n_inputs + 1:
            label = n_inputs
        inputs = [column for column in range(width) if column != label]
    if label is not None and label in inputs:
        raise DataFileError(
            f"{table.called(label)} of {table.path} is an input of the model",
            expected="a column of labels",
            cure="Name another column as the target, or none.",
        )
    cells = table.read(inputs, label)
    labels, note = None, None
    if label is not None:
        try:
            labels = class_numbers(table, cells, label)
        except DataFileError as error:
            if label_column is not None:  # asked for
                raise
            note = str(error)
    return SamplesToPredict(cells.numbers.T, labels, str(table.path), note)


def _trained_columns(net: Network) -> tuple[list[str], str]:
    """Return the names of the input columns and of the label column that a network was trained on.

    No names if the model file has none or something else in their place.
    """
    for run in reversed(net.trained):
        names, label = run.get("columns"), run.get("label_column")
        is_list = isinstance(names, list) and len(names) == net.description.sizes[0]
        if is_list and all(isinstance(name, str) for name in (*names, label)):
            return names, str(label)
    return [], ""
