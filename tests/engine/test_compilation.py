"""The compiled programs: loaded when first needed; compilations are announced."""

from __future__ import annotations

import errno
import io
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from numba.core import event

import bpmatrix
from bpmatrix import Network
from bpmatrix.engine import compilation
from bpmatrix.engine.compilation import load_program, warm_up
from bpmatrix.kernels.machine import cache

ALL = [(name, dtype) for name in ("train_slice", "evaluate") for dtype in ("float64", "float32")]
X = np.arange(6.0).reshape(2, 3)


@pytest.fixture
def loads(monkeypatch) -> list[tuple[str, str]]:
    """Start with no program loaded, and record the loads instead of loading."""
    noted = []
    monkeypatch.setattr(compilation, "_loaded", {})
    monkeypatch.setattr(compilation, "_load", lambda *wanted: noted.append(wanted) or wanted)
    return noted


@pytest.mark.parametrize("wanted", ALL)
def test_a_program_is_loaded_once(loads: list, wanted: tuple[str, str]) -> None:
    """The first request loads it, the next ones get the same."""
    assert load_program(*wanted) == load_program(*wanted) == wanted
    assert loads == [wanted]


def test_warm_up_loads_everything(loads: list) -> None:
    """After a warm-up each program is there in each type; the time that it took is returned."""
    assert warm_up() >= 0
    assert set(loads) == set(ALL)
    assert len(loads) == len(ALL)
    warm_up()
    assert len(loads) == len(ALL)


def test_warm_up_of_one_type(loads: list) -> None:
    """Only the programs of that type are loaded."""
    warm_up(("float32",))
    assert {dtype for _, dtype in loads} == {"float32"}


@pytest.mark.parametrize("compiles", [0, 1, 3])
def test_a_compilation_announces_itself_once(monkeypatch, capfd, compiles: int) -> None:
    """One line on standard error at the beginning of a compilation; none for a loaded program."""
    seen_before = []

    def load(name: str, dtype: str) -> str:
        for _ in range(compiles):
            with event.trigger_event("numba:compile"):
                seen_before.append(capfd.readouterr().err)
        return name

    monkeypatch.setattr(compilation, "_loaded", {})
    monkeypatch.setattr(compilation, "_load", load)
    load_program("train_slice", "float32")
    line = "bpmatrix compiles its training in float32, once on this machine ...\n"
    assert "".join(seen_before) == line * bool(compiles)
    assert seen_before[:1] == [line][:compiles]
    with event.trigger_event("numba:compile"):  # somebody else's, after ours
        pass
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def compiles(monkeypatch) -> None:
    """Let each program be compiled at once, and nothing be said so far."""

    def load(name: str, dtype: str) -> str:
        with event.trigger_event("numba:compile"):
            return name

    monkeypatch.setattr(compilation, "_loaded", {})
    monkeypatch.setattr(compilation, "_complaints", [])
    monkeypatch.setattr(compilation, "_load", load)


def test_code_that_cannot_be_saved_is_reported_once(monkeypatch, capfd, compiles: None) -> None:
    """It says what that costs, why, and what to do, and not that this was the only time."""
    monkeypatch.setattr(cache, "_reasons", ["/full: No space left on device"])
    warm_up(("float64",))
    said = capfd.readouterr().err.splitlines()

    assert said[0] == "bpmatrix compiles its training in float64 ..."
    assert said[2:] == ["bpmatrix compiles its prediction in float64 ..."]
    for part in ("/full: No space left on device", "Every process", " s.", "NUMBA_CACHE_DIR"):
        assert part in said[1]


def test_loading_prints_nothing(monkeypatch, capfd, loads: list) -> None:
    monkeypatch.setattr(compilation, "_complaints", [])
    monkeypatch.setattr(cache, "_reasons", ["another program was compiled"])
    warm_up()

    assert capfd.readouterr() == ("", "")


