"""The two forms of the data, and the conversion of the book's pickle to IDX files."""

from __future__ import annotations

import gzip
import inspect
import os
import pickle
import struct
import tracemalloc

import numpy as np
import pytest

from bpmatrix import datasets
from bpmatrix.cli import main
from bpmatrix.errors import ArgumentError, BpmatrixError, DataFileError
from bpmatrix.nielsen import mnist_loader, pickled
from bpmatrix.nielsen.convert import convert
from bpmatrix.nielsen.pickled import read_pickled_arrays

RNG = np.random.default_rng(1)


def idx(array) -> bytes:
    return struct.pack(f">2xBB{array.ndim}I", 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def folder(tmp_path):
    """A small MNIST: 12 training images, the last 2 for validation, and 5 test images."""
    path = tmp_path / "idx"
    path.mkdir()
    for name, n in (("train", 12), ("t10k", 5)):
        images = RNG.integers(256, size=(n, 28, 28), dtype=np.uint8)
        labels = np.arange(n, dtype=np.uint8) % 10
        (path / f"{name}-images-idx3-ubyte").write_bytes(idx(images))
        (path / f"{name}-labels-idx1-ubyte").write_bytes(idx(labels))
    return path


def test_load_data_returns_the_numbers_of_the_books_file(folder) -> None:
    """Rows of float32: bytes divided by 256."""
    data = datasets.load("mnist", folder=folder)
    parts = mnist_loader.load_data(folder=folder)
    for (images, labels), part in zip(parts, (data.train, data.validation, data.test), strict=True):
        assert images.dtype == np.float32
        assert (images == part.X.T / 256).all()
        assert (labels == part.labels).all()
    assert [images.shape for images, _ in parts] == [(10, 784), (2, 784), (5, 784)]


@pytest.mark.filterwarnings("error")
def test_an_escape_that_python_does_not_know_is_no_warning(tmp_path) -> None:
    (tmp_path / "file").write_bytes(b"S'\\z'\n.")
    with pytest.raises(DataFileError):
        read_pickled_arrays(tmp_path / "file")


@pytest.mark.parametrize("j", [4, 4.0, np.float32(4), np.uint8(4)])
def test_a_digit_as_a_vector(j) -> None:
    assert mnist_loader.vectorized_result(j).tolist() == [[0.0]] * 4 + [[1.0]] + [[0.0]] * 5


@pytest.mark.parametrize("j", [10, -1, 4.5, np.nan, "4", None])
def test_anything_but_a_digit_is_rejected(j) -> None:
    with pytest.raises(BpmatrixError, match=r"label|digit"):
        mnist_loader.vectorized_result(j)


def test_the_wrapper_returns_lists_of_tuples(folder) -> None:
    training, validation, test = mnist_loader.load_data_wrapper(folder=folder)
    tables = mnist_loader.load_data(folder=folder)
    assert all(isinstance(part, list) for part in (training, validation, test))
    for part, (images, labels) in zip((training, validation, test), tables, strict=True):
        for (x, y), row, label in zip(part, images, labels, strict=True):
            assert x.shape == (784, 1)
            assert (x[:, 0] == row).all()
            if part is training:
                assert (y == np.eye(10)[:, [label]]).all()
            else:
                assert y == label


def test_the_digits_of_the_package_and_an_unknown_name() -> None:
    (images, _), _, _ = mnist_loader.load_data("digits")
    assert (images.shape, images.max()) == ((1200, 64), 1)
    with pytest.raises(ArgumentError, match="mnist or fashion-mnist or digits"):
        mnist_loader.load_data("letters")


def books_file(path, *, protocol=2, zipped=True, scale=256, dtype="f4", order="C", labels="i8"):
    """Write a small mnist.pkl.gz; return its three pairs."""
    rng = np.random.default_rng(2)
    pairs = []
    for n in (10, 2, 5):
        images = np.asarray(rng.integers(256, size=(n, 784)) / scale, dtype, order=order)
        pairs.append((images, rng.integers(10, size=n).astype(labels)))
    content = pickle.dumps(tuple(pairs), protocol)
    path.write_bytes(gzip.compress(content) if zipped else content)
    return pairs


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["f4", ">f4", "f8"])
@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_of_arrays_is_read(tmp_path, protocol, dtype, order) -> None:
    path = tmp_path / "mnist.pkl"
    pairs = books_file(path, protocol=protocol, zipped=protocol > 0, dtype=dtype, order=order)
    found = read_pickled_arrays(path)
    for ours, theirs in zip(found, pairs, strict=True):
        assert all((a == b).all() for a, b in zip(ours, theirs, strict=True))


