"""Small IDX files, written according to the description of the format."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
STEMS = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def as_idx(array: np.ndarray) -> bytes:
    """Return the array as an IDX file."""
    header = bytes([0, 0, CODES[array.dtype.str[1:]], array.ndim])
    header += struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def idx_bytes() -> Callable[[np.ndarray], bytes]:
    """Return the function that writes an array as an IDX file."""
    return as_idx


@pytest.fixture
def four_files() -> dict[str, bytes]:
    """Return twelve training images of 2 x 3 pixels and four test images, gzipped."""
    images = np.arange(16 * 6, dtype=np.uint8).reshape(16, 2, 3)
    labels = np.arange(16, dtype=np.uint8) % 3
    arrays = (images[:12], labels[:12], images[12:], labels[12:])
    return {
        f"{stem}-ubyte.gz": gzip.compress(as_idx(array), mtime=0)
        for stem, array in zip(STEMS, arrays, strict=True)
    }


@pytest.fixture
def write_folder(tmp_path: Path, four_files: dict[str, bytes]) -> Callable[[str], Path]:
    """Return a function that writes the four files into a new folder of `tmp_path`."""

    def write(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for file, content in four_files.items():
            (folder / file).write_bytes(content)
        return folder

    return write


@pytest.fixture(autouse=True)
def _no_data_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide folders, caches and proxies of the machine from the tests."""
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "no-system"))
    monkeypatch.setenv("NO_PROXY", "*")
