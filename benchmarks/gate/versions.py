"""Two versions of the package: their folders, compile caches, workers and processor."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gate.programs import Programs
from bpmatrix.bench.workers import Worker, WorkerError, thread_environment

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "bpmatrix"
CAN_PIN = hasattr(os, "sched_setaffinity")


class NoBaseError(Exception):
    """There is no base to compare with; the message says why and what to do."""


@dataclass(frozen=True)
class Version:
    """A version of the package in its own folder, with its own compiled code.

    Attributes
    ----------
    name : str
        "base" or "head".
    folder : Path
        A folder with ``bpmatrix`` and nothing else to import.
    """

    name: str
    folder: Path

    def start(self) -> Worker:
        """Return a new process with this version, and the same measuring code and libraries.

        Raises
        ------
        WorkerError
            If the version cannot be imported.
        RuntimeError
            If the process imports a version other than this one.
        """
        worker = Worker(self.name, self.environment(), package=self.folder)
        try:
            worker.make(Programs)
            found = Path(worker.call("package")).resolve()
        except WorkerError:
            worker.close()
            raise
        if found != self.folder.resolve():
            worker.close()
            raise RuntimeError(f"{self.name}: its bpmatrix is in {found}, not in {self.folder}")
        return worker

    def environment(self) -> dict[str, str]:
        """Return the environment variables of its processes."""
        cache = str(self.folder / "compiled")
        return {**thread_environment(1), "PYTHONHASHSEED": "0", "NUMBA_CACHE_DIR": cache}


def copied(name: str, folder: Path, source: Path = ROOT) -> Version:
    """Return a version with the package of a checkout, including uncommitted changes."""
    target = folder / name
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source / PACKAGE, target / PACKAGE, ignore=ignored)
    return Version(name, target)


def of_commit(revision: str, folder: Path) -> Version:
    """Return the version of a commit.

    Raises
    ------
    NoBaseError
        If there is no such commit, or it does not contain the package.
    """
    archive = folder / "base.tar"
    git("archive", "--output", str(archive), commit_of(revision), PACKAGE)
    shutil.unpack_archive(archive, folder / "base", filter="data")
    return Version("base", folder / "base")


def commit_of(revision: str) -> str:
    """Return the commit that a revision names.

    Raises
    ------
    NoBaseError
        If it names no commit, or this is not a repository.
    """
    try:
        return git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except NoBaseError:
        shallow = git("rev-parse", "--is-shallow-repository") == "true"
    if shallow:
        raise NoBaseError(
            f"this clone is shallow and lacks {revision}: run `git fetch --unshallow`"
        )
    raise NoBaseError(f"there is no commit {revision} in this repository")


def list_of_base(revision: str, path: str) -> str | None:
    """Return the content of a file in a commit, or None if the commit does not have it."""
    try:
        return git("show", f"{commit_of(revision)}:{path}")
    except NoBaseError:
        return None


def git(*arguments: str) -> str:
    """Return the output of git for this checkout, also inside a hook of another one.

    Raises
    ------
    NoBaseError
        If git fails, with its message.
    """
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    try:
        done = subprocess.run(  # noqa: S603 - git, with arguments of our own
            ["git", *arguments],  # noqa: S607 - the user's git
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise NoBaseError("git is not installed") from error
    if done.returncode:
        said = done.stderr.strip() or f"exit status {done.returncode}"
        raise NoBaseError(f"git {arguments[0]} failed: {said}")
    return done.stdout.strip()


def same_package(one: Version, other: Version) -> bool:
    """Return whether two versions have the same files with the same content."""
    return _files(one) == _files(other)


@contextmanager
def pinned() -> Iterator[int | None]:
    """Pin this process, and those that it starts in the block, to its last processor.

    On one processor other programs affect both arms equally, which halves the error of a ratio.
    """
    if not CAN_PIN:
        yield None
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield max(before)
    finally:
        os.sched_setaffinity(0, before)


def _files(version: Version) -> dict[str, bytes]:
    folder = version.folder / PACKAGE
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in found if p.suffix != ".pyc"}