def python_2_pickle() -> bytes:
    """One pair as written by Python 2: bytes as strings, protocol 2, by hand."""

    def array(dtype: bytes, shape: int, data: bytes) -> bytes:
        return (
            b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
            b"(K\x01K" + bytes([shape]) + b"\x85cnumpy\ndtype\nU\x02" + dtype + b"K\x00K\x01\x87R"
            b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U"
            + bytes([len(data)]) + data + b"tb"
        )  # fmt: skip

    images, labels = np.array([0.5, 0.996], "<f4"), np.array([200, 7], "<i8")
    return (
        b"\x80\x02" + array(b"f4", 2, images.tobytes()) + array(b"i8", 2, labels.tobytes())
        + b"\x86\x85."
    )  # fmt: skip


def test_a_pickle_of_python_2(tmp_path) -> None:
    path = tmp_path / "old.pkl"
    path.write_bytes(python_2_pickle())
    ((images, labels),) = read_pickled_arrays(path)
    assert images.tolist() == np.array([0.5, 0.996], "f4").tolist()
    assert labels.tolist() == [200, 7]


def changed(old: bytes, new: bytes) -> bytes:
    """The pickle with some bytes replaced or, without old bytes, with new ones at the start."""
    whole = python_2_pickle()
    return whole.replace(old, new) if old else whole[:2] + new + whole[2:]


# Sets attributes of the function that encodes bytes, and gives it to an array as its type.
BUILD_ON_A_FUNCTION = b"c_codecs\nencode\n}(U\x04kindU\x02U1U\x05orderU\x01<ub0"
# Instructions that announce more than the file has: memo places, text, bytes, numbers, frames.
DECLARED = (
    *(b"\x80\x04N" + code + b"\xff\xff\xff\x2f" for code in (b"r", b"T", b"X", b"B", b"\x8b")),
    *(b"\x80\x05" + code + bytes(4) + b"\1\0\0\0" for code in (b"\x8e", b"\x8d", b"\x96", b"\x95")),
)


