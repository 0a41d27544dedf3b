"""Runs on several processes under `mpiexec`: the same bits, and errors that all of them raise."""

import subprocess
import sys
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from bpmatrix.engine.ranks import _additions, _nodes

PROGRAM = Path(__file__).parents[1] / "ranked.py"
SECONDS = 100  # then something waits for ever
MPIEXEC = which("mpiexec", path=Path(sys.executable).parent) or which("mpiexec")


def on_ranks(ranks, case, argument="-", *, fails=False):
    """The lines that all of the ranks wrote."""
    pytest.importorskip("mpi4py", reason="needs the extra mpi", exc_type=ImportError)
    if MPIEXEC is None:
        pytest.skip("needs mpiexec: pip install mpich")
    with TemporaryDirectory() as folder:
        command = [MPIEXEC, "-n", str(ranks), sys.executable, str(PROGRAM), case, argument, folder]
        command = list(map(str, command))
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert (done.returncode != 0) == fails, done.stderr
        return [line for path in Path(folder).iterdir() for line in path.read_text().splitlines()]


@pytest.mark.parametrize("groups", [1, 2, 8, 16])
def test_the_tree_is_that_of_one_process(groups):
    """Each rank adds its nodes, the ranks add the rest: the same additions in all."""
    for ranks in range(1, groups + 1):
        runs = [(groups * r // ranks, groups * (r + 1) // ranks) for r in range(ranks)]
        nodes = {g: n for owned in runs for g, n in _nodes(*owned).items()}
        assert sum(nodes.values()) == groups
        values = np.array([2.0**g for g in range(groups)])
        trees = {g: tuple(range(g, g + n)) for g, n in nodes.items()}
        for target, source in _additions(dict(nodes), groups):
            assert len(trees[target]) == len(trees[source])
            trees[target] += trees[source]
        assert trees[0] == tuple(range(values.size))


def test_the_bits_do_not_depend_on_the_ranks():
    """For all kinds of runs, in both types."""
    alone = on_ranks(1, "bits")
    assert len(alone) == 10
    for ranks in (2, 3, 4):
        assert sorted(on_ranks(ranks, "bits")) == sorted(alone * ranks)


@pytest.mark.parametrize("ranks", [2, 4])
@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("argument", "ArgumentError: clip_norm"),
        ("settings", "ArgumentError: the ranks have different values of weight_decay"),
        ("weights", "ArgumentError: the ranks have different values of"),
        ("nan", "DataError"),
        ("diverging", "DivergenceError"),
        ("callback", "KeyError"),
        ("groups", "ArgumentError: there are more ranks than groups"),
    ],
)
def test_all_ranks_raise_the_error_of_one(ranks, how, text):
    """And none waits for ever."""
    lines = on_ranks(ranks, "errors", how)
    assert len(lines) == ranks
    assert len(set(lines)) == 1
    assert lines[0].startswith(text)


def test_ctrl_c_on_one_rank_ends_the_run_on_all():
    """As on one process, with a History."""
    assert on_ranks(2, "interrupted") == ["interrupt"] * 2


def test_a_killed_run_resumes_on_another_number_of_ranks(tmp_path):
    """To the same bits."""
    (expected,) = on_ranks(1, "resumed", tmp_path / "whole")
    on_ranks(2, "killed", tmp_path / "killed", fails=True)
    assert on_ranks(3, "resumed", tmp_path / "killed") == [expected] * 3
