"""Runs on several processes under `mpiexec`: the same bits, and errors that all of them raise."""

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from bpmatrix import Network
from bpmatrix.engine.ranks import _additions, _nodes
from bpmatrix.errors import ArgumentError

PROGRAM = Path(__file__).parents[1] / "ranked.py"
PAGE = Path(__file__).parents[2] / "docs" / "many-machines.md"
SECONDS = 300  # then something waits for ever
MPIEXEC = which("mpiexec", path=Path(sys.executable).parent) or which("mpiexec")
# What is wrong on one rank, and the error of all.
ERRORS = {
    "argument": "ArgumentError: clip_norm",
    "settings": "ArgumentError: the ranks have different values of weight_decay",
    "weights": "ArgumentError: the ranks have different values of",
    "nan": "DataError",
    "diverging": "DivergenceError",
    "callback": "KeyError",
    "blocks": "OSError: the disk is gone",
    "sparse": "ArrayTypeError: X is a sparse matrix. Pass X.toarray()",
    "groups": "ArgumentError: there are more ranks than groups",
}


def started_on_ranks(ranks, *words):
    """The completed process of `mpiexec`, which runs Python with these arguments."""
    pytest.importorskip("mpi4py", reason="needs the extra mpi", exc_type=ImportError)
    if MPIEXEC is None:
        pytest.skip("needs mpiexec: pip install mpich")
    command = [MPIEXEC, "-n", str(ranks), sys.executable, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)


def on_ranks(ranks, case, argument="-", *, fails=False):
    """The lines that all of the ranks wrote."""
    with TemporaryDirectory() as folder:
        done = started_on_ranks(ranks, PROGRAM, case, argument, folder)
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


def test_ranks_read_the_same_blocks():
    """Of data that are read in windows, to the same bits."""
    (alone,) = on_ranks(1, "blocks")
    assert on_ranks(2, "blocks") == [alone] * 2


@pytest.mark.parametrize("ranks", [2, 4])
def test_all_ranks_raise_the_error_of_one(ranks):
    """And none waits for ever; the next run works."""
    lines = on_ranks(ranks, "errors", ",".join(ERRORS))
    assert len(lines) == ranks * len(ERRORS)
    assert len(set(lines)) == len(ERRORS)
    for how, text in ERRORS.items():
        assert any(line.startswith(f"{how} {text}") for line in lines)


def test_ctrl_c_on_one_rank_ends_the_run_on_all():
    """As on one process, with a History."""
    assert on_ranks(2, "interrupted") == ["interrupt"] * 2


def test_a_killed_run_resumes_on_another_number_of_ranks(tmp_path):
    """To the same bits."""
    (expected,) = on_ranks(1, "resumed", tmp_path / "whole")
    on_ranks(2, "killed", tmp_path / "killed", fails=True)
    assert on_ranks(3, "resumed", tmp_path / "killed") == [expected] * 3


def test_a_run_with_other_groups_is_not_resumed(tmp_path):
    """Its sums would be other ones; nothing has changed then."""
    nets = [Network([2, 3], seed=1) for _ in range(3)]
    for net, groups in zip(nets, (4, 8, 4), strict=True):
        with pytest.raises(ArgumentError, match="groups") if groups == 8 else nullcontext():
            net.train(np.eye(2), [0, 2], epochs=1, groups=groups, checkpoint=tmp_path)
    assert np.array_equal(nets[0].parameters, nets[2].parameters)
    assert nets[1].epochs == 0


def test_the_page_about_ranks_adds_gradients_of_separate_parts():
    """As one process with all samples, up to rounding."""
    assert on_ranks(2, "page", PAGE) == ["equal"] * 2


def test_the_command_line_prints_and_saves_once_on_ranks(tmp_path):
    """The same network on 1 and 2 ranks; an error is said once."""
    saved = []
    for ranks in (1, 2):
        path = tmp_path / f"{ranks}.safetensors"
        words = ("-m", "bpmatrix", "train", "--epochs", 2, "--groups", 4, "--mpi", "--save", path)
        done = started_on_ranks(ranks, *words, "--seed", 3)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("test accuracy") == done.stdout.count("parameters ") == 1
        saved.append(Network.load(path).parameters)
    assert np.array_equal(*saved)
    for wrong in (("--groups", 3), ("--target", "price"), ("nothing.npz",)):
        done = started_on_ranks(2, "-m", "bpmatrix", "train", "--mpi", *wrong)
        assert done.returncode == 2
        assert done.stderr.count("bpmatrix: error") == 1
