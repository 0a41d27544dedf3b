"""Blocks of tables: Parquet and CSV files, Arrow streams."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numeric import same_bits

from bpmatrix import Blocks, MLPClassifier, MLPRegressor, Network
from bpmatrix.errors import ArgumentError, ArrayTypeError, DataError, DataFileError

pa = pytest.importorskip("pyarrow")
csv, parquet = pytest.importorskip("pyarrow.csv"), pytest.importorskip("pyarrow.parquet")

N = 300


def columns() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((N, 2))
    return {
        "a": x[:, 0],
        "kind": np.array(["ant", "bee"])[(x[:, 0] > 0).astype(int)],
        "b": x[:, 1],
        "w": rng.integers(0, 3, N).astype(float),
        "price": x.sum(axis=1),
    }


def table(**changed: object) -> pa.Table:
    return pa.table({name: a for name, a in (columns() | changed).items() if a is not None})


def written(folder: Path, kind: str, given: pa.Table | None = None, parts: int = 1) -> list[Path]:
    """Write a table to files, with row groups of 40."""
    given, paths = table() if given is None else given, []
    for k in range(parts):
        rows = given.slice(N * k // parts, N * (k + 1) // parts - N * k // parts)
        paths.append(folder / f"part-{k}.{kind}")
        if kind == "parquet":
            parquet.write_table(rows, paths[-1], row_group_size=40)
        else:
            csv.write_csv(rows, paths[-1])
    return paths


def arrays(blocks: Blocks) -> list[np.ndarray]:
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("parts", [1, 3])
def test_files_are_the_table(kind: str, parts: int, tmp_path: Path) -> None:
    paths = written(tmp_path, kind, table(kind=None), parts)
    X, y, w = arrays(Blocks(paths if parts > 1 else str(paths[0]), "price", "w"))
    expected = columns()
    assert np.array_equal(X, np.stack([expected["a"], expected["b"]], axis=1))
    assert np.array_equal(y, expected["price"])
    assert np.array_equal(w, expected["w"])


def test_the_index_that_pandas_writes_is_no_feature(tmp_path: Path) -> None:
    path = written(tmp_path, "parquet", table(kind=None, __index_level_0__=np.arange(N)))[0]
    X, _ = arrays(Blocks(path, "price"))
    assert X.shape == (N, 3)


def test_row_groups_are_blocks(tmp_path: Path) -> None:
    blocks = Blocks(written(tmp_path, "parquet", table(kind=None), 2), "price")
    assert [len(block[0]) for block in blocks] == [40, 40, 40, 30] * 2
    assert repr(blocks).endswith("part-0.parquet and 1 more, 300 samples in 8 blocks, window=8)")


def test_streams_that_can_be_read_again() -> None:
    blocks = Blocks(table(kind=None), ["price", "a"])
    for _ in range(2):
        X, y = arrays(blocks)
        assert (X.shape, y.shape) == ((N, 2), (N, 2))


@pytest.mark.parametrize("library", ["polars", "duckdb"])
def test_other_libraries(library: str) -> None:
    module, given = pytest.importorskip(library), table(kind=None)
    other = module.from_arrow(given)
    blocks = Blocks(other, "price")
    for _ in range(2):
        X, y = arrays(blocks)
        assert np.array_equal(y, given["price"].to_numpy())
        assert X.shape == (N, 3)


def test_columns_of_later_files_are_found_by_name(tmp_path: Path) -> None:
    given = table(kind=None)
    first, second = written(tmp_path, "parquet", given, 2)
    parquet.write_table(parquet.read_table(second).select(["price", "w", "b", "a"]), second)
    X, _ = arrays(Blocks([first, second], "price"))
    assert np.array_equal(X, np.stack([columns()[name] for name in "abw"], axis=1))


@pytest.mark.filterwarnings("ignore:the solver reached max_iter")
def test_training_on_files_is_that_on_arrays(tmp_path: Path) -> None:
    paths, c = written(tmp_path, "parquet", parts=2), columns()
    X = np.stack([c["a"], c["b"], c["price"]], axis=1)
    rest = {"max_iter": 4, "random_state": 1}
    model = MLPClassifier(**rest).fit(X, c["kind"], c["w"])
    blocked = MLPClassifier(**rest).fit(Blocks(paths, "kind", "w"))
    assert all(map(same_bits, model.coefs_, blocked.coefs_))
    assert np.array_equal(blocked.predict(Blocks(paths, "kind", "w")), model.predict(X))
    (file,) = written(tmp_path, "csv", table(kind=None))
    regressor = MLPRegressor(**rest).fit(X[:, :2], c["price"], c["w"])
    assert same_bits(
        MLPRegressor(**rest).fit(Blocks(file, "price", "w")).coefs_[0], regressor.coefs_[0]
    )
    net = Network([3, 4, 1], output="identity", cost="quadratic", seed=1)
    assert net.train(Blocks(file, "price"), epochs=2).stopped_by == "epochs"


@pytest.mark.filterwarnings("ignore:the solver reached max_iter")
def test_an_estimator_knows_the_names_of_columns(tmp_path: Path) -> None:
    """Of files; other columns are refused."""
    given = table(kind=None)
    swapped = given.select(["b", "a", "w", "price"])
    model = MLPRegressor(max_iter=2).fit(Blocks(written(tmp_path, "csv", given)[0], "price"))
    assert model.feature_names_in_.tolist() == ["a", "b", "w"]
    assert len(model.predict(Blocks(given.drop_columns(["price"])))) == N
    y = swapped["price"].to_numpy()
    for other in (
        Blocks(swapped, "price"),
        Blocks(given, ["price"], "w"),
    ):
        for use in (
            model.predict,
            model.partial_fit,
            lambda X: model.fit(given.drop_columns(["price"]), y, X_val=X),
        ):
            with pytest.raises(DataError, match="feature names should match"):
                use(other)


@pytest.mark.filterwarnings("ignore:the solver reached max_iter")
def test_an_estimator_knows_the_names_of_columns_of_pandas() -> None:
    pytest.importorskip("pandas", reason="the blocks are its DataFrames")
    given = table(kind=None)
    model = MLPRegressor(max_iter=2).fit(Blocks(given, "price"))
    swapped = given.select(["b", "a", "w"]).to_pandas()
    with pytest.raises(DataError, match="feature names should match"):
        model.predict(Blocks([(swapped, given["price"].to_numpy())]))


def test_categories_and_small_types() -> None:
    given = table(
        kind=pa.array(columns()["kind"]).dictionary_encode(),
        b=np.arange(N, dtype=np.uint8) % 200, a=columns()["b"].astype(np.float32),
        price=None, w=None,
    )  # fmt: skip
    X, y = arrays(Blocks(given, "kind"))
    assert (X.dtype, y.tolist()) == (np.float32, columns()["kind"].tolist())
    flags = {"a": columns()["a"] > 0, "b": columns()["b"] > 0}
    ((X,),) = Blocks(pa.table(flags))
    assert np.array_equal(X, np.stack(list(flags.values()), axis=1))


def test_a_file_that_changes_or_is_cut(tmp_path: Path) -> None:
    (path,) = written(tmp_path, "parquet", table(kind=None))
    blocks = Blocks(path, "price")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataFileError, match="cannot be read as a table"):
        list(blocks)
    with pytest.raises(DataFileError, match="cannot be read as a table"):
        Blocks(path, "price")


def test_a_csv_file_whose_types_change(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n" + "1.5,2\n" * 2_000_000 + "x,2\n")
    with pytest.raises(DataFileError, match="each column has one type"):
        list(Blocks(path, "b"))


DATES = np.arange(N).astype("M8[D]")
GAP = np.where(np.arange(N) == 9, np.nan, 1.5)
NULLS = pa.array(GAP, from_pandas=True)


@pytest.mark.parametrize(
    ("given", "y", "weight", "error", "says"),
    [
        ({}, "price", None, ArrayTypeError, "but text: got column 'kind' with"),
        ({"kind": DATES}, "price", None, ArrayTypeError, "dates or times: got column 'kind'"),
        ({}, "kind", "kind", ArrayTypeError, "sample_weight of block 1 of Table does not hold"),
        ({"kind": None}, "cost", None, DataError, "Table has no columns named 'cost'"),
        ({"kind": None, "a": NULLS}, "price", None, DataError, "got column 'a', row 9 first"),
        ({"kind": None, "a": GAP}, "price", None, DataError, "got column 'a', row 9 first"),
        ({"kind": None}, np.ones(N), None, ArgumentError, "must be names of its columns"),
        ({"kind": None}, "price", np.ones(N), ArgumentError, "must be names of its columns"),
        ({"kind": DATES}, "kind", None, ArrayTypeError, "'kind'"),
    ],
)
def test_columns_that_cannot_be_used(given, y, weight, error, says) -> None:
    with pytest.raises(error) as caught:
        list(Blocks(table(**given), y, weight))
    assert says in str(caught.value)


def test_two_columns_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,a,b\n1,2,3\n")
    with pytest.raises(DataError, match="has 2 columns named 'a'"):
        list(Blocks(tmp_path / "x.csv", "b"))


def test_a_stream_that_can_be_read_once() -> None:
    with pytest.raises(ArgumentError, match="can be iterated over only once"):
        Blocks(table().to_reader(), "price")


def test_the_size_of_blocks_is_that_in_the_file(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="block_size does not apply to a table"):
        Blocks(written(tmp_path, "parquet"), "price", block_size=10)
