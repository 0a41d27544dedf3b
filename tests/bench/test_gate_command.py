"""The gate's exit status, baseline, git, and output."""

import json
import shutil

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.gate import command, floor, versions
from benchmarks.gate.baseline import FILE, Baseline
from benchmarks.gate.cases import CASES
from benchmarks.gate.command import compare_with, missing_in_head
from benchmarks.gate.floor import judge_floor
from benchmarks.gate.versions import copied, of_commit, same_package
from bpmatrix.bench.gate.repository import NoBaseError, Repository
from bpmatrix.bench.gate.verdicts import Verdict, Word
from bpmatrix.bench.statistics import Ratio
from bpmatrix.bench.workers import WorkerError

NAMED = ("-c", "user.name=test", "-c", "user.email=test@localhost")
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def said(*words):
    return [Verdict("floor", f"check {i}", word, "because") for i, word in enumerate(words)]


def test_a_removed_case_fails_unless_accepted():
    listed = [CASES[0].name, "train 2-2/1 float64", "train 3-3/1 float64"]
    found = missing_in_head(listed, {"train 3-3/1 float64": "of no use"})
    assert [(verdict.name, verdict.word) for verdict in found] == [
        ("train 2-2/1 float64", Word.MISSING),
        ("train 3-3/1 float64", Word.SKIPPED),
    ]
    assert "of no use" in found[1].why


def test_accept_records_removed_cases():
    before = Baseline(benchmarks=["a", "b"], removed={"c": "long ago", "d": "once"})
    assert before.without(["a", "d"], "of no use") == {"b": "of no use", "c": "long ago"}


def test_the_baseline_round_trip(tmp_path):
    (tmp_path / "benchmarks").mkdir()
    assert Baseline.read(tmp_path) == Baseline()
    written = Baseline("because", ["a"], {"b": "gone"}, {"3": 5})
    written.write(tmp_path)
    assert Baseline.read(tmp_path) == written


def test_the_committed_baseline_lists_the_cases():
    committed = Baseline.read(versions.ROOT)
    assert committed.reason
    assert set(committed.benchmarks) == {case.name for case in CASES}
    assert "seconds" not in (versions.ROOT / FILE).read_text()


@pytest.mark.parametrize("text", ["{", "[]", '{"seconds": 3}'])
def test_a_broken_baseline_is_wrong_usage(tmp_path, monkeypatch, text):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / FILE).write_text(text)
    monkeypatch.setattr(versions, "ROOT", tmp_path)
    result = CliRunner().invoke(main, ["gate"])
    assert result.exit_code == 2
    assert "baseline.json cannot be read" in result.output
    assert result.exc_info[0] is SystemExit


