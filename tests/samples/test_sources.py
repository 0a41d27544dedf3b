"""Where blocks come from: `.npy` files, memory maps, iterables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpmatrix import Blocks, Network
from bpmatrix.errors import ArgumentError, ArrayTypeError, BpmatrixError, DataFileError, ShapeError
from bpmatrix.samples.sources import NpyFile

X = np.arange(60.0).reshape(20, 3)
Y = np.arange(20) % 2


def joined(blocks: Blocks) -> list[np.ndarray]:
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


def saved(folder: Path, **arrays: np.ndarray) -> list[str]:
    paths = [str(folder / f"{name}.npy") for name in arrays]
    for path, array in zip(paths, arrays.values(), strict=True):
        np.save(path, array)
    return paths


@given(
    st.sampled_from(["u1", "<f4", ">f8", "i8", "?"]), st.integers(1, 9), st.integers(1, 4),
    st.integers(1, 12),
)  # fmt: skip
def test_slices_of_an_npy_file_are_those_of_the_array(
    tmp_path_factory: pytest.TempPathFactory, dtype: str, rows: int, columns: int, stop: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "slices.npy"
    table = np.arange(rows * columns).reshape(rows, columns).astype(dtype)
    np.save(path, table)
    file = NpyFile(path)
    assert (file.shape, file.dtype) == (table.shape, table.dtype)
    assert np.array_equal(file[stop // 2 : stop], table[stop // 2 : stop])


@pytest.mark.parametrize("of_paths", [False, True])
def test_arrays_in_files(tmp_path: Path, of_paths: bool) -> None:
    x, y, w = saved(tmp_path, X=X, y=Y, w=X[:, 0])
    table = x if of_paths else np.load(x, mmap_mode="r")
    blocks = Blocks(table, y, w, block_size=7)
    assert [len(block[0]) for block in blocks] == [7, 7, 6]
    for found, array in zip(joined(blocks), (X, Y, X[:, 0]), strict=True):
        assert np.array_equal(found, array)


def test_several_files_are_one_table(tmp_path: Path) -> None:
    names = saved(tmp_path, a=X[:8], b=X[8:9], c=X[9:])
    blocks = Blocks([Path(name) for name in names], Y, block_size=6)
    assert np.array_equal(joined(blocks)[0], X)
    assert "a.npy and 2 more" in repr(blocks)


def test_files_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match=r"b.npy does not fit .*a.npy"):
        Blocks(saved(tmp_path, a=X, b=X[:, :2]))


@pytest.mark.parametrize("mapped", [False, True])
def test_a_truncated_file_is_an_error_and_no_crash(tmp_path: Path, mapped: bool) -> None:
    """Reading a memory map behind the end of its file would end the process."""
    table = np.zeros((5000, 4))
    (path,) = saved(tmp_path, X=table)
    blocks = Blocks(np.load(path, mmap_mode="r") if mapped else path, block_size=1000)
    os.truncate(path, 50_000)
    with pytest.raises(DataFileError, match="is truncated"):
        list(blocks)
    with pytest.raises(DataFileError, match="is truncated: got 50,000 bytes, expected 160,128"):
        Blocks(path)


def test_a_view_of_a_memory_map(tmp_path: Path) -> None:
    """It knows where its file ends, too."""
    (path,) = saved(tmp_path, X=X)
    view = np.load(path, mmap_mode="r")[3:, 1:]
    assert np.array_equal(joined(Blocks(view, block_size=4))[0], X[3:, 1:])


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    (path,) = saved(tmp_path, X=X)
    blocks = Blocks(path)
    Path(path).unlink()
    with pytest.raises(DataFileError, match="cannot be read"):
        list(blocks)
    with pytest.raises(DataFileError, match="cannot be read"):
        Blocks(path)


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.asfortranarray(X), "column by column"),
        (np.array(["a", None], object), "object"),
        (np.float64(3), "of shape ()"),
    ],
)
def test_npy_files_that_are_no_tables(tmp_path: Path, array: np.ndarray, says: str) -> None:
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(DataFileError) as caught:
        Blocks(tmp_path / "x.npy")
    assert says in str(caught.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"unknown ending: got '\.txt'"):
        Blocks(tmp_path / "x.txt")


def test_eight_megabytes_in_whole_chunks() -> None:
    class Chunked:
        shape, dtype, chunks = (10**7, 100), np.dtype("float64"), (3000, 100)

        def __getitem__(self, rows: slice) -> np.ndarray:
            return np.zeros((rows.stop - rows.start, 100))

    assert Blocks(Chunked()).block_size == 12_000
    assert Blocks(np.zeros((10**5, 100))).block_size == 2**23 // 800


def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for i in range(0, 20, 8):
        yield X[i : i + 8], Y[i : i + 8]


class Again:
    """Starts again with every iter()."""

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return batches()


@pytest.mark.parametrize("kind", ["function", "object", "list"])
def test_iterables_that_start_again(kind: str) -> None:
    blocks = Blocks({"function": batches, "object": Again(), "list": list(batches())}[kind])
    for _ in range(2):
        assert np.array_equal(joined(blocks)[0], X)
    assert blocks.block_size is None


def test_a_generator_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"Blocks\(function\)"):
        Blocks(batches())


def test_a_function_that_returns_the_same_iterator_is_refused() -> None:
    spent = batches()
    blocks = Blocks(lambda: spent)
    list(blocks)
    with pytest.raises(ArgumentError, match="can be iterated over only once"):
        list(blocks)


def test_data_frames_of_pandas_in_blocks() -> None:
    pd = pytest.importorskip("pandas")
    blocks = Blocks(lambda: [(pd.DataFrame(X), pd.Series(Y))])
    assert all(map(np.array_equal, joined(blocks), (X, Y)))


@pytest.mark.parametrize(
    ("block", "error", "says"),
    [
        ((X, Y, Y, Y), ArgumentError, "block 1 of <lambda> has the wrong number of parts"),
        ((X[0], Y), ShapeError, "must be a table"),
        ((X, Y[:3]), ShapeError, "y of block 1 of <lambda> does not have as many rows as X"),
        ((X, Y, X[:2, 0]), ShapeError, "the weights of block 1"),
        ((X.astype("M8[D]"), Y), ArrayTypeError, "dates or times"),
    ],
)
def test_blocks_that_are_none(block: tuple, error: type[BpmatrixError], says: str) -> None:
    with pytest.raises(error) as caught:
        list(Blocks(lambda: [block]))
    assert says in str(caught.value)


def test_sparse_blocks_are_refused() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(ArrayTypeError, match="is a sparse matrix"):
        list(Blocks(lambda: [(sparse.csr_matrix(X), Y)]))
    with pytest.raises(ArrayTypeError, match="X is a sparse matrix"):
        Blocks(sparse.csr_matrix(X))


def test_an_error_of_the_users_function_is_passed_on() -> None:
    def broken() -> Iterator[np.ndarray]:
        yield X
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(Blocks(broken))


@pytest.mark.parametrize("library", ["h5py", "zarr"])
def test_datasets_of_other_libraries(library: str, tmp_path: Path) -> None:
    """Read in whole chunks."""
    if library == "h5py":
        file = pytest.importorskip("h5py").File(tmp_path / "x.h5", "w")
        table = file.create_dataset("X", data=X, chunks=(4, 3))
        labels = file.create_dataset("y", data=Y)
    else:
        group = pytest.importorskip("zarr").group(str(tmp_path / "x.zarr"))
        table = group.create_array("X", shape=X.shape, dtype=X.dtype, chunks=(4, 3))
        labels = group.create_array("y", shape=Y.shape, dtype=Y.dtype)
        table[:], labels[:] = X, Y
    blocks = Blocks(table, labels)
    assert blocks.block_size % 4 == 0
    for each in (blocks, Blocks(table, labels, block_size=7)):
        assert all(map(np.array_equal, joined(each), (X, Y)))
    net, other = (Network([3, 2], seed=1) for _ in range(2))
    net.train(blocks, epochs=2)
    other.train(X.T, Y, epochs=2)
    assert np.array_equal(net.parameters, other.parameters)
