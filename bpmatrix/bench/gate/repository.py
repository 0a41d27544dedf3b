"""Two states of a git repository: a commit, and the working tree, each in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bpmatrix.errors import ArgumentError


class NoBaseError(Exception):
    """There is no base to compare with; the message says why and what to do."""


@dataclass(frozen=True)
class Repository:
    """A git repository, which is only read.

    Attributes
    ----------
    root : Path
        The top folder of its working tree.
    """

    root: Path

    @classmethod
    def around(cls, file: Path) -> Repository:
        """Return the repository that contains a file.

        Raises
        ------
        ArgumentError
            If the file is in no repository.
        """
        try:
            top = cls(file.resolve().parent).git("rev-parse", "--show-toplevel")
        except NoBaseError as error:
            raise ArgumentError(
                f"cannot compare {file} with another revision",
                got=str(error),
                expected="a file in a git repository",
                cure="Run `git init`, and commit what to compare with.",
            ) from error
        return cls(Path(top).resolve())

    def git(self, *arguments: str, **variables: str) -> str:
        """Return the output of git in this repository, also inside a hook of another one.

        Raises
        ------
        NoBaseError
            If git fails, with its message.
        """
        outside = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
        try:
            done = subprocess.run(  # noqa: S603 - git, with arguments of our own
                ["git", *arguments],  # noqa: S607 - the user's git
                cwd=self.root, env=outside | variables, capture_output=True, check=False,
                encoding="utf-8", errors="surrogateescape",
            )  # fmt: skip
        except FileNotFoundError as error:
            raise NoBaseError("git is not installed") from error
        if done.returncode:
            said = done.stderr.strip() or f"exit status {done.returncode}"
            raise NoBaseError(f"git {arguments[0]} failed: {said}")
        return done.stdout.strip()

    def commit_of(self, revision: str) -> str:
        """Return the commit that a revision names.

        Raises
        ------
        NoBaseError
            If it names no commit, or this is not a repository.
        """
        name = f"{revision}^{{commit}}"
        try:
            return self.git("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        except NoBaseError:
            shallow = self.git("rev-parse", "--is-shallow-repository") == "true"
        if shallow:
            raise NoBaseError(
                f"this clone is shallow and lacks {revision}: run `git fetch --unshallow`"
            )
        raise NoBaseError(f"there is no commit {revision} in this repository")

    def file_of(self, revision: str, path: str) -> str | None:
        """Return the content of a file in a commit, or None if the commit does not have it."""
        try:
            return self.git("show", f"{self.commit_of(revision)}:{path}")
        except NoBaseError:
            return None

    def check_out(self, revision: str, folder: Path) -> Path:
        """Write all files of a commit into a new folder.

        Not by `git worktree`, which leaves a record in the repository if the process is killed, nor
        by `git archive`, which omits files that releases do not have.

        Raises
        ------
        NoBaseError
            If there is no such commit.
        """
        commit = self.commit_of(revision)
        folder.mkdir()
        index = {"GIT_INDEX_FILE": str(folder.resolve().with_suffix(".index"))}
        self.git("read-tree", commit, **index)
        self.git("checkout-index", "--all", f"--prefix={folder.resolve()}/", **index)
        return folder

    def copy_working_tree(self, folder: Path) -> Path:
        """Copy the files of the working tree into a new folder, but not those that git ignores."""
        folder.mkdir()
        listed = self.git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        for name in filter(None, listed.split("\0")):
            source, target = self.root / name, folder / name
            if source.is_symlink() or source.is_file():  # not deleted, no submodule
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)
        return folder


def same_files(one: Path, other: Path) -> bool:
    """Return whether two folders have the same files with the same content."""
    return _files(one) == _files(other)


def _files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in found if p.suffix != ".pyc"}
