"""The .npz reader: what it accepts, and what it rejects before memory is allocated."""

from __future__ import annotations

import io
import struct
import zipfile
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpmatrix.datasets import streams
from bpmatrix.datasets.npz import read_npz, read_npz_samples
from bpmatrix.errors import DataFileError

TABLE = np.arange(12, dtype=np.uint8).reshape(4, 3)
LABELS = np.array([0, 1, 1, 0], dtype=np.uint8)
fuzz = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.npz"


def npy_header(shape: str, descr: str = "'|u1'", fortran: str = "False") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def write_zip(path: Path, **entries: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(f"{name}.npy", content)


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("type_", ["u1", "i8", "f4", "f8", ">f8", "f2"])
def test_round_trip(path: Path, save, type_: str) -> None:
    save(path, X=TABLE.astype(type_), y=LABELS)
    table, labels = read_npz(path)
    assert table.dtype == np.dtype(type_)
    assert table.flags.c_contiguous
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(table, TABLE)
    np.testing.assert_array_equal(labels, LABELS)


def test_header_version_2(path: Path) -> None:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, TABLE, version=(2, 0))
    write_zip(path, X=stream.getvalue(), y=npy(LABELS))
    np.testing.assert_array_equal(read_npz(path)[0], TABLE)


def test_a_few_bytes_that_claim_8_tib(path: Path) -> None:
    write_zip(path, X=npy_header("(1099511627776, 1)", "'<f8'"), y=npy(LABELS))
    with pytest.raises(DataFileError, match=r"does not fit its size.*expected 8,796,093,022,208"):
        read_npz(path)


@pytest.mark.parametrize(
    "shape",
    [
        "(4294967296, 4294967296)", "(-1, -12)", "(-12,)", "(-3, -4)", "(True, 12)", "(12, True)",
        f"({'9' * 4000}, {'9' * 4000})", "(12, 0.5)", "[12]", "(12, 1j)",
    ],
    ids=lambda shape: shape[:20],
)  # fmt: skip
def test_sizes_that_are_not_plain_numbers(path: Path, shape: str) -> None:
    """They are rejected even if their product fits, or overflows 64 bits to 0."""
    write_zip(path, X=npy_header(shape) + bytes(12), y=npy(LABELS))
    with pytest.raises(DataFileError, match=r"header of X|impossible shape|not fit its size"):
        read_npz(path)


