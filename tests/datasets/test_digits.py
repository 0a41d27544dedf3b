"""The digits in the package are UCI's, complete, and split as documented."""

from __future__ import annotations

import hashlib
from importlib.resources import as_file, files

import numpy as np

from bpmatrix import datasets
from bpmatrix.datasets.npz import read_npz


def test_the_file_is_what_its_notice_says() -> None:
    folder = files("bpmatrix.datasets") / "data"
    notice = (folder / "digits.txt").read_text(encoding="utf-8")
    with as_file(folder / "digits.npz") as path:
        table, labels = read_npz(path)
    assert hashlib.sha256(table.tobytes()).hexdigest() in notice
    assert hashlib.sha256(labels.astype(np.uint8).tobytes()).hexdigest() in notice
    assert "CC BY 4.0" in notice
    assert table.shape == (1797, 64)
    # The class counts that UCI states for its test half.
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_splits() -> None:
    digits = datasets.load("digits")
    assert repr(digits) == "DataSet('digits', 64 inputs, 10 classes, 1200 + 300 + 297 samples)"
    assert (digits.scale, digits.n_classes) == (1 / 16, 10)
    for part in (digits.train, digits.validation, digits.test):
        assert part.X.dtype == np.uint8
        assert part.X.flags.f_contiguous
        assert part.X.max() == 16
        assert part.labels.dtype == np.int64
        shares = np.bincount(part.labels) / part.labels.size
        assert abs(shares - 0.1).max() < 0.01
    split = np.concatenate([part.X.T for part in (digits.train, digits.validation, digits.test)])
    digest = hashlib.sha256(split.tobytes()).hexdigest()
    assert digest == "7ca1d289a2609f3f4b5a701d0090711a80e16281f7b24ad12cc8040a92b23632"


def test_a_nearest_neighbor_reads_them() -> None:
    digits = datasets.load("digits")
    train = digits.train.X.T.astype(float)
    squares = (train**2).sum(axis=1)
    nearest = np.argmin(squares[:, None] - 2 * train @ digits.test.X, axis=0)
    assert (digits.train.labels[nearest] == digits.test.labels).mean() > 0.97
