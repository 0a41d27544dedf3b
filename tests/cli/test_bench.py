"""`bpmatrix bench` on the command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from bench.surveys import default_survey, full_survey, point, survey

from bpmatrix.bench import surveying
from bpmatrix.bench.report import headline, markdown
from bpmatrix.bench.survey import from_json, to_json
from bpmatrix.cli import main
from bpmatrix.plots import figures

SECONDS = 180


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let every command run in an empty folder, and return that."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(*arguments):
        pytest.fail("something was measured")

    monkeypatch.setattr(surveying, "survey", measured)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch):
    """Replace measurements by known figures."""
    found = default_survey()
    monkeypatch.setattr(surveying, "survey", lambda grid, watch: replace(found, run=grid.name))
    return found


def test_a_measurement_from_end_to_end(folder, monkeypatch, capsys):
    monkeypatch.setenv("BPMATRIX_DATA", "no-such-folder")
    tiny = replace(surveying.GRIDS["quick"], mini_batch_sizes=(10,), seconds=0.0)
    monkeypatch.setitem(surveying.GRIDS, "quick", tiny)
    assert main(["bench", "--quick", "--json", "figures.json"]) == 0
    found = from_json(Path("figures.json").read_text(), "figures.json")
    shown = capsys.readouterr().out

    assert shown.rstrip().splitlines()[-1] == headline(found)
    assert {"bpmatrix", "loop", "numpy", "bpmatrix float32"} == set(found.contenders)
    assert "processor  " in shown


def test_all_files_are_written(folder, measured, capsys):
    pytest.importorskip("matplotlib")
    arguments = ["--json", "a.json", "--markdown", "a.md", "--plot", "pictures"]
    assert main(["bench", *arguments]) == 0

    assert from_json(Path("a.json").read_text(), "a.json") == measured
    assert Path("a.md").read_text() == markdown(measured)
    assert [path.name for path in Path("pictures").iterdir()] == ["speed-up.svg"]
    assert sorted(path.name for path in folder.iterdir()) == ["a.json", "a.md", "pictures"]
    # Again, into the existing folder.
    assert main(["bench", *arguments]) == 0


@pytest.mark.usefixtures("nothing_is_measured")
@pytest.mark.parametrize("made", [default_survey(), full_survey()], ids=["default", "full"])
def test_an_earlier_run_is_shown_again(made, capsys):
    Path("figures.json").write_text(to_json(made))
    assert main(["bench", "--from", "figures.json", "--markdown", "report.md"]) == 0
    shown = capsys.readouterr().out

    assert shown.rstrip().splitlines()[-1] == headline(made)
    assert "JAX" in shown
    assert Path("report.md").read_text() == markdown(made)


@pytest.mark.usefixtures("nothing_is_measured")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--quick", "--full"], "--quick, --full and --from are mutually exclusive"),
        (
            ["--quick", "--from", "figures.json"],
            "--quick, --full and --from are mutually exclusive",
        ),
        (["--json", "no/such.json"], "--json: there is no folder no"),
        (["--json", "a", "--markdown", "./a"], "--json and --markdown name the same file"),
        (["--from", "missing.json"], "missing.json: No such file"),
        pytest.param(
            ["--from", "/dev/zero"],
            "/dev/zero is not a regular file",
            marks=pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device"),
        ),
        (["--from", "other.json"], "other.json cannot be read as a benchmark"),
        (["--from", "figures.json", "--json", "figures.json"], "would overwrite an input file"),
        (["--plot", "other.json"], "'other.json' is a file"),
    ],
)
def test_wrong_usage_is_one_line_before_anything_runs(folder, capsys, arguments, message):
    Path("figures.json").write_text(to_json(default_survey()))
    Path("other.json").write_text("{}")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(["bench", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()

    assert message in line
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.usefixtures("nothing_is_measured")
def test_plots_without_matplotlib_are_rejected_before_anything_runs(monkeypatch, capsys):
    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    assert main(["bench", "--plot", "pictures"]) == 2

    assert "pip install '.[plot]'" in capsys.readouterr().err
    assert not Path("pictures").exists()


def test_a_wrong_result_ends_with_status_1(monkeypatch, capsys):
    found = survey(point(names=[]), notes=["bpmatrix: excluded, its cost is 7"])
    monkeypatch.setattr(surveying, "survey", lambda grid, watch: found)
    assert main(["bench"]) == 1
    shown = capsys.readouterr().out

    assert "bpmatrix: excluded, its cost is 7" in shown
    assert "No headline" in shown


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to whole consoles")
@pytest.mark.usefixtures("nothing_is_measured")
def test_control_characters_in_a_file_are_not_printed(capsys):
    """In machine, data, notes and contenders."""
    evil, made = "\x1b[2J\x9b31m\x07", default_survey()
    points = [
        replace(p, figures=tuple(replace(f, name=f.name.replace("jax", f"jax{evil}"))
                                 for f in p.figures)) for p in made.points
    ]  # fmt: skip
    made = replace(
        made, points=tuple(points), machine={f"a{evil}": f"b{evil}"}, data=f"c{evil}",
        date=f"d{evil}", run=f"e{evil}", notes=(f"f{evil}",),
    )  # fmt: skip
    Path("figures.json").write_text(to_json(made))
    assert main(["bench", "--from", "figures.json"]) == 0
    shown = capsys.readouterr().out
    assert all(f"{name}?[2J?31m?" in shown for name in ("jax", *"abcdef"))
    assert all(letter.isprintable() or letter == "\n" for letter in shown)


@pytest.mark.parametrize("seconds", [0.3, 3.0])
def test_ctrl_c_ends_all_processes_and_leaves_no_file(folder, seconds):
    """As on a terminal, where it reaches all processes of the group."""
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from bpmatrix.bench import task; from bpmatrix.cli import main;"
        "print('ready', flush=True); sys.exit(main(sys.argv[1:]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", code, "bench", "--json", "figures.json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(seconds)  # long enough for workers to start, or to be busy
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=SECONDS)
    finally:
        process.kill()

    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "bpmatrix: interrupted"
    assert "Traceback" not in stderr
    assert list(folder.iterdir()) == []
    # The workers held standard error open: that `communicate` has returned shows that they ended.