def test_bomb(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(path, X=np.zeros((1000, 1000), np.uint8), y=np.zeros(1000, np.int64))
    monkeypatch.setattr(streams, "MAX_INFLATED", 1_000_000)
    with pytest.raises(DataFileError, match=r"grows too large.*uncompressed"):
        read_npz(path)


def test_samples_of_one_byte_count_as_what_their_labels_need(path: Path, monkeypatch) -> None:
    """A one-byte label becomes an int64 and some indices."""
    monkeypatch.setattr(streams, "MAX_INFLATED", 200_000)
    column = np.zeros((10_000, 1), np.uint8)
    np.savez_compressed(path, X=column, y=column[:, 0])
    with pytest.raises(DataFileError, match=r"got 480,000 bytes from \d+, .* uncompressed"):
        read_npz(path)
    np.savez_compressed(path, X=column[:2000], y=column[:2000, 0])
    assert read_npz(path)[0].shape == (2000, 1)


@pytest.mark.parametrize(
    ("claimed", "compressed", "is_fine"),
    [
        (70_000 * 784 * 8, 430_000, True),  # MNIST as float64, all zero
        (3_000_000_000, 3_000_000, False),
        (3_000_000_000, 40_000_000, True),
    ],
)
def test_what_may_be_decompressed(path: Path, claimed: int, compressed: int, is_fine: bool) -> None:
    """The limit is 512 MiB or a hundred times the file."""
    expected = nullcontext() if is_fine else pytest.raises(DataFileError, match="Try this")
    with expected:
        streams.check_inflated_size(path, claimed, compressed, cure="Try this.")


def test_only_compressed_arrays_have_a_limit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(path, X=TABLE, y=LABELS)
    monkeypatch.setattr(streams, "MAX_INFLATED", 1)
    np.testing.assert_array_equal(read_npz(path)[0], TABLE)


@pytest.mark.parametrize(("offset", "code", "value"), [(24, "<I", 2**31), (10, "<H", 12)])
def test_directory_with_wrong_sizes_of_stored_arrays(path: Path, offset, code, value) -> None:
    np.savez(path, X=TABLE, y=LABELS)
    content = bytearray(path.read_bytes())
    struct.pack_into(code, content, content.index(b"PK\x01\x02") + offset, value)
    path.write_bytes(content)
    with pytest.raises(DataFileError, match="is damaged, or was not written by NumPy"):
        read_npz(path)


def test_directory_with_an_impossible_size(path: Path) -> None:
    np.savez_compressed(path, X=TABLE, y=LABELS)
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = struct.pack("<I", 2**31)
    path.write_bytes(content)
    with pytest.raises(DataFileError, match="claims more data than the file can hold"):
        read_npz(path)


def test_pickles_are_never_read(path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (pytest.fail, ("unpickled",))

    np.savez(path, X=np.array([[Trap()]], dtype=object), y=LABELS[:1])
    with pytest.raises(DataFileError, match="has a dtype that bpmatrix does not read: got object"):
        read_npz(path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": TABLE}, "contains the wrong arrays: got X, expected X and y"),
        ({"X": TABLE, "y": LABELS, "z": LABELS}, "got X, y, z"),
        ({}, "got none"),
        ({"X": TABLE.astype(complex), "y": LABELS}, "got complex128"),
        ({"X": np.array([["a"]]), "y": LABELS[:1]}, "got <U1"),
        ({"X": np.asfortranarray(TABLE), "y": LABELS}, "Fortran order"),
        ({"X": TABLE[0], "y": LABELS}, r"not a table of samples: got shape \(3,\)"),
        ({"X": TABLE[:0], "y": LABELS[:0]}, r"got shape \(0, 3\)"),
        ({"X": TABLE, "y": LABELS[:3]}, r"got uint8 of shape \(3,\), expected .*\(4,\)"),
        ({"X": TABLE, "y": LABELS.astype(float)}, "got float64 of shape"),
        (
            {"X": np.array([[1.0], [np.nan], [np.inf]]), "y": LABELS[:3]},
            r"2 values.*nan at X\[1, 0\]",
        ),
    ],
)
def test_messages(path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    np.savez(path, **arrays)
    with pytest.raises(DataFileError, match=message):
        read_npz(path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"no npy file", "header of X.npy cannot be read"),
        (b"\x93NUMPY\x03\x00" + bytes(4), "unknown version"),
        (npy_header("__import__('os')"), "cannot be read"),
        (npy_header("(" * 3000), "cannot be read"),
        (npy_header("(4, 3)") + bytes(11), "does not fit its size: got 11 bytes, expected 12"),
        (npy_header("(4, 3)") + bytes(13), "got 13 bytes, expected 12"),
    ],
)
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_damaged_headers(path: Path, header: bytes, message: str) -> None:
    write_zip(path, X=header, y=npy(LABELS))
    with pytest.raises(DataFileError, match=message):
        read_npz(path)


def test_not_an_archive(path: Path) -> None:
    path.write_bytes(b"X,y\n1,2\n")
    with pytest.raises(DataFileError, match=r"not a valid .npz archive.*numpy\.savez"):
        read_npz(path)


def test_duplicate_name(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", npy(TABLE))
        archive.writestr("y.npy", npy(LABELS))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("X.npy", npy(TABLE))
    with pytest.raises(DataFileError, match="got X, y, X"):
        read_npz(path)


def test_encrypted(path: Path) -> None:
    np.savez(path, X=TABLE, y=LABELS)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(DataFileError, match="encrypted"):
        read_npz(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_truncation_at_every_byte(path: Path, save) -> None:
    save(path, X=TABLE, y=LABELS)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataFileError, match=r"some\.npz"):
            read_npz(path)


@fuzz
@given(st.data())
@pytest.mark.filterwarnings("ignore")
def test_flipped_bits(path: Path, data: st.DataObject) -> None:
    save = data.draw(st.sampled_from([np.savez, np.savez_compressed]))
    save(path, X=TABLE, y=LABELS)
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    try:
        table, labels = read_npz(path)
    except DataFileError:
        return
    assert table.ndim == 2
    assert labels.shape == table.shape[:1]


def test_labels_may_be_missing_if_not_needed(tmp_path: Path) -> None:
    np.savez(tmp_path / "inputs.npz", X=TABLE)
    table, labels = read_npz_samples(tmp_path / "inputs.npz")
    np.testing.assert_array_equal(table, TABLE)
    assert labels is None
    with pytest.raises(DataFileError, match="contains the wrong arrays: got X, expected X and y"):
        read_npz(tmp_path / "inputs.npz")
