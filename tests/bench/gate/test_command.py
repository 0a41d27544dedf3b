"""The gate on a small repository that has nothing to do with bpmatrix."""

import json
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from bpmatrix.bench.__main__ import main
from bpmatrix.bench.gate import command, versus
from bpmatrix.bench.gate.command import Checkout, compare
from bpmatrix.bench.gate.pairs import Repeats
from bpmatrix.bench.gate.repository import NoBaseError, Repository
from bpmatrix.bench.gate.verdicts import Word, exit_status

EFFORT = Repeats(runs=1, more_runs=1, quads=6)

# A package with a clock of its own in place of the worker's, so that no test measures time.
PACKAGE = """
import time

now = 0.0

def clock():
    return now

time.perf_counter = clock

def work(seconds=0.001):
    global now
    now += seconds
    return 3

def answer():
    return work()
"""
HEAD = PACKAGE.replace("    return work()", "    work(0.0002)\n    return work() + 1") + (
    "\ndef recent():\n    return work()\n"
)
FILE = """
import pkg

def bench_work():
    pkg.work()

def bench_answer():
    pkg.answer()

def bench_gone():
    pkg.work()
"""
NEWER = (
    FILE.replace("bench_gone", "bench_result").replace(
        "bench_result():\n    pkg.work()", "bench_result():\n    return pkg.answer() > 3"
    )
    + """
def bench_recent():
    pkg.recent()

def bench_fails():
    pkg.work("long")
"""
)
SUITE = """
import pytest
import pkg

@pytest.fixture
def seconds(tmp_path):
    yield 0.001
    tmp_path.rmdir()

@pytest.mark.parametrize("times", [2])
def test_work(benchmark, seconds, times):
    assert benchmark(pkg.work, times * seconds) == 3

def test_answer(benchmark):
    benchmark.pedantic(pkg.answer, rounds=5)

def test_skipped(benchmark):
    pytest.importorskip("no_such_package")

def test_fails(benchmark):
    benchmark(pkg.work, "long")

def test_of_no_speed():
    pass
"""


def commit(repository, files):
    for name, text in files.items():
        path = repository.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    repository.git("add", "--all")
    named = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    repository.git(*named, "commit", "--quiet", "--message", "commit")


@pytest.fixture
def repository(tmp_path):
    made = Repository((tmp_path / "repository").resolve())
    made.root.mkdir()
    try:
        made.git("init", "--quiet")
    except NoBaseError:
        pytest.skip("git is not installed")
    files = {"src/pkg.py": PACKAGE, "speed/all.py": FILE, "speed/test_all.py": SUITE}
    commit(made, files)
    return made


def judged(repository, file="speed/all.py", base="HEAD"):
    return {v.name: v for v in compare(repository, repository.root / file, base, EFFORT)}


needs_pinning = pytest.mark.skipif(not versus.CAN_PIN, reason="without pinning, no verdicts")


@needs_pinning
def test_the_functions_of_a_file(repository):
    (repository.root / "src/pkg.py").write_text(HEAD)
    (repository.root / "speed/all.py").write_text(NEWER)
    found = judged(repository)
    assert {name: verdict.word for name, verdict in found.items()} == {
        "bench_gone": Word.MISSING,
        "bench_work": Word.PASS,
        "bench_answer": Word.REGRESSION,
        "bench_result": Word.REGRESSION,
        "bench_result returns the same": Word.BROKEN,
        "bench_recent": Word.NEW,
        "bench_fails": Word.MISSING,
    }
    assert "+20.0 % [+20.0, +20.0]" in found["bench_answer"].why
    assert "base returns False, head True" in found["bench_result returns the same"].why
    assert "head cannot run it: TypeError" in found["bench_fails"].why
    assert exit_status(found.values()) == 5


@needs_pinning
def test_equal_code_passes(repository):
    (repository.root / "src/pkg.py").write_text(PACKAGE + "# changed\n")
    found = judged(repository)
    assert {verdict.word for verdict in found.values()} == {Word.PASS}
    assert len(found) == 3


