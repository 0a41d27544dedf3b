"""Slices of mini-batches: one call of the compiled program each, undone where numbers explode.

Between two slices Python looks whether Ctrl-C was pressed. How long a slice is decides nothing
else: the same mini-batches give the same weights however they are cut into slices.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.arrays import Targets
from bpmatrix.compilation import load_program
from bpmatrix.description import Description
from bpmatrix.threads import run_together
from bpmatrix.workspace import input_columns, target_columns, workspace

__all__ = ["NotFiniteError", "OutOfTimeError", "SliceRunner"]

Array = NDArray[Any]

SECONDS_PER_SLICE = 0.15
# A first guess of the speed; every slice measures it anew.
MULTIPLICATIONS_PER_SECOND = 2e9


class NotFiniteError(Exception):
    """A cost or weight of a slice was not finite; theta was put back to the start of the slice."""

    def __init__(self, what: str, step: int, largest_input: float) -> None:
        super().__init__(what)
        self.what = what
        self.step = step
        self.largest_input = largest_input


class OutOfTimeError(Exception):
    """The time of a run was over before its mini-batches were; theta is that of whole slices."""


class SliceRunner:
    """Trains theta in place on mini-batches of some data, a slice of them at a time.

    Parameters
    ----------
    description : Description
        The network.
    theta : (size,) array
        Its parameters, which `run` changes.
    X, targets : array, Targets
        Data that passed the gate; kept alive here, since the program reads it through addresses.
    mini_batch_size : int
        Samples in a mini-batch; the last one of an epoch may be smaller.
    threads : int
        How many threads share each mini-batch.
    """

    def __init__(
        self,
        description: Description,
        theta: Array,
        X: Array,
        targets: Targets,
        mini_batch_size: int,
        threads: int,
    ) -> None:
        self.description = description
        self.theta = theta
        self.m = mini_batch_size
        self.threads = threads
        self._data = X, targets
        self._X, self._Y = input_columns(X, description.input_scale), target_columns(targets)
        self._program = load_program("train_slice", description.dtype)
        self._table, self._work = workspace(description, mini_batch_size, threads)
        self._costs = np.empty(mini_batch_size)
        self._hits = np.empty(mini_batch_size * targets.are_classes, np.int64)
        self._before = np.empty_like(theta)
        work_of_a_step = 3 * description.layout.size * mini_batch_size
        self._steps = 1 + int(SECONDS_PER_SLICE * MULTIPLICATIONS_PER_SECOND / work_of_a_step)

    def run(
        self,
        order: NDArray[np.int64],
        rate: float,
        weight_decay: float,
        deadline: float = math.inf,
    ) -> tuple[float, int]:
        """Take a step for each mini-batch of `order`; return the sum of the costs, and the hits.

        Raises
        ------
        NotFiniteError
            If a cost or weight is not finite.
        OutOfTimeError
            If mini-batches are left at the end of a slice at which `time.perf_counter` has come to
            the deadline.
        """
        totals = np.zeros(2)
        done, steps = 0, -(-order.size // self.m)
        while done < steps:
            start = time.perf_counter()
            if done and start >= deadline:
                raise OutOfTimeError
            count = min(self._steps, steps - done)
            part = order[done * self.m : (done + count) * self.m]
            self._run_slice(part, np.full(count, float(rate)), float(weight_decay), totals, done)
            done += count
            speed = count / max(time.perf_counter() - start, 1e-6)
            self._steps = int(min(max(1.0, SECONDS_PER_SLICE * speed), 10.0 * self._steps))
        return float(totals[0]), int(totals[1])

    def _run_slice(
        self,
        order: NDArray[np.int64],
        rates: Array,
        weight_decay: float,
        totals: Array,
        steps_before: int,
    ) -> None:
        self._before[:] = self.theta
        data = self._X, self._Y, order, self.m, rates, weight_decay
        records = self._costs, self._hits, totals
        try:
            taken = run_together(
                self.threads,
                lambda t, control: self._program(
                    t, self.threads, control, self._table, self.theta, self._work, *data, *records
                ),
            )
            if taken == rates.size and np.isfinite(self.theta).all():
                return
        except BaseException:
            # Ctrl-C is heard when the program has returned, before its weights were looked at.
            if not np.isfinite(self.theta).all():
                self.theta[:] = self._before
            raise
        self.theta[:] = self._before
        what = "a weight" if taken == rates.size else "the cost"
        step = steps_before + min(taken + 1, rates.size)
        raise NotFiniteError(what, step, self._largest_input(order))

    def _largest_input(self, order: NDArray[np.int64]) -> float:
        """Return the largest input of some samples, as the network sees it."""
        X = self._data[0]
        largest = max(float(np.abs(X[:, i].astype(np.float64)).max()) for i in order)
        return largest * abs(self.description.input_scale)
