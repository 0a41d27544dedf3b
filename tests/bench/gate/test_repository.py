"""Two states of a repository, of which nothing changes."""

import shutil

import pytest

from bpmatrix.bench.gate.repository import NoBaseError, Repository, same_files
from bpmatrix.errors import ArgumentError

NAMED = ("-c", "user.name=test", "-c", "user.email=test@localhost")
pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def repository(tmp_path):
    """Two commits of a file that releases do not have, then changes that no commit has."""
    made = Repository(tmp_path / "repository")
    made.root.mkdir()
    made.git("init", "--quiet")
    (made.root / ".gitignore").write_text("*.log\n")
    (made.root / ".gitattributes").write_text("*.py export-ignore\n")
    for content in ("1", "2"):
        (made.root / "a b.py").write_text(content)
        (made.root / f"of {content}.py").write_text(content)
        made.git("add", "--all")
        made.git(*NAMED, "commit", "--quiet", "--message", "commit")
    (made.root / "a b.py").write_text("3")
    (made.root / "new.py").write_text("new")
    (made.root / "x.log").write_text("ignored")
    (made.root / "of 1.py").unlink()
    return made


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".py")


def test_a_commit_and_the_working_tree(repository, tmp_path):
    before = repository.git("status", "--porcelain")
    base = repository.check_out("HEAD~1", tmp_path / "base")
    head = repository.copy_working_tree(tmp_path / "head")
    assert names(base) == ["a b.py", "of 1.py"]
    assert names(head) == ["a b.py", "new.py", "of 2.py"]
    assert ((base / "a b.py").read_text(), (head / "a b.py").read_text()) == ("1", "3")
    assert not (head / "x.log").exists()
    assert not same_files(base, head)
    assert same_files(head, repository.copy_working_tree(tmp_path / "again"))
    assert repository.file_of("HEAD~1", "a b.py") == "1"
    assert repository.file_of("HEAD~1", "new.py") is None
    assert repository.git("status", "--porcelain") == before
    assert len(repository.git("worktree", "list").splitlines()) == 1


def test_a_missing_base(repository, tmp_path):
    with pytest.raises(NoBaseError, match="there is no commit no-such-commit"):
        repository.commit_of("no-such-commit")
    shallow = Repository(tmp_path / "shallow")
    source = f"file://{repository.root}"
    repository.git("clone", "--quiet", "--depth", "1", source, str(shallow.root))
    with pytest.raises(NoBaseError, match=r"shallow.*git fetch --unshallow"):
        shallow.commit_of("HEAD~1")
    with pytest.raises(NoBaseError, match="not a git repository"):
        Repository(tmp_path).git("status")


def test_the_repository_around_a_file(repository, tmp_path):
    assert Repository.around(repository.root / "new.py") == repository
    with pytest.raises(ArgumentError, match="expected a file in a git repository"):
        Repository.around(tmp_path / "new.py")


def test_no_git(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NoBaseError, match="git is not installed"):
        repository.git("status")
