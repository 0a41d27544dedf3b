"""The four files: spellings, places, sizes that do not match; and MNIST itself if it is found."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from bpmatrix import datasets
from bpmatrix.datasets.mnist import read_folder
from bpmatrix.datasets.sources import SOURCES
from bpmatrix.errors import DataFileError, DataNotFoundError


@pytest.fixture
def no_own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BPMATRIX_DATA", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda _: tmp_path / "cache")


def test_folder(write_folder) -> None:
    data = read_folder(write_folder("pictures"))
    assert repr(data) == "DataSet('pictures', 6 inputs, 3 classes, 10 + 2 + 4 samples)"
    assert data.scale == 1 / 255
    np.testing.assert_array_equal(data.train.X.T, np.arange(60).reshape(10, 6))
    np.testing.assert_array_equal(data.validation.X.T, np.arange(60, 72).reshape(2, 6))
    np.testing.assert_array_equal(data.test.X.T, np.arange(72, 96).reshape(4, 6))
    np.testing.assert_array_equal(data.validation.labels, [1, 2])
    assert np.shares_memory(data.train.X.base, data.validation.X.base)
    assert data.train.X.flags.f_contiguous


@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("plain", [False, True])
def test_spellings(write_folder, dotted: bool, plain: bool) -> None:
    folder = write_folder("pictures")
    for file in list(folder.iterdir()):
        content = file.read_bytes()
        file.unlink()
        name = file.name.replace("-idx", ".idx") if dotted else file.name
        if plain:
            name, content = name.removesuffix(".gz"), gzip.decompress(content)
        (folder / name).write_bytes(content)
    assert datasets.load(folder).test.labels.tolist() == [0, 1, 2, 0]


@pytest.fixture
def replace(idx_bytes):
    """Return a function that replaces a file by another array."""

    def write(folder: Path, name: str, array: np.ndarray) -> None:
        (folder / f"{name}-ubyte.gz").write_bytes(gzip.compress(idx_bytes(array)))

    return write


def test_float_images_are_scaled_by_their_largest(write_folder, replace) -> None:
    folder = write_folder("pictures")
    replace(folder, "train-images-idx3", np.full((12, 2, 3), -4, np.float32))
    assert read_folder(folder).scale == 0.25


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("train-labels-idx1", np.zeros(11, np.uint8), r"got uint8 of shape \(11,\), .*\(12,\)"),
        ("t10k-labels-idx1", np.zeros(4, np.int32), "got int32 of shape"),
        ("t10k-images-idx3", np.zeros(4, np.uint8), "contains no images"),
        ("t10k-images-idx3", np.zeros((0, 2, 3), np.uint8), "contains no images"),
        ("t10k-images-idx3", np.zeros((4, 3, 3), np.uint8), "do not fit together"),
        ("t10k-images-idx3", np.full((4, 2, 3), np.nan), "contains NaN or infinity"),
    ],
)
def test_files_that_do_not_fit(write_folder, replace, name: str, array, message: str) -> None:
    folder = write_folder("pictures")
    replace(folder, name, array)
    with pytest.raises(DataFileError, match=message):
        read_folder(folder)


def test_too_few_images_for_a_validation_split(write_folder, replace) -> None:
    folder = write_folder("pictures")
    replace(folder, "train-images-idx3", np.zeros((5, 2, 3), np.uint8))
    replace(folder, "train-labels-idx1", np.zeros(5, np.uint8))
    with pytest.raises(DataFileError, match="at least 6 training images"):
        read_folder(folder)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"there is no folder .*nowhere"):
        datasets.load("mnist", folder=tmp_path / "nowhere")


def test_missing_file_is_named(write_folder) -> None:
    folder = write_folder("pictures")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataNotFoundError, match="has no file t10k-labels-idx1-ubyte"):
        datasets.load("mnist", folder=folder)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_places(write_folder, replace, tmp_path: Path, monkeypatch, name: str) -> None:
    """The argument has priority over BPMATRIX_DATA, and this over the system's folder."""
    system = write_folder(f"system/datasets/{name}")
    replace(system, "t10k-labels-idx1", np.array([0, 0, 0, 1], np.uint8))
    own = write_folder(f"own/{name}")
    replace(own, "t10k-labels-idx1", np.array([0, 0, 0, 2], np.uint8))
    write_folder(f"named/{name}")
    monkeypatch.setenv("XDG_DATA_DIRS", f"{tmp_path / 'nothing'}{os.pathsep}{tmp_path / 'system'}")
    monkeypatch.delenv("BPMATRIX_DATA", raising=False)

    def load(**options) -> list[int]:
        data = datasets.load(name, download=False, **options)
        assert data.name == name
        return data.test.labels.tolist()

    assert load() == [0, 0, 0, 1]
    monkeypatch.setenv("BPMATRIX_DATA", str(tmp_path / "own"))
    assert load() == [0, 0, 0, 2]
    assert load(folder=tmp_path / "named") == [0, 1, 2, 0]
    assert load(folder=tmp_path / "named" / name) == [0, 1, 2, 0]
    monkeypatch.setenv("BPMATRIX_DATA", str(tmp_path / "nothing"))
    assert load() == [0, 0, 0, 1]


def test_license_and_source() -> None:
    assert SOURCES["fashion-mnist"].license == "MIT"
    assert all(len(digest) == 64 for s in SOURCES.values() for digest in s.sha256.values())


@pytest.mark.usefixtures("no_own_folder")
def test_not_found_and_no_download() -> None:
    with pytest.raises(DataNotFoundError) as caught:
        datasets.load("fashion-mnist", download=False)
    for way in ("folder=", "BPMATRIX_DATA", "dataset-fashion-mnist", "'digits'"):
        assert way in str(caught.value)


@pytest.mark.skipif(
    "BPMATRIX_DATA" not in os.environ,
    reason="needs MNIST: set BPMATRIX_DATA to a folder with a sub-folder mnist",
)
def test_mnist_itself() -> None:
    mnist = datasets.load("mnist", download=False)
    assert repr(mnist) == "DataSet('mnist', 784 inputs, 10 classes, 50000 + 10000 + 10000 samples)"
    assert mnist.train.X.dtype == np.uint8
    assert mnist.train.X.base is mnist.validation.X.base
    assert mnist.train.X.base.nbytes == 60_000 * 784
    assert mnist.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(mnist.test.labels).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
