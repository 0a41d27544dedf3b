"""Files that once broke something: each now loads, or is rejected with one of our errors."""

from __future__ import annotations

import contextlib
import io
import re
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the estimators need scikit-learn")

import bpmatrix
from bpmatrix import Network, TableModel, cli, datasets
from bpmatrix.datasets.idx import read_idx
from bpmatrix.errors import BpmatrixError
from bpmatrix.nielsen import network2
from bpmatrix.nielsen.pickled import read_pickled_arrays
from bpmatrix.tables.reading import read_table

CORPUS = Path(__file__).parent / "corpus"
ROWS = re.findall(r"(?m)^\| `(.*)` \| .* \| (.*) \|$", (CORPUS / "README.md").read_text("utf-8"))
LOADS = "loads"


def use(path: Path) -> None:
    """Load a model of two inputs, predict with it, and describe it."""
    model = bpmatrix.load(path)
    model.predict(np.zeros((2, 1) if isinstance(model, Network) else (1, 2)))
    with contextlib.redirect_stdout(io.StringIO()):
        assert cli.main(["info", str(path)]) == 0


READ = {
    ".csv": lambda path: TableModel("kind", task="classification").fit(read_table(path)[0]),
    ".gz": read_idx,
    ".idx": read_idx,
    ".json": network2.load,
    ".npz": datasets.load,
    ".pkl": read_pickled_arrays,
    ".safetensors": use,
}


def test_the_page_lists_the_files() -> None:
    assert [name for name, _ in ROWS] == sorted(
        path.name for path in CORPUS.iterdir() if path.suffix != ".md"
    )


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@pytest.mark.parametrize(("name", "says"), ROWS)
def test_a_file_of_the_corpus(name: str, says: str) -> None:
    """It takes at most two seconds, and 20 MB of memory where that can be measured."""
    path = CORPUS / name
    read = READ[path.suffix]
    if path.suffix == ".safetensors":
        use(CORPUS / "network-plain.safetensors")  # compiles, in the first test
    # tracemalloc.stop() may crash beside pyarrow's threads, before Python 3.12.9 and 3.13.2:
    # https://github.com/python/cpython/issues/128679. Nor does it see pyarrow's memory.
    if is_traced := path.suffix != ".csv":
        tracemalloc.start()
    start = time.process_time()
    try:
        with contextlib.nullcontext() if says == LOADS else pytest.raises(BpmatrixError) as caught:
            read(path)
        assert not is_traced or tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    assert time.process_time() - start < 2
    if says != LOADS:
        assert says in str(caught.value)
