"""What the runners share whose steps take all samples."""

from __future__ import annotations

from collections.abc import Callable

from bpmatrix.training.slices import Progress


class AllSamples:
    """The part of `SliceRunner`'s interface that is the same where each step takes all samples."""

    with_parts = False
    progress: Progress | None = None
    resume_from: Progress | None = None
    after_slice: Callable[[], object] | None = None

    def steps_of(self, epochs: int, n: int) -> int:
        """Return the number of steps in a number of epochs: an epoch is a step."""
        del n
        return epochs