class Full(io.StringIO):
    """A file on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Closed(io.StringIO):
    """A file that has been closed."""

    def write(self, text: str) -> int:
        raise ValueError("I/O operation on closed file.")


@pytest.mark.parametrize("stream", [None, Full(), Closed()])
def test_a_closed_standard_error_is_ignored(monkeypatch, capsys, compiles: None, stream) -> None:
    """A standard error that takes no words, or is none, ends no training."""
    monkeypatch.setattr(sys, "stderr", stream)
    warm_up(("float64",))

    assert ("train_slice", "float64") in compilation._loaded
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_there_is_one_specialization_for_each_type(dtype: str) -> None:
    """Programs are compiled for the very types that they are called with, whatever a user's are."""
    programs = [load_program(name, dtype) for name in compilation.PROGRAMS]
    if not hasattr(programs[0], "signatures"):
        pytest.skip("the compiler is switched off")
    before = [list(program.signatures) for program in programs]
    for kind in ("u1", "f4", "f8", ">f8", "i2"):
        inputs = X.astype(kind)
        for targets in ([0, 1, 2], np.eye(3, dtype=kind)):
            net = Network([2, 4, 3], dtype=dtype, seed=1)
            net.train(inputs, targets, epochs=2, mini_batch_size=2, n_threads=2, weight_decay=1)
            net.gradient(inputs, targets)
            net.input_gradient(inputs, targets)
            net.input_gradient(inputs, output=1)
            net.accuracy(inputs, targets)
            net.trace(inputs, targets)
            net.predict(inputs)
    Network([2, 1], activation="relu", cost="quadratic", bias=False, dtype=dtype).train(
        X, [1, 2, 3], epochs=1
    )
    assert [list(program.signatures) for program in programs] == before


def test_two_threads_may_load_at_once() -> None:
    """First computations in several threads at the same time all get their answer."""
    net = Network([2, 4, 3], seed=1)
    expected = net.feedforward(X).tolist()
    compilation._loaded.clear()
    answers, meeting = [], threading.Barrier(4, timeout=30)

    def look() -> None:
        meeting.wait()
        answers.append(net.feedforward(X).tolist())

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == [expected] * 4


def test_nothing_is_loaded_before_the_first_computation() -> None:
    """Importing bpmatrix and making a network load neither numba nor scikit-learn nor plots."""
    script = (
        "import sys; from bpmatrix import Network, SGD, datasets; net = Network([2, 3]); "
        "print(sorted({'numba', 'llvmlite', 'sklearn', 'scipy', 'matplotlib'} & set(sys.modules)));"
        "net.feedforward([[0.0], [1.0]]); print('numba' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300
    )
    assert done.stdout.split("\n") == ["[]", "True", ""], done.stderr


WITHOUT_A_CACHE = """
import bpmatrix
print(bpmatrix.__file__)
net = bpmatrix.Network([2, 3, 1], output="identity", cost="quadratic")
net.parameters[:] = 0
net.biases[1][:] = 2
print(net.feedforward([[1.0, 3.0], [2.0, 4.0]]).tolist())
"""


def test_the_engine_computes_where_nothing_may_be_written(tmp_path) -> None:
    """There is no writable folder: not beside the package, not of the user, and no home."""
    package = tmp_path / "site" / "bpmatrix"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(bpmatrix.__file__).parent, package, ignore=ignored)
    blocked = package / "kernels" / "programs" / "__pycache__"
    blocked.write_text("where a folder would be, there is a file: nobody may write, root neither")
    without = {"HOME", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME"}
    environment = {
        **{name: value for name, value in os.environ.items() if name not in without},
        "XDG_CACHE_HOME": str(blocked),
        "LOCALAPPDATA": str(blocked),
        "NUMBA_OPT": "0",  # compiles in two thirds of the time
        "PYTHONPATH": str(package.parent),
    }
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_A_CACHE],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    said = run.stderr.splitlines()

    assert run.stdout.splitlines() == [str(package / "__init__.py"), "[[2.0, 2.0]]"]
    assert said[0] == "bpmatrix compiles its prediction in float64 ..."
    assert "NUMBA_CACHE_DIR" in said[1]
    assert len(said) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    assert not [*package.rglob("*.nbc")]