@needs_pinning
def test_a_suite_of_pytest_benchmark(repository):
    pytest.importorskip("pytest_benchmark")
    (repository.root / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts='-n 2'\n")
    (repository.root / "src/pkg.py").write_text(HEAD)
    found = judged(repository, "speed/test_all.py")
    assert {name: verdict.word for name, verdict in found.items()} == {
        "test_work[2]": Word.PASS,
        "test_answer": Word.REGRESSION,
        "test_answer returns the same": Word.BROKEN,
        "test_skipped": Word.SKIPPED,
        "test_fails": Word.MISSING,
    }
    assert "no_such_package" in found["test_skipped"].why
    assert "TypeError" in found["test_fails"].why


def test_a_package_of_the_name_of_ours_is_that_of_the_checkout(repository):
    (repository.root / "src" / "bpmatrix.py").write_text("x = 3\n")
    text = "import bpmatrix\nassert bpmatrix.x == 3\ndef bench_a(): pass\n"
    (repository.root / "speed" / "all.py").write_text(text)
    assert Checkout("head", repository.root, "speed/all.py", repository.root).names() == ["bench_a"]


@pytest.mark.parametrize(
    ("text", "base", "said"),
    [
        ("def bench_a(): pass", "no-such-commit", "there is no commit no-such-commit"),
        ("import pkg\nraise OSError('no disk')", "HEAD", "OSError: no disk"),
        ("import pkg\nbench_a = nothing", "HEAD", "name 'nothing' is not defined"),
        ("def bench_a(:", "HEAD", "SyntaxError"),
        ("x = 1", "HEAD", "has no benchmarks: name functions bench_*"),
        ("def bench_a(): pass", "HEAD", "uses no module of the repository"),
    ],
)
def test_nothing_was_measured(repository, text, base, said):
    pytest.importorskip("pytest_benchmark")
    (repository.root / "speed/other.py").write_text(text)
    found = judged(repository, "speed/other.py", base)
    assert exit_status(found.values()) == 4
    assert said in "".join(map(str, found.values()))


def test_an_ignored_file_is_not_measured(repository):
    (repository.root / ".gitignore").write_text("mine.py\n")
    (repository.root / "mine.py").write_text(FILE)
    (verdict,) = judged(repository, "mine.py").values()
    assert (verdict.word, "git ignores mine.py" in verdict.why) == (Word.NOTHING_MEASURED, True)


def test_the_same_files_are_not_measured_but_reported(repository, tmp_path):
    files = tmp_path / "a.json", tmp_path / "a.md"
    given = [str(repository.root / "speed/all.py"), "--base", "HEAD", "--strict"]
    options = ["--json", str(files[0]), "--markdown", str(files[1])]
    result = CliRunner().invoke(main, ["gate", *given, *options])
    assert result.exit_code == 0
    assert "SKIPPED: the files are the same as in HEAD" in result.output
    assert json.loads(files[0].read_text())["verdicts"][0]["verdict"] == "SKIPPED"
    assert "**The gate passed.**" in files[1].read_text()
    assert "| base/head | all benchmarks | SKIPPED |" in files[1].read_text()


@pytest.mark.parametrize("file", ["speed/no.py", "speed", "README.md", "../alone.py"])
def test_wrong_usage(repository, file):
    for name in ("README.md", "../alone.py"):
        (repository.root / name).write_text("def bench_a(): pass\n")
    result = CliRunner().invoke(main, ["gate", str(repository.root / file), "--base", "HEAD"])
    assert result.exit_code == 2
    assert "expected" in result.output
    assert result.exc_info[0] is SystemExit


def test_a_folder_that_does_not_exist_is_said_before_measuring(repository, tmp_path):
    file, missing = str(repository.root / "speed/all.py"), str(tmp_path / "no" / "a.md")
    result = CliRunner().invoke(main, ["gate", file, "--base", "HEAD", "--markdown", missing])
    assert (result.exit_code, "there is no folder" in result.output) == (2, True)


def test_ctrl_c_removes_the_checkouts(repository, tmp_path, monkeypatch):
    (repository.root / "src/pkg.py").write_text(HEAD)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    seen = []

    def interrupted(*_):
        seen.extend(path.name for path in temporary.glob("*/*"))
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "compare_versions", interrupted)
    file = str(repository.root / "speed/all.py")
    result = CliRunner().invoke(main, ["gate", file, "--base", "HEAD"])
    assert result.exit_code == 130
    assert {"base", "head"} <= set(seen)
    assert not list(temporary.iterdir())
    assert Path(repository.root, "src/pkg.py").read_text() == HEAD
