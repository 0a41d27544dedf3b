"""Load a network or an estimator from a model file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bpmatrix.network import Network
from bpmatrix.storage.tensor_files import opened

if TYPE_CHECKING:
    from bpmatrix.estimators import MLPClassifier, MLPRegressor
    from bpmatrix.tables.model import TableModel


def load(path: str | os.PathLike[str]) -> Network | MLPClassifier | MLPRegressor | TableModel:
    """Load a network, an estimator or a model of a table from a model file.

    Nothing in the file is ever executed.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ModelFileError
        If it is damaged or not a bpmatrix model.
    ImportError
        If it contains an estimator or a model of a table, and scikit-learn or pyarrow is missing.

    Examples
    --------
    >>> import bpmatrix, tempfile
    >>> net = bpmatrix.Network([2, 3, 1], seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net.save(f"{folder}/net.safetensors")
    ...     same = bpmatrix.load(f"{folder}/net.safetensors")
    >>> bool((same.parameters == net.parameters).all())
    True
    """
    with opened(path) as file:
        if "estimator" in file.values:
            from bpmatrix.estimators import restored  # noqa: PLC0415 - loads scikit-learn

            return restored(file)
        if "table" in file.values:
            from bpmatrix.tables.model import TableModel  # noqa: PLC0415 - loads pyarrow
            from bpmatrix.tables.storage import restore  # noqa: PLC0415

            return restore(TableModel, file)
    return Network.load(path)
