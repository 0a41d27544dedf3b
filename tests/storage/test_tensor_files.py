"""The file format: files are read as they were written, and any damage is detected."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numeric import same_bits
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import bpmatrix
from bpmatrix.errors import DataError, ModelFileError
from bpmatrix.storage import tensor_files
from bpmatrix.storage.tensor_files import opened, write

ARRAYS = {
    "b": np.array([[np.nan, -0.0, 1.5]]),
    "a": np.arange(6, dtype=np.float32).reshape(3, 2).T,
    "empty": np.empty((0, 3)),
    "c": np.array([-1, 1 << 60]),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "file", {"word": ["ü", 1.5, None]}, ARRAYS)
    return tmp_path / "file"


def read(path: Path) -> tuple[dict, dict]:
    with opened(path) as file:
        return file.values, file.read()


def parts_of(path: Path) -> tuple[dict, bytes]:
    """Return the header of a file, and the bytes after it."""
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def put(path: Path, header: object, data: bytes) -> Path:
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + data)
    return path


def assert_refused(path: Path, match: str) -> None:
    with pytest.raises(ModelFileError, match=match):
        read(path)


def test_words_and_arrays_are_read_as_they_were_written(path: Path) -> None:
    """Bit for bit, also empty arrays, those in other orders of memory, and NaN."""
    words, arrays = read(path)
    assert words == {
        "version": 1, "written_by": bpmatrix.__version__, "word": ["ü", 1.5, None]
    }  # fmt: skip
    assert arrays.keys() == ARRAYS.keys()
    assert all(same_bits(arrays[name], ARRAYS[name]) for name in ARRAYS)
    assert all(arrays[name].dtype == ARRAYS[name].dtype for name in ARRAYS)
    assert all(array.flags.writeable and array.flags.c_contiguous for array in arrays.values())


def test_other_readers_read_it(path: Path) -> None:
    """The safetensors library checks alignment and offsets as well."""
    found = load_file(path)
    assert all(same_bits(found[name], ARRAYS[name]) for name in ARRAYS)
    with safe_open(path, framework="numpy") as file:
        assert file.metadata().keys() == {"bpmatrix", "digest"}
    assert len(path.read_bytes()) % 8 == 0


def test_what_other_writers_make_of_it_is_read(path: Path) -> None:
    """The digest does not depend on order or spaces, so another program may rewrite a file."""
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata() | {"format": "pt"}
    save_file(load_file(path), path, metadata)
    assert all(same_bits(array, ARRAYS[name]) for name, array in read(path)[1].items())


def test_the_digest_is_as_documented(path: Path) -> None:
    """The page is docs/file-format.md."""
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    digest = hashlib.sha256(metadata["bpmatrix"].encode())
    types = {"float64": "F64", "float32": "F32", "int64": "I64"}
    for name, array in sorted(load_file(path).items()):
        kind = types[array.dtype.name]
        digest.update(f"\n{name} {kind} {list(array.shape)}\n".encode() + array.tobytes())
    assert metadata["digest"] == digest.hexdigest()


@settings(max_examples=300)
@given(data=st.data())
def test_changed_bytes_are_found_or_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Up to three bytes change at once, also in the names of the digest and the metadata."""
    path = tmp_path_factory.getbasetemp() / "changed"
    write(path, {"word": [0.25, "x"]}, ARRAYS)
    words = read(path)[0]
    content = bytearray(path.read_bytes())
    places = st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)
    for place in data.draw(places):
        content[place] = data.draw(st.integers(0, 255) | st.sampled_from(b'0123456789{}[]," \\u'))
    path.write_bytes(content)
    try:
        found, arrays = read(path)
    except ModelFileError:
        return
    assert found == words
    assert all(same_bits(arrays[name], ARRAYS[name]) for name in ARRAYS)


def test_a_damaged_name_of_the_digest(path: Path) -> None:
    """The file is not taken for one of 0.1.0, which has no digest and loads."""
    header, data = parts_of(path)
    header["__metadata__"]["digesu"] = header["__metadata__"].pop("digest")
    assert_refused(put(path, header, data), "is damaged: its digest")
    del header["__metadata__"]["digesu"]
    assert read(put(path, header, data))[0]["word"] == ["ü", 1.5, None]


@pytest.mark.parametrize("part", [0, 0.5, 0.99])
def test_a_file_that_becomes_shorter_while_it_is_read(path: Path, part: float) -> None:
    """A memory map would end the process with SIGBUS."""
    write(path, {}, ARRAYS | {"long": np.arange(1e6)})
    with opened(path) as file:
        os.truncate(path, int(part * path.stat().st_size))
        with pytest.raises(ModelFileError, match="became shorter"):
            file.read()


def test_a_file_that_changes_while_it_is_read(path: Path) -> None:
    """The digest detects it."""
    write(path, {}, ARRAYS | {"long": np.arange(1e6)})
    with opened(path) as file:
        with path.open("r+b") as other:
            other.seek(-8, os.SEEK_END)
            other.write(bytes(8))
        with pytest.raises(ModelFileError, match="is damaged"):
            file.read()


