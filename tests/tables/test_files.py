"""Tables that are read block by block: the same rows as in memory, or an error."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pa = pytest.importorskip("pyarrow")
pytest.importorskip("sklearn")

from pyarrow import feather, parquet  # noqa: E402

from bpmatrix import TableModel  # noqa: E402
from bpmatrix.cli import main  # noqa: E402
from bpmatrix.errors import DataFileError  # noqa: E402
from bpmatrix.tables import files  # noqa: E402
from bpmatrix.tables.files import TableFiles  # noqa: E402
from bpmatrix.tables.reading import read_table  # noqa: E402


@pytest.fixture
def messy(tmp_path, monkeypatch):
    """Return a file with decimal commas, gaps, dates and Latin-1, of many blocks."""
    monkeypatch.setattr(files, "HEAD", 4000)
    monkeypatch.setattr(files, "BLOCK", 2000)
    lines = ["size;city;sold;open"]
    for i in range(400):
        size = f"{i}.{i % 1000:03},5" if i % 7 else ""
        lines.append(f"{size};Köln {i % 3} ;{1 + i % 28:02}.{1 + i % 12:02}.2024;{i % 2 == 0}")
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n", encoding="latin-1")
    return tmp_path / "t.csv"


def test_the_blocks_are_the_table(messy, tmp_path):
    whole, notes = read_table(messy)
    table = TableFiles(messy)
    assert table.notes == notes
    blocks = list(table)
    assert len(blocks) > 4
    assert pa.concat_tables(blocks).to_pydict() == whole.to_pydict()
    assert pa.concat_tables(table).num_rows == 400  # again
    as_text = {"as_text": ["city", "sold"]}
    kept = pa.concat_tables(TableFiles(messy, **as_text)).to_pydict()
    assert kept == read_table(messy, **as_text)[0].to_pydict()
    assert kept["city"][1] == "Köln 1"
    parquet.write_table(whole, tmp_path / "t.parquet", row_group_size=70)
    feather.write_feather(whole, str(tmp_path / "t.feather"))
    for name in ("t.parquet", "t.feather"):
        assert pa.concat_tables(TableFiles(tmp_path / name)).to_pydict() == whole.to_pydict()


def test_whole_numbers_may_be_followed_by_others(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "HEAD", 50)
    (tmp_path / "t.csv").write_text("a\n" + "1\n" * 100 + "1.5\n")
    assert pa.concat_tables(TableFiles(tmp_path / "t.csv"))["a"].to_pylist()[-2:] == [1.0, 1.5]


def test_folders_and_patterns(messy, tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    for name in ("b.csv", "a.csv"):
        (folder / name).write_bytes(messy.read_bytes())
    (folder / "notes").touch()
    for source in (folder, str(folder / "*.csv"), [folder / "a.csv", folder / "b.csv"]):
        table = TableFiles(source)
        assert [Path(path).name for path in table.paths] == ["a.csv", "b.csv"]
        assert sum(block.num_rows for block in table) == 800


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("many;Bonn;01.01.2024;True", "column 'size' of .* changes its kind behind the first"),
        ("1,5;Bonn;2024/01/01;True", "column 'sold' of .* changes its kind .*got '2024/01/01'"),
        ("1,5;Bonn;01.01.2024;perhaps", "column 'open' of .* changes its kind"),
        ("1,5;Bonn", "Expected 4 columns, got 2"),
    ],
)
def test_a_later_row_of_another_kind(line, complaint, messy):
    with messy.open("a", encoding="latin-1") as file:
        file.write(line + "\n")
    with pytest.raises(DataFileError, match=complaint):
        list(TableFiles(messy))


@pytest.mark.filterwarnings("ignore:the solver reached max_iter")
def test_any_cell_will_do_in_a_column_that_is_left_out(tmp_path, monkeypatch):
    """The cure of a column whose kind changes, in training and prediction."""
    monkeypatch.setattr(files, "HEAD", 4000)
    path = tmp_path / "t.csv"
    rows = [f"{i % 9 if i < 900 else 'A12'},{i % 5},{i % 5 * 2 + i % 7 / 9}" for i in range(1000)]
    path.write_text("\n".join(["code,x,y", *rows]) + "\n")
    monkeypatch.setattr(files, "_memory", lambda: 8000)
    train = ["train", str(path), "--target", "y", "--epochs", "2", "--seed", "1"]
    with pytest.raises(DataFileError, match=r"got Row #902: .*'A12'.*leave the column out"):
        TableModel("y").fit(path)
    model = TableModel("y", drop=["code"], seed=1, max_iter=2).fit(path)
    assert model.encoder_.left_out_ == {"code": "asked for"}
    assert main([*train, "--drop", "code", "--save", str(tmp_path / "model")]) == 0
    assert main(["predict", str(tmp_path / "model"), str(path)]) == 0


def test_which_tables_are_read_in_blocks(messy, tmp_path, monkeypatch):
    assert not files.reads_blocks(str(messy))
    assert not files.reads_blocks("-")
    assert files.reads_blocks(str(tmp_path))
    monkeypatch.setattr(files, "_memory", lambda: 8 * messy.stat().st_size - 8)
    assert files.reads_blocks(str(messy))


SMALLER_THAN_THE_FILE = """
import resource, sys, warnings
from bpmatrix import TableModel
from bpmatrix.cli import main

warnings.simplefilter("ignore")
settings = {"drop": ["note"], "seed": 1, "max_iter": 1}
TableModel("price", **settings).fit("small.csv")  # loads and compiles what is needed
with open("/proc/self/status") as status:
    used = next(int(line.split()[1]) << 10 for line in status if line.startswith("VmData"))
limit = used + (300 << 20)
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
TableModel("price", **settings).fit("large.csv").save("model")
sys.exit(main(["predict", "model", "large.csv", "--output", "predicted.csv"]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory work otherwise there")
def test_a_table_larger_than_the_memory(tmp_path):
    """A file of 390 MB, in a process that may use 300 MB beyond its libraries."""
    rng, n = np.random.default_rng(0), 130_000
    a, kind, padding = rng.normal(size=n), rng.integers(0, 3, n), "lorem ipsum " * 250
    for name, count in (("large.csv", n), ("small.csv", 500)):
        with (tmp_path / name).open("w") as file:
            print("a,kind,note,price", file=file)
            for i in range(count):
                note = f"{i} {padding}"
                print(f"{a[i]:.3f},k{kind[i]},{note},{2 * a[i] + kind[i]:.3f}", file=file)
    assert (tmp_path / "large.csv").stat().st_size > 370 << 20
    done = subprocess.run(
        [sys.executable, "-c", SMALLER_THAN_THE_FILE], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "it is read block by block" in done.stderr
    assert float(re.search(r"R\^2 ([\d.]+)", done.stderr)[1]) > 0.95
    with (tmp_path / "predicted.csv").open() as file:
        assert sum(1 for _ in file) == n + 1
