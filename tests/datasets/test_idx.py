"""The IDX reader: every type, and every way in which a file can be damaged."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpmatrix.datasets import streams
from bpmatrix.datasets.idx import read_idx
from bpmatrix.errors import DataFileError

SAMPLE = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
PLAIN = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, *range(24)])
GZIPPED = gzip.compress(PLAIN, mtime=0)
fuzz = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some-idx"


@pytest.mark.parametrize("type_", ["u1", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_round_trip(path: Path, idx_bytes, type_: str, pack) -> None:
    array = np.array([[1, 2, 3], [4, 5, 100]], dtype=type_)
    path.write_bytes(pack(idx_bytes(array)))
    got = read_idx(path)
    assert got.dtype == np.dtype(type_)
    assert got.dtype.isnative
    assert got.flags.c_contiguous
    np.testing.assert_array_equal(got, array)


def test_empty_array(path: Path, idx_bytes) -> None:
    path.write_bytes(idx_bytes(np.zeros(0, np.uint8)))
    assert read_idx(path).shape == (0,)


def test_gzip_is_recognized_by_content_not_name(tmp_path: Path) -> None:
    path = tmp_path / "decompressed-by-the-browser.gz"
    path.write_bytes(PLAIN)
    np.testing.assert_array_equal(read_idx(path), SAMPLE)


@pytest.mark.parametrize("whole", [PLAIN, GZIPPED], ids=["plain", "gzip"])
def test_truncation_at_every_byte(path: Path, whole: bytes) -> None:
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataFileError, match="some-idx"):
            read_idx(path)


@pytest.mark.parametrize(
    "content",
    [PLAIN + b"\0", gzip.compress(PLAIN + b"\0"), GZIPPED + GZIPPED, GZIPPED + b"trailing"],
    ids=["plain", "gzip", "second member", "garbage behind"],
)
def test_overlong(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(DataFileError):
        read_idx(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"not an IDX file: got the first bytes \(none\)"),
        (b"<html>not found</html>", "not an IDX file: got the first bytes 3c 68 74 6d"),
        (b"\0\0\x0a" + PLAIN[3:], "not an IDX file"),
        (b"\0\0\x08\x00", "not an IDX file"),
        (b"\0\0\x08\x05" + bytes(20), "not an IDX file"),
        (PLAIN[:9], "truncated: got 5 bytes of dimensions, expected 12"),
        (PLAIN[:-1], "does not match its header: got 39 bytes, expected 40"),
        (PLAIN + b"x", "does not match its header: got 41 bytes, expected 40"),
        (gzip.compress(PLAIN[:-1], mtime=0), "truncated: got 23 bytes of data, expected 24"),
        (gzip.compress(PLAIN + b"x", mtime=0), "longer than its header says"),
        (b"\x1f\x8b no gzip behind the magic", "cannot be read"),
    ],
)
def test_messages(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=message):
        read_idx(path)


def test_missing_file(path: Path) -> None:
    with pytest.raises(DataFileError, match="cannot be read"):
        read_idx(path)


@fuzz
@given(st.data())
def test_flipped_bits(path: Path, data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from([PLAIN, GZIPPED])))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    try:
        got = read_idx(path)
    except DataFileError:
        return
    assert got.nbytes == SAMPLE.nbytes


@fuzz
@given(
    type_=st.sampled_from([0x08, 0x0E]),
    shape=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4),
    pack=st.sampled_from([bytes, gzip.compress]),
)
def test_impossible_sizes_are_rejected_before_memory_is_allocated(path, type_, shape, pack) -> None:
    header = bytes([0, 0, type_, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    path.write_bytes(pack(header + bytes(7)))
    size = 8 if type_ == 0x0E else 1
    if np.prod(shape, dtype=object) * size == 7:
        return
    with pytest.raises(DataFileError):
        read_idx(path)


def test_product_of_dimensions_does_not_overflow(path: Path) -> None:
    # 2**16 * 2**16 * 2**32 is 0 in 64 bits.
    path.write_bytes(b"\0\0\x08\x03" + struct.pack(">3I", 2**16, 2**16, 2**31) + bytes(4))
    with pytest.raises(DataFileError, match="expected 9,223,372,036,854,775,824"):
        read_idx(path)


def test_gzip_with_an_impossible_size(path: Path) -> None:
    path.write_bytes(gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 2**32 - 1)))
    with pytest.raises(DataFileError, match="claims more data than the file can hold"):
        read_idx(path)


def test_gzip_bomb_is_rejected(path: Path, idx_bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = np.zeros(1_000_000, np.uint8)
    path.write_bytes(gzip.compress(idx_bytes(zeros[None])))
    monkeypatch.setattr(streams, "MAX_INFLATED", 999_999)
    with pytest.raises(DataFileError, match=r"grows too large.*gunzip"):
        read_idx(path)
    monkeypatch.setattr(streams, "MAX_INFLATED", 1_000_000)
    path.write_bytes(gzip.compress(idx_bytes(zeros[None])))
    assert read_idx(path).size == zeros.size


def test_labels_count_as_int64(path: Path, idx_bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MAX_INFLATED", 1_000_000)
    path.write_bytes(gzip.compress(idx_bytes(np.zeros(200_000, np.uint8))))
    with pytest.raises(DataFileError, match=r"got 1,600,000 bytes.*gunzip"):
        read_idx(path)
    path.write_bytes(gzip.compress(idx_bytes(np.zeros((200_000, 1), np.uint8))))
    assert read_idx(path).size == 200_000


def test_gzip_bomb_behind_a_small_array_is_not_inflated(path: Path) -> None:
    path.write_bytes(gzip.compress(PLAIN + bytes(50_000_000)))
    with pytest.raises(DataFileError, match="longer than its header says"):
        read_idx(path)
