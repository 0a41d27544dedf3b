"""Real tables from installed packages, with one-hot columns for text.

Nothing is downloaded. Only scikit-learn is imported; of the other packages the data files are read.
Rows with missing values are dropped.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix import datasets
from bpmatrix.errors import DataNotFoundError

__all__ = ["IMAGES", "TABLES", "RealTable"]

Array = NDArray[Any]

IMAGES = 10_000  # enough to show differences, in minutes rather than an hour


@dataclass(frozen=True, slots=True)
class RealTable:
    """A data set for classification or regression."""

    name: str
    load: Callable[[], tuple[Array, Array]]
    regression: bool = False


def _shipped(name: str) -> tuple[Array, Array]:
    """Return a table in scikit-learn."""
    shipped = import_module("sklearn.datasets")
    X, y = getattr(shipped, f"load_{name}")(return_X_y=True)
    return X, y


def _images(name: str) -> tuple[Array, Array]:
    """Return images and labels of MNIST or Fashion-MNIST, if they are on this machine."""
    rows = datasets.load(name, download=False).train
    return rows.X[:, :IMAGES].T / 255, rows.labels[:IMAGES]


def _file(package: str, *place: str) -> Path:
    """Return the path of a file in an installed package.

    Raises
    ------
    DataNotFoundError
        If the package is not installed or has no such file.
    """
    found = find_spec(package)
    for folder in found.submodule_search_locations or () if found else ():
        if (path := Path(folder, *place)).exists():
            return path
    raise DataNotFoundError(
        f"{'/'.join(place)} of the package {package} is not installed",
        cure="pip install --no-deps orange3 river statsmodels bokeh-sampledata",
    )


def _columns(
    package: str, *place: str, target: str, leave_out: tuple[str, ...] = (), **how: Any
) -> tuple[Array, Array]:
    """Return numbers and target of a text file with a header."""
    import pandas as pd  # noqa: PLC0415 - of the extra dev

    frame = pd.read_csv(_file(package, *place), na_values=["?"], **how)
    frame = frame.drop(columns=list(leave_out)).dropna()
    y = frame.pop(target).to_numpy()
    return pd.get_dummies(frame).to_numpy(np.float64), y


def _banana() -> tuple[Array, Array]:
    """Return a table of river in the format of libsvm: ``-1 1:0.5 2:1.5``."""
    import pandas as pd  # noqa: PLC0415 - of the extra dev

    with zipfile.ZipFile(_file("river", "datasets", "banana.zip")) as archive:
        text = archive.open(archive.namelist()[0])
        rows = pd.read_csv(text, sep=r"[ :]", header=None, engine="python", usecols=[0, 2, 4])
    return rows.iloc[:, 1:].to_numpy(np.float64), rows.iloc[:, 0].to_numpy()


def _orange(name: str, target: str, *leave_out: str) -> Callable[[], tuple[Array, Array]]:
    """Return the loader of a table of Orange, which has two more lines below its header."""
    return partial(
        _columns, "Orange", "datasets", f"{name}.tab", target=target, leave_out=leave_out,
        sep="\t", skiprows=[1, 2],
    )  # fmt: skip


def _statsmodels(name: str, target: str, **how: Any) -> Callable[[], tuple[Array, Array]]:
    return partial(_columns, "statsmodels", "datasets", name, f"{name}.csv", target=target, **how)


def _bokeh(name: str, target: str, *leave_out: str) -> Callable[[], tuple[Array, Array]]:
    return partial(
        _columns, "bokeh_sampledata", "_data", f"{name}.csv", target=target, leave_out=leave_out
    )


TABLES = (
    *(RealTable(name, partial(_shipped, name)) for name in
      ("iris", "wine", "breast_cancer", "digits")),
    RealTable("segment", partial(
        _columns, "river", "datasets", "segment.csv.zip", target="category")),
    RealTable("banana", _banana),
    RealTable("phishing", partial(
        _columns, "river", "datasets", "phishing.csv.gz", target="is_phishing")),
    RealTable("heart_disease", _orange("heart_disease", "diameter narrowing")),
    RealTable("zoo", _orange("zoo", "type", "name")),
    RealTable("titanic", _orange("titanic", "survived")),
    RealTable("glass", _bokeh("forensic_glass", "type")),
    *(RealTable(name, partial(_shipped, name), regression=True) for name in
      ("diabetes", "linnerud")),
    RealTable("auto-mpg", _bokeh("auto-mpg", "mpg", "name"), regression=True),
    RealTable("star98", _statsmodels("star98", "MATHTOT"), regression=True),
    RealTable("fair", _statsmodels("fair", "affairs"), regression=True),
    RealTable("modechoice", _statsmodels("modechoice", "gc", sep=";"), regression=True),
    RealTable(f"mnist, {IMAGES:,} images", partial(_images, "mnist")),
    RealTable(f"fashion-mnist, {IMAGES:,} images", partial(_images, "fashion-mnist")),
)  # fmt: skip
