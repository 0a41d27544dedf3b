"""``python -m bpmatrix.bench gate``: the benchmarks of any file, at two revisions."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from bpmatrix.bench.gate import report
from bpmatrix.bench.gate.pairs import Match, Repeats
from bpmatrix.bench.gate.repository import NoBaseError, Repository, same_files
from bpmatrix.bench.gate.verdicts import Verdict, Word
from bpmatrix.bench.gate.versus import STAGE, compare_versions
from bpmatrix.bench.serving import from_file
from bpmatrix.bench.workers import Worker, WorkerError, isolated
from bpmatrix.errors import ArgumentError, BpmatrixError, DataNotFoundError

SUITE = Path(__file__).with_name("suite.py")


@dataclass(frozen=True)
class Checkout:
    """A state of a repository in a folder of its own.

    Attributes
    ----------
    name : str
        "base" or "head".
    folder : Path
        The folder.
    file : str
        The file with the benchmarks, relative to the folder.
    root : Path
        The working tree of the repository.
    """

    name: str
    folder: Path
    file: str
    root: Path

    def start(self) -> Worker:
        """Return a new process that has opened the file.

        Raises
        ------
        WorkerError
            If the file cannot be imported.
        """
        worker = Worker(self.name, isolated(self.folder))
        try:
            opened = str(self.folder), self.file, str(self.root)
            worker.make(from_file, "bpmatrix.bench.gate.suite", str(SUITE), "open_suite", *opened)
        except WorkerError:
            worker.close()
            raise
        return worker

    def names(self) -> list[str]:
        """Return the names of its benchmarks."""
        with self.start() as worker:
            return list(worker.call("names"))


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--base", metavar="REV", required=True, help="The commit to compare with.")
@report.options
def gate(
    file: Path, base: str, strict: bool, json_file: Path | None, markdown_file: Path | None
) -> None:
    """Judge whether the benchmarks of FILE are slower in the working tree than at --base REV.

    FILE has functions named bench_*, called without arguments, or is a suite of pytest-benchmark.
    It lies in a git repository, whose src/ and top folder are searched for what it imports.

    Exit status: 0 pass, 1 slower, 2 wrong usage, 3 inconclusive with --strict, 4 nothing measured
    or a benchmark of the base is missing, 5 a benchmark returns something else, 130 after Ctrl-C.
    """
    try:
        repository = open_repository(file)
    except BpmatrixError as error:
        raise click.UsageError(str(error)) from error
    verdicts = compare(repository, file, base)
    report.conclude(verdicts, base, strict=strict, json_file=json_file, markdown_file=markdown_file)


def open_repository(file: Path) -> Repository:
    """Return the repository of a file with benchmarks.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    ArgumentError
        If it is not a Python file, or in no repository.
    """
    if not file.is_file():
        raise DataNotFoundError(
            f"cannot read {file}",
            got="a folder" if file.is_dir() else "nothing of this name",
            expected="a Python file with benchmarks",
            cure="Name one file, relative to the current folder.",
        )
    if file.suffix != ".py":
        raise ArgumentError(
            f"cannot take benchmarks from {file}",
            got=f"a file that ends in {file.suffix or 'nothing'}",
            expected="a Python file",
            cure="Write functions named bench_* into a file that ends in .py.",
        )
    return Repository.around(file)


def compare(
    repository: Repository, file: Path, base: str, repeats: Repeats | None = None
) -> Iterator[Verdict]:
    """Yield the verdicts on the benchmarks of a file; both revisions run the file of head."""
    path = file.resolve().relative_to(repository.root).as_posix()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        head = Checkout(
            "head", repository.copy_working_tree(folder / "head"), path, repository.root
        )
        try:
            old = repository.check_out(base, folder / "base")
            names = _names_of_head(head)
        except (NoBaseError, WorkerError) as error:
            yield Verdict(STAGE, "all benchmarks", Word.NOTHING_MEASURED, str(error))
            return
        if same_files(old, head.folder):
            why = f"the files are the same as in {base}: there is nothing to compare"
            yield Verdict(STAGE, "all benchmarks", Word.SKIPPED, why)
            return
        of_base = Checkout("base", old, path, repository.root)
        yield from _missing(of_base, names)
        (old / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(head.folder / path, old / path)
        matches = [Match(name, name, name) for name in names]
        yield from compare_versions(of_base, head, matches, repeats or Repeats(), report.tell)


def _names_of_head(head: Checkout) -> list[str]:
    """Return the names of its benchmarks.

    Raises
    ------
    WorkerError
        If the file cannot be imported, or has none.
    """
    if not (head.folder / head.file).exists():
        raise WorkerError(f"git ignores {head.file}: take it out of .gitignore")
    if names := head.names():
        return names
    raise WorkerError(
        f"{head.file} has no benchmarks: name functions bench_*, or use the fixture benchmark"
    )


def _missing(base: Checkout, names: list[str]) -> Iterator[Verdict]:
    """Yield a verdict on each benchmark that only the file of the base has."""
    if not (base.folder / base.file).exists():
        return
    try:
        listed = base.names()
    except WorkerError as error:
        why = f"its own file cannot be read, so removed benchmarks are not noticed: {error}"
        yield Verdict(STAGE, "benchmarks of the base", Word.INFORMATION, why)
        return
    for name in listed:
        if name not in names:
            yield Verdict(STAGE, name, Word.MISSING, "base has it, head does not")
