"""Runs with checkpoints that are killed at a moment of the test's choice, in one process."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bpmatrix.storage import checkpoints


class Killed(BaseException):
    """Stands for kill -9: nothing may be written after it."""


@contextmanager
def killed_after(looks: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Write a checkpoint at each check of the clock, and kill the run after a number of them."""
    with monkeypatch.context() as patches:
        left = looks

        def write(self: checkpoints.Checkpoints) -> None:
            nonlocal left
            self._try_to_write()
            left -= 1
            if not left:
                raise Killed

        def look(self: checkpoints.Checkpoints) -> None:
            if self._run.done % 3 == 0:  # in between, the draws since then are repeated
                self._run.note()
            write(self)

        patches.setattr(checkpoints.Checkpoints, "look", look)
        patches.setattr(checkpoints.Checkpoints, "_write_if_due", write)
        patches.setattr(checkpoints.Checkpoints, "end", lambda self: None)
        yield
