"""Two versions of the package: their folders and workers."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gate.cases import GateCase
from benchmarks.gate.programs import Programs
from bpmatrix.bench.gate.pairs import Match
from bpmatrix.bench.gate.repository import NoBaseError, Repository, same_files
from bpmatrix.bench.workers import Worker, WorkerError, isolated

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "bpmatrix"


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
        return isolated(self.folder)


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
    source = Repository(ROOT).check_out(revision, folder / "checkout")
    if not (source / PACKAGE).is_dir():
        raise NoBaseError(f"{revision} does not contain {PACKAGE}/")
    return copied("base", folder, source)


def match_of(case: GateCase) -> Match:
    """Return the match of a case with itself."""
    return Match(case.name, case, case, case.threads)


def same_package(one: Version, other: Version) -> bool:
    """Return whether two versions have the same files with the same content."""
    return same_files(one.folder / PACKAGE, other.folder / PACKAGE)