class Evil:
    """Would create a file when unpickled."""

    def __reduce__(self):
        return os.mkdir, ("was-here",)


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(Evil()),
        pickle.dumps((((Evil(), Evil())),)),
        pickle.dumps(((np.array([Evil()], object), np.zeros(1)),)),
        b"cbuiltins\neval\n(V1\ntR.",
        b"cnumpy\nload\n.",
        pickle.dumps(((np.zeros(3, [("a", "f4")]), np.zeros(3)),)),
        pickle.dumps(((np.zeros(3, "U5"), np.zeros(3)),)),
        pickle.dumps(((1, 2),)),
        pickle.dumps(5),
        pickle.dumps(((np.zeros(3), np.zeros(3)),), 2)[:-30],
        b"\x1f\x8bno gzip",
        b"",
        b"hello",
        python_2_pickle().replace(b"K\x02\x85", b"K\x7f\x85"),
        changed(b"", BUILD_ON_A_FUNCTION),
        changed(b"K\x02\x85", b"\x88\x85"),
        changed(b"K\x02\x85", b"J\xff\xff\xff\xffJ\xfe\xff\xff\xff\x86"),
        changed(b"K\x02\x85", b"(" + 500 * b"\x8b\x04\0\0\0\xff\xff\xff\x7f" + b"t"),
        changed(b"K\x02\x85", b"]q\0" + 60 * b"(h\0h\0tq\0" + b"\x85"),
        b"(" + 20 * (python_2_pickle()[2:-2] + b"q\0") + b"t.",
        b"\x80\x02]q\0h\0a.",
        b"N" * 1_001 + b".",
        *(start + end for start in DECLARED for end in (b"", b"x.")),
    ],
    ids=lambda content: repr(content[:30]),
)
def test_anything_but_arrays_is_rejected(content, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.pkl"
    path.write_bytes(content)
    with pytest.raises(DataFileError, match="not a file of pickled arrays"):
        read_pickled_arrays(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["evil.pkl"]


@pytest.mark.parametrize("content", [*DECLARED, BUILD_ON_A_FUNCTION], ids=repr)
def test_memory_is_in_proportion_to_the_pickle(content, tmp_path) -> None:
    """It does not depend on the sizes that its instructions announce."""
    (tmp_path / "small.pkl").write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(DataFileError):
            read_pickled_arrays(tmp_path / "small.pkl")
        assert tracemalloc.get_traced_memory()[1] < 3e6
    finally:
        tracemalloc.stop()


def test_a_gzipped_pickle_that_grows_too_large(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(pickled, "MOST_BYTES", 1_000_000)
    path = tmp_path / "large.pkl"
    path.write_bytes(gzip.compress(bytes(10_000_000)))
    with pytest.raises(DataFileError, match="grows to more than"):
        read_pickled_arrays(path)


def test_a_refused_pickle_changes_nothing(tmp_path) -> None:
    """A file cannot leave attributes on the reader's functions."""
    for content in (BUILD_ON_A_FUNCTION + b".", python_2_pickle().replace(b"f4", b"U1")):
        (tmp_path / "evil.pkl").write_bytes(content)
        with pytest.raises(DataFileError):
            read_pickled_arrays(tmp_path / "evil.pkl")
    assert not any(vars(f) for f in vars(pickled).values() if inspect.isfunction(f))


def test_text_of_protocol_0_of_python_2(tmp_path) -> None:
    """Bytes that are not ASCII are escaped."""
    data = np.array([0.5, 0.996], "<f4").tobytes()
    line = b"S" + repr(data)[1:].encode() + b"\n"
    path = tmp_path / "old.pkl"
    path.write_bytes(changed(b"U\x08" + data, line))
    assert read_pickled_arrays(path)[0][0].tobytes() == data


@pytest.mark.parametrize("command", ["book-to-idx", "convert"])
@pytest.mark.parametrize("labels", ["i8", "u1", "f4"])
def test_the_converted_folder_holds_the_same_data(labels, command, tmp_path, capsys) -> None:
    """From the command line to `load_data`: the numbers of the pickle, bit for bit."""
    source, target = tmp_path / "mnist.pkl.gz", tmp_path / "mnist"
    pairs = books_file(source, labels=labels)
    left = tmp_path / ".0123456789abcdef.part"  # by a process that was killed
    left.mkdir()
    os.utime(left, (0, 0))
    assert main([command, str(source), str(target)]) == 0
    assert sorted(tmp_path.iterdir()) == [target, source]
    assert "10 images" in capsys.readouterr().out
    for ours, theirs in zip(mnist_loader.load_data(folder=target), pairs, strict=True):
        assert all((a == b).all() for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("wrong", ["scale", "split", "labels", "half labels", "there"])
def test_what_cannot_be_converted_leaves_nothing(wrong, tmp_path, capsys) -> None:
    source, target = tmp_path / "mnist.pkl.gz", tmp_path / "mnist"
    pairs = books_file(source, scale=255 if wrong == "scale" else 256)
    if wrong == "split":
        pairs[1] = pairs[0]
    if wrong in {"labels", "half labels"}:
        pairs[2] = (pairs[2][0], pairs[2][1] + (10 if wrong == "labels" else 0.5))
    source.write_bytes(pickle.dumps(pairs))
    if wrong == "there":
        target.mkdir()
    before = sorted(tmp_path.iterdir())
    assert main(["book-to-idx", str(source), str(target)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_broken_link_is_found_before_the_data_are_read(tmp_path) -> None:
    """A folder cannot replace a link; the error comes before 17 MB are read."""
    (tmp_path / "mnist").symlink_to("nowhere")
    with pytest.raises(ArgumentError, match="exists already"):
        convert(tmp_path / "no file", tmp_path / "mnist")


def test_an_error_while_writing_leaves_nothing(tmp_path, monkeypatch) -> None:
    source = tmp_path / "mnist.pkl.gz"
    books_file(source)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bpmatrix.storage.files.os.fsync", full)
    with pytest.raises(OSError, match="No space") as caught:
        convert(source, tmp_path / "mnist")
    assert caught.value.filename == str(tmp_path / "mnist")
    assert list(tmp_path.iterdir()) == [source]