@pytest.mark.parametrize(
    "arguments", [["accept"], ["accept", "--reason", " "], ["gate", "--case", "no such case"]]
)
def test_wrong_use(arguments):
    assert CliRunner().invoke(main, arguments).exit_code == 2


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with three commits: no package, a package, a changed package."""
    root = tmp_path / "repository"
    root.mkdir()
    monkeypatch.setattr(versions, "ROOT", root)
    git = Repository(root).git
    git("init", "--quiet")
    (root / "README.md").write_text("nothing yet\n")
    for content in (None, "__version__ = '1'\n", "__version__ = '2'\n"):
        if content:
            (root / "bpmatrix").mkdir(exist_ok=True)
            (root / "bpmatrix" / "__init__.py").write_text(content)
        git("add", "--all")
        git(*NAMED, "commit", "--quiet", "--message", "commit")
    (root / "bpmatrix" / "__init__.py").write_text("__version__ = '3'\n")
    return root


def init_of(version):
    return (version.folder / "bpmatrix" / "__init__.py").read_text()


@needs_git
def test_versions_of_a_commit_and_of_the_working_tree(repository, tmp_path):
    base, head = of_commit("HEAD~1", tmp_path), copied("head", tmp_path, repository)
    assert (init_of(base), init_of(head)) == ("__version__ = '1'\n", "__version__ = '3'\n")
    assert not same_package(base, head)
    assert same_package(head, copied("again", tmp_path, repository))
    assert base.environment()["NUMBA_CACHE_DIR"] != head.environment()["NUMBA_CACHE_DIR"]
    assert base.environment()["OPENBLAS_NUM_THREADS"] == "1"


@needs_git
def test_a_base_without_the_package(repository, tmp_path):
    with pytest.raises(NoBaseError, match="HEAD~2 does not contain bpmatrix/"):
        of_commit("HEAD~2", tmp_path)


@needs_git
def test_the_second_stage_always_has_a_verdict(repository, tmp_path):
    head = copied("head", tmp_path, repository)
    (without,) = compare_with(None, head, tmp_path, CASES)
    assert (without.word, "no --base" in without.why) == (Word.SKIPPED, True)
    (unknown,) = compare_with("no-such-commit", head, tmp_path, CASES)
    assert unknown.word is Word.NOTHING_MEASURED
    Repository(repository).git("checkout", "--quiet", "--", ".")
    (same,) = compare_with("HEAD", copied("same", tmp_path, repository), tmp_path, CASES)
    assert (same.word, "the same as in HEAD" in same.why) == (Word.SKIPPED, True)


@pytest.fixture
def staged(monkeypatch):
    """The command with simulated stages."""

    def run(*arguments, found=None):
        verdicts = said(Word.PASS) if found is None else found
        monkeypatch.setattr(command, "_stages", lambda *given: iter(verdicts))
        return CliRunner().invoke(main, ["gate", *arguments])

    return run


def test_the_command_prints_a_line_per_verdict_and_exits_with_the_status(staged, tmp_path):
    result = staged(
        "--strict", "--json", str(tmp_path / "a.json"), found=said(Word.PASS, Word.INCONCLUSIVE)
    )
    assert result.exit_code == 3
    assert "floor: check 0: pass: because\nfloor: check 1: INCONCLUSIVE" in result.output
    assert "The gate has no verdict; 1 INCONCLUSIVE" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    content = json.loads((tmp_path / "a.json").read_text())
    assert (content["status"], content["base"]) == (3, None)
    assert [verdict["verdict"] for verdict in content["verdicts"]] == ["pass", "INCONCLUSIVE"]
    assert staged().exit_code == 0
    assert staged(found=said(Word.BROKEN)).exit_code == 5
    assert staged(found=[]).exit_code == 4


def test_an_unwritable_file_is_wrong_usage(staged, tmp_path):
    result = staged("--json", str(tmp_path / "no" / "a.json"))
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def measured(*speed_ups):
    left = list(speed_ups)
    return lambda: Ratio(left[0], left[0] - 0.5, left.pop(0) + 0.5)


@pytest.mark.parametrize(
    ("speed_ups", "word"),
    [
        ([30.0], Word.PASS),
        ([18.0], Word.PASS),
        ([17.9, 18.1], Word.PASS),
        ([17.9, 12.0, 18.1], Word.PASS),
        ([17.4, 17.8, 17.2], Word.INCONCLUSIVE),
        ([17.4, 17.2, 17.0], Word.REGRESSION),
        ([1.0, 1.0, 1.0], Word.REGRESSION),
    ],
)
def test_the_floor(speed_ups, word):
    assert judge_floor("loop / bpmatrix", 18.0, measured(*speed_ups)).word is word


def test_a_speed_up_that_cannot_be_measured_is_missing():
    def fail():
        raise WorkerError("died")

    assert judge_floor("loop / bpmatrix", 18.0, fail).word is Word.MISSING


def test_every_speed_up_has_a_verdict(monkeypatch):
    def found(head, contender, case, dtype):
        return Ratio(*[10.0 if contender == "numpy" else 12.0] * 3)

    monkeypatch.setattr(floor, "speed_up", found)
    verdicts = floor.floors(None, str)
    words = [verdict.word for verdict in verdicts]
    assert words == [Word.PASS, Word.PASS, Word.REGRESSION, Word.REGRESSION]
    assert verdicts[0].name == "loop / numpy, 784-30-10/10 float64"


def test_the_baseline_of_a_base_may_contain_floors():
    assert Baseline.of('{"benchmarks": ["a"], "floors": {"b": 3}}') == Baseline(benchmarks=["a"])