def test_arrays_that_another_thread_changes_while_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is consistent: the digest belongs to the numbers in it."""
    arrays = {"a": np.zeros(3)}
    digest_of = tensor_files._digest_of

    def changing(*given: object) -> str:
        digest = digest_of(*given)
        arrays["a"][:] = 1
        return digest

    with monkeypatch.context() as patches:
        patches.setattr(tensor_files, "_digest_of", changing)
        write(tmp_path / "file", {}, arrays)
    assert read(tmp_path / "file")[1]["a"].tolist() == [0, 0, 0]


# --------------------------------------------------------------------------------- what is refused


def entry(shape: object, start: object, end: object, kind: object = "F64") -> dict:
    return {"dtype": kind, "shape": shape, "data_offsets": [start, end]}


METADATA = {"__metadata__": {"bpmatrix": '{"version": 1}'}}
WRONG_ENTRIES = {
    "a gap": {"a": entry([1], 0, 8), "b": entry([0], 16, 16)},
    "at the start": {"a": entry([1], 8, 16)},
    "too short": {"a": entry([0], 0, 0)},
    "negative": {"a": entry([-1, -1], 0, 8)},
    "true": {"a": entry([True], 0, 8)},
    "float": {"a": entry([1.0], 0, 8)},
    "text": {"a": entry("1", 0, 8)},
    "no list": {"a": entry(1, 0, 8)},
    "nested": {"a": entry([[1]], 0, 8)},
    "huge beside 0": {"a": entry([0, 1 << 62, 1 << 62], 0, 0), "b": entry([1], 0, 8)},
    "huge numbers": {"a": entry([10**4000] * 100, 0, 8)},
    "many axes": {"a": entry([1] * 64, 0, 8)},
    "unknown type": {"a": entry([1], 0, 8, "C64")},
    "type of no name": {"a": entry([1], 0, 8, ["F64"])},
    "three offsets": {"a": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8, 8]}},
    "no offsets": {"a": {"dtype": "F64", "shape": [1]}},
    "offsets of text": {"a": entry([1], "0", "8")},
    "null": {"a": None},
    "mixed": {"a": entry([1], 0, 8), "b": entry([0], None, 8)},
}


@pytest.mark.parametrize("kind", WRONG_ENTRIES)
def test_entries_that_do_not_fit_the_data(path: Path, kind: str) -> None:
    """A file with eight bytes of data."""
    assert read(put(path, METADATA | {"a": entry([1], 0, 8)}, bytes(8)))[1] == {"a": [0]}
    assert_refused(put(path, METADATA | WRONG_ENTRIES[kind], bytes(8)), "not a complete")


def test_a_name_that_occurs_twice(path: Path) -> None:
    """Readers disagree about which counts."""
    text = json.dumps(METADATA | {"a": entry([1], 0, 8)})
    twice = text[:-1] + ', "a": ' + json.dumps(entry([1], 0, 8)) + "}"
    assert_refused(put(path, twice.encode(), bytes(8)), "a key occurs twice")


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_not_finite(path: Path, number: str) -> None:
    """They are rejected anywhere in the metadata, since they could not be saved again."""
    metadata = {"bpmatrix": '{"version": 1, "x": [{"y": ' + number + "}]}"}
    assert_refused(put(path, {"__metadata__": metadata}, b""), f"{number} is not a finite number")


@pytest.mark.parametrize("text", ["[[],[],", '{"a":{},"b":', "1,"])
@pytest.mark.parametrize("is_header", [True, False])
def test_metadata_that_would_take_gigabytes(path: Path, text: str, is_header: bool) -> None:
    """It is rejected before it is parsed."""
    large = '{"version": 1, "x": [' + text * (
        2 + (1 if "[" in text or "{" in text else 4) * 1_000_000
    )
    header = large.encode() if is_header else {"__metadata__": {"bpmatrix": large}}
    assert_refused(put(path, header, b""), "more than 4,000,000 values or 1,000,000 obj")


def test_a_file_with_holes_is_not_read_for_its_header(path: Path) -> None:
    """The file claims a terabyte but takes no space on the disk."""
    put(path, METADATA | {"a": entry([1], 0, 8)}, bytes(8))
    try:
        os.truncate(path, 1 << 40)
    except OSError:
        pytest.skip("the file system has no files with holes")
    assert_refused(path, "not a complete")


def test_records_that_are_too_large_are_not_written(tmp_path: Path) -> None:
    """They could not be read again; the error names a way out."""
    with pytest.raises(DataError, match=r"too large for a model file.*loss_curve_"):
        write(tmp_path / "file", {"curve": [0] * tensor_files.MOST_VALUES}, {})
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("bound", ["MOST_VALUES", "MOST_OBJECTS"])
def test_what_is_written_can_be_read(tmp_path: Path, bound: str, monkeypatch) -> None:
    """Whatever the bound: the entries of the tensors, which are in the same header, count too."""
    written = []
    for most in range(60):
        monkeypatch.setattr(tensor_files, bound, most)
        try:
            write(tmp_path / "file", {"word": [1, 2]}, ARRAYS)
        except DataError:
            continue
        written.append(most)
        assert read(tmp_path / "file")[0]["word"] == [1, 2]
    assert 0 < len(written) < 60


@pytest.mark.parametrize("value", [np.nan, np.inf, np.float32(1), {1, 2}, {(1, 2): 3}, [0]])
def test_records_that_are_not_json_are_not_written(tmp_path: Path, value: object) -> None:
    """A callback may have added them to the record of a run; the error says what it found."""
    if value == [0]:
        value.append(value)
    with pytest.raises(DataError, match=r"what a model file cannot: got .*net\.trained"):
        write(tmp_path / "file", {"trained": [{"value": value}]}, {})
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize(
    ("ending", "reader"), [("json", "from_book"), ("onnx", "from_onnx"), ("pt", "from_state_dict")]
)
def test_files_of_other_kinds(tmp_path: Path, ending: str, reader: str) -> None:
    (tmp_path / f"net.{ending}").write_bytes(b"no safetensors, whatever it is")
    with pytest.raises(ModelFileError, match=rf"Network\.{reader}"):
        bpmatrix.load(tmp_path / f"net.{ending}")
