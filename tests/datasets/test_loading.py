"""`load`: names, files, folders, and arguments that do not fit together."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bpmatrix import datasets
from bpmatrix.datasets.idx import read_idx
from bpmatrix.datasets.npz import read_npz
from bpmatrix.datasets.tables import open_table
from bpmatrix.errors import ArgumentError, DataFileError, DataNotFoundError
from bpmatrix.nielsen import network2
from bpmatrix.nielsen.pickled import read_pickled_arrays

LABELS = np.arange(24) % 2


def write_csv(path: Path, table: np.ndarray, header: str = "") -> Path:
    np.savetxt(path, table, delimiter=",", header=header, comments="", fmt="%g")
    return path


def test_csv(tmp_path: Path) -> None:
    inputs = np.linspace(-8, 4, 48).reshape(24, 2)
    path = write_csv(tmp_path / "two.csv", np.column_stack([LABELS, inputs]), "class,p,q")
    data = datasets.load(str(path), label_column="class")
    assert repr(data) == "DataSet('two', 2 inputs, 2 classes, 16 + 4 + 4 samples)"
    assert data.scale == 1 / 8
    assert data.train.X.dtype == np.float64
    np.testing.assert_allclose(data.test.X[:, 0], inputs[8], rtol=1e-4)
    assert data.source == str(path)


@pytest.mark.parametrize(
    ("table", "scale"),
    [
        (np.full((24, 3), 7, np.uint8), 1 / 255),
        (np.full((24, 3), -8, np.int64), 1 / 8),
        (np.zeros((24, 3), np.float32), 1.0),
        (np.full((24, 3), 5e-324), 1.0),
    ],
)
def test_npz(tmp_path: Path, table: np.ndarray, scale: float) -> None:
    np.savez(tmp_path / "some.npz", X=table, y=LABELS)
    data = datasets.load(tmp_path / "some.npz")
    assert data.scale == scale
    assert data.train.X.dtype == table.dtype
    assert data.train.X.shape == (3, 16)


def test_scale_is_that_of_the_training_part(tmp_path: Path) -> None:
    table = np.ones((6, 1))
    table[4] = 100.0
    np.savez(tmp_path / "some.npz", X=table, y=np.zeros(6, int))
    data = datasets.load(tmp_path / "some.npz")
    assert data.test.X.item() == 100.0
    assert data.scale == 1.0


def test_split_shows_its_shape(tmp_path: Path) -> None:
    assert repr(datasets.load("digits").test) == "Split(X (64, 297) uint8, labels (297,) int64)"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS + 1, "got 2 labels, 1 to 2, none of class 0, expected 0 to 1"),
        (LABELS * 2, "got 2 labels, 0 to 2, none of class 1"),
        (LABELS - 1, "got 2 labels, -1 to 0"),
        (LABELS * 10**12, "none of class 1"),
        (np.arange(24), "too small to be split.*got 1 samples in the largest class"),
    ],
)
def test_classes(tmp_path: Path, labels: np.ndarray, message: str) -> None:
    np.savez(tmp_path / "some.npz", X=np.ones((24, 2)), y=labels)
    with pytest.raises(DataFileError, match=message):
        datasets.load(tmp_path / "some.npz")


def test_folder(write_folder) -> None:
    assert datasets.load(write_folder("pictures")).name == "pictures"


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        ("digit", {}, DataNotFoundError, "no data set, file or folder 'digit'.*fashion-mnist"),
        ("digits", {"folder": "."}, ArgumentError, "folder is only for"),
        ("digits", {"label_column": "y"}, ArgumentError, "label_column is only for .csv"),
        (Path("some.npz"), {"label_column": "y"}, ArgumentError, "label_column is only for .csv"),
    ],
)
def test_wrong_use(source, options, error, message) -> None:
    with pytest.raises(error, match=message):
        datasets.load(source, **options)


def test_a_path_is_not_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataNotFoundError):
        datasets.load(Path("mnist"))
    with pytest.raises(DataNotFoundError):
        datasets.load(Path("digits"))


def test_unknown_suffix(tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text("1,2\n")
    with pytest.raises(DataFileError, match=r"got the suffix '.txt', expected .csv, .npz"):
        datasets.load(tmp_path / "some.txt")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "folder"])
@pytest.mark.parametrize(
    "read", [datasets.load, read_idx, read_npz, open_table, read_pickled_arrays, network2.load]
)
def test_what_is_not_a_file_is_not_opened(tmp_path: Path, kind: str, read) -> None:
    """A pipe without a writer would block, and a device may have no end."""
    path = tmp_path / "samples.csv"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with contextlib.chdir(tmp_path), socket.socket(socket.AF_UNIX) as end:
            end.bind(path.name)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises((DataFileError, DataNotFoundError), match=r"not a regular file|no file"):
        read(path)


def test_digits_load_no_network_code() -> None:
    program = (
        "import sys; from bpmatrix.datasets import load; load('digits');"
        "assert not {'pooch', 'requests', 'numba', 'scipy', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
