"""Real tables from installed packages, as DataFrames of pandas.

Nothing is downloaded. Only scikit-learn is imported; of the other packages the data files are read.
Rows with missing values are dropped.
"""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from bpmatrix import datasets
from bpmatrix.array_types import Array
from bpmatrix.errors import DataNotFoundError

IMAGES = 10_000  # enough to show differences, in minutes rather than an hour


@dataclass(frozen=True, slots=True)
class RealTable:
    """A data set for classification or regression."""

    name: str
    load: Callable[[], tuple[Any, Array]]
    regression: bool = False


def _shipped(name: str) -> tuple[Any, Array]:
    """Return a table in scikit-learn."""
    shipped = import_module("sklearn.datasets")
    X, y = getattr(shipped, f"load_{name}")(return_X_y=True)
    return _named(X), y


def _images(name: str) -> tuple[Any, Array]:
    """Return images and labels of MNIST or Fashion-MNIST, if they are on this machine."""
    rows = datasets.load(name, download=False).train
    return _named(rows.X[:, :IMAGES].T / 255), rows.labels[:IMAGES]


def _named(X: Array) -> Any:
    import pandas as pd  # noqa: PLC0415 - of the extra dev

    return pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])


def _file(place: str) -> Path:
    """Return the path of a file in an installed package.

    Raises
    ------
    DataNotFoundError
        If the package is not installed or has no such file.
    """
    package, _, rest = place.partition("/")
    found = find_spec(package)
    for folder in found.submodule_search_locations or () if found else ():
        if (path := Path(folder, rest)).exists():
            return path
    raise DataNotFoundError(
        f"{place} is not installed",
        cure="pip install --no-deps orange3 river statsmodels bokeh-sampledata",
    )


def _columns(place: str, target: str, leave_out: str = "", **how: Any) -> tuple[Any, Array]:
    """Return features and target of a text file with a header."""
    import pandas as pd  # noqa: PLC0415 - of the extra dev

    frame = pd.read_csv(_file(place), na_values=["?"], **how)
    frame = frame.drop(columns=leave_out.split()).dropna()
    y = frame.pop(target).to_numpy()
    return frame, y


def _banana() -> tuple[Any, Array]:
    """Return a table of river in the format of libsvm: ``-1 1:0.5 2:1.5``."""
    import pandas as pd  # noqa: PLC0415 - of the extra dev

    with zipfile.ZipFile(_file("river/datasets/banana.zip")) as archive:
        text = archive.open(archive.namelist()[0])
        rows = pd.read_csv(text, sep=r"[ :]", header=None, engine="python", usecols=[0, 2, 4])
    return _named(rows.iloc[:, 1:].to_numpy(np.float64)), rows.iloc[:, 0].to_numpy()


def _table(
    name: str, place: str, target: str, leave_out: str = "", *, regression: bool = False, **how: Any
) -> RealTable:
    return RealTable(name, partial(_columns, place, target, leave_out, **how), regression)


ORANGE = {"sep": "\t", "skiprows": [1, 2]}  # two more lines below the header
TABLES = (
    *(RealTable(name, partial(_shipped, name)) for name in
      ("iris", "wine", "breast_cancer", "digits")),
    _table("segment", "river/datasets/segment.csv.zip", "category"),
    RealTable("banana", _banana),
    _table("phishing", "river/datasets/phishing.csv.gz", "is_phishing"),
    _table("heart_disease", "Orange/datasets/heart_disease.tab", "diameter narrowing", **ORANGE),
    _table("zoo", "Orange/datasets/zoo.tab", "type", "name", **ORANGE),
    _table("titanic", "Orange/datasets/titanic.tab", "survived", **ORANGE),
    _table("glass", "bokeh_sampledata/_data/forensic_glass.csv", "type"),
    RealTable("diabetes", partial(_shipped, "diabetes"), regression=True),
    _table("auto-mpg", "bokeh_sampledata/_data/auto-mpg.csv", "mpg", "name", regression=True),
    _table("star98", "statsmodels/datasets/star98/star98.csv", "MATHTOT", regression=True),
    _table("fair", "statsmodels/datasets/fair/fair.csv", "affairs", regression=True),
    _table("modechoice", "statsmodels/datasets/modechoice/modechoice.csv", "gc", regression=True,
           sep=";"),
    RealTable(f"mnist, {IMAGES:,} images", partial(_images, "mnist")),
    RealTable(f"fashion-mnist, {IMAGES:,} images", partial(_images, "fashion-mnist")),
)  # fmt: skip
