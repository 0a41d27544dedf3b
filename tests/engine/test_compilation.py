"""The compiled programs: loaded when first needed, and the first compilation says so."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
from numba.core import event

from bpmatrix import Network
from bpmatrix.engine import compilation
from bpmatrix.engine.compilation import load_program, warm_up

ALL = [(name, dtype) for name in ("train_slice", "evaluate") for dtype in ("float64", "float32")]
X = np.arange(6.0).reshape(2, 3)


@pytest.fixture
def loads(monkeypatch) -> list[tuple[str, str]]:
    """Let nothing be loaded yet, and note what is loaded instead of loading it."""
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
    """Only what was asked for is loaded."""
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


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_there_is_one_specialization_for_each_type(dtype: str) -> None:
    """After a warm-up no use of a network compiles anything, whatever the user's types are."""
    warm_up((dtype,))
    programs = [load_program(name, dtype) for name in ("train_slice", "evaluate")]
    if not hasattr(programs[0], "signatures"):
        pytest.skip("the compiler is switched off")
    before = [list(program.signatures) for program in programs]
    for kind in ("u1", "f4", "f8", ">f8", "i2"):
        inputs = X.astype(kind)
        for targets in ([0, 1, 2], np.eye(3, dtype=kind)):
            net = Network([2, 4, 3], dtype=dtype, seed=1)
            net.train(inputs, targets, epochs=2, mini_batch_size=2, n_threads=2, weight_decay=1)
            net.gradient(inputs, targets)
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
