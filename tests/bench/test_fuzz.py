"""Damaged files of every format; `python -m benchmarks fuzz` damages each 100,000 times."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("sklearn", reason="the estimators need scikit-learn")

from benchmarks.__main__ import main
from benchmarks.fuzz import KINDS, at_each_byte, at_random, damaged, look, outcome
from benchmarks.fuzz_formats import Format, formats
from bpmatrix.errors import DataFileError

GOOD = {"refused", "equal", "different"}
SLOW = "checkpoint"  # a run is resumed from each
mutations = st.lists(
    st.tuples(
        st.sampled_from(KINDS), st.floats(0, 1), st.floats(0, 1), st.integers(1, 8),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=4,
)  # fmt: skip
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="the children are forks")


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> dict[str, Format]:
    return formats(tmp_path_factory.mktemp("formats"))


@pytest.fixture(scope="module")
def whole(known, tmp_path_factory) -> dict[str, bytes]:
    """What is in each file before it is damaged."""
    found = {}
    for name, form in known.items():
        path = tmp_path_factory.mktemp("whole") / form.name
        path.write_bytes(form.wrap(form.content))
        found[name] = form.read(path)
    return found


@pytest.mark.filterwarnings("ignore")
@settings(
    max_examples=800, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_damaged_files_are_refused_or_read(known, whole, tmp_path: Path, data) -> None:
    """There is never another exception, nor another model without an error."""
    name = data.draw(st.sampled_from([name for name in known if not name.startswith(SLOW)]))
    form = known[name]
    path = tmp_path / form.name
    content = damaged(form.content, data.draw(mutations))
    assert outcome(form, content, whole[name], path) in GOOD


@pytest.mark.filterwarnings("ignore")
def test_every_byte_matters_or_does_not(known, whole, tmp_path: Path) -> None:
    """Data files are changed at each byte in one of five ways, in turn; models at some bytes.

    So are ONNX files: reading one takes long, and most of its bytes are weights and names.
    """
    bad = []
    for name, form in known.items():
        path = tmp_path / form.name
        is_data = form.name.startswith("damaged") and name != "onnx"
        step = 301 if name.startswith(SLOW) else 6 if is_data else 31
        for number in range(0, 5 * len(form.content), step):
            came = outcome(form, at_each_byte(form.content, number), whole[name], path)
            bad += [(name, number, came)] * (came not in GOOD)
    assert not bad


def crash(path: Path) -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    return b""


def hang(path: Path) -> bytes:
    time.sleep(60)
    return b""


def grow(path: Path) -> bytes:
    return np.ones(1 << 28).tobytes()


def flood(path: Path) -> bytes:
    error = DataFileError("it is wrong")
    error.args = ("\x1b[2J",)
    raise error


def confuse(path: Path) -> bytes:
    raise KeyError("a bare one")


@forks
@pytest.mark.parametrize(
    ("read", "says"),
    [
        (crash, "SIGKILL"), (hang, "SIGALRM"), (grow, "MemoryError"),
        (flood, "not a short printable line"), (confuse, "KeyError: "),
        (Path.read_bytes, "another model"),
    ],
)  # fmt: skip
def test_faults_are_found(read, says: str, tmp_path: Path, monkeypatch) -> None:
    """The reader has a fault with the second of three damaged files."""
    monkeypatch.setattr("benchmarks.fuzz.SECONDS", 1)
    form = Format(
        b"whole", lambda path: read(path) if path.read_bytes() == b"bad" else b"whole",
        is_sealed=True,
    )  # fmt: skip
    found = look(form, lambda number: [b"whole", b"bad", b"whole"][number], range(3), tmp_path)
    assert found.outcomes == {"equal": 2, "fault": 1}
    assert says in found.faults[1]


@forks
def test_undamaged_files_are_equal(known, tmp_path: Path) -> None:
    """They are read in a child process, as damaged ones are."""
    for name, form in known.items():
        found = look(form, lambda number, form=form: form.content, range(2), tmp_path)
        assert found.outcomes == {"equal": 2}, (name, found)


@forks
def test_the_command_prints_a_row_and_keeps_no_file_without_a_fault(tmp_path: Path) -> None:
    """For an unknown format, the error lists the known ones."""
    keep = tmp_path / "keep"
    result = CliRunner().invoke(main, ["fuzz", "idx", "--times", "7", "--keep", str(keep)])
    assert result.exit_code == 0, result.output
    counts = result.output.splitlines()[-1].removeprefix("idx").removesuffix("ms").split()
    size, *outcomes = (int(count.replace(",", "")) for count in counts[:-1])
    assert sum(outcomes) == 5 * size + 7
    assert not list(keep.iterdir())
    result = CliRunner().invoke(main, ["fuzz", "gif"])
    assert result.exit_code == 1
    assert "no format 'gif'; there are: network, " in result.output


def test_damage_is_the_same_in_every_run() -> None:
    """It depends on the seed and the number."""
    content = bytes(range(1, 101))
    assert at_random(content, 0, 7) == at_random(content, 0, 7)
    assert len({at_random(content, 0, number) for number in range(100)}) > 90
    assert len({at_each_byte(content, number) for number in range(500)}) == 499  # the end
