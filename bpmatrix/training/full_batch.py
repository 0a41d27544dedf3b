"""Steps that take all samples at once: those of Levenberg-Marquardt, a slice of them at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence, Sized
from dataclasses import replace
from typing import Any

import numpy as np

from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import penalties
from bpmatrix.array_types import Array
from bpmatrix.engine.compilation import load_program
from bpmatrix.engine.evaluation import COLUMNS_AT_A_TIME
from bpmatrix.engine.memory import aligned_zeros
from bpmatrix.engine.threads import run_together
from bpmatrix.engine.workspace import input_columns, target_columns, workspace
from bpmatrix.history import EpochInfo, row_of
from bpmatrix.kernels.arguments import LevenbergMarquardt
from bpmatrix.kernels.plan import LINES_IN_PANEL, PANEL_WIDTH
from bpmatrix.samples.samples import Samples
from bpmatrix.training.all_samples import AllSamples
from bpmatrix.training.recipe import OptimizerState
from bpmatrix.training.slices import (
    SECONDS_PER_SLICE,
    ConvergedError,
    NotFiniteError,
    OutOfTimeError,
    Progress,
    Totals,
    largest_input,
    not_views_of,
)

NO_PARTS = np.empty((0, 2))


class DampedSteps(AllSamples):
    """Takes the steps of `LevenbergMarquardt`, with the interface of `SliceRunner`.

    Parameters
    ----------
    description, theta : Description, (size,) array
        The network and its parameters, which `run_epochs` changes.
    samples : Samples
        The training samples; weights are above 0.
    state : OptimizerState
        Its `damping` is changed.
    threads : int
        The number of threads, which has no effect on the bits.
    weight_decay : float
        The factor of the penalty 1/2 w^2.
    """

    def __init__(
        self,
        description: Description,
        theta: Array,
        samples: Samples,
        state: OptimizerState,
        threads: int,
        weight_decay: float = 0.0,
    ) -> None:
        self.description, self.theta, self.state, self.threads = description, theta, state, threads
        X, targets = not_views_of(theta, samples.X, samples.targets)
        self._data = X, targets, samples.weights
        n, q = samples.n, theta.size + 1
        self._program = load_program("levenberg_marquardt", description.dtype)
        columns = min(n, COLUMNS_AT_A_TIME)
        table, work = workspace(description, columns, threads, apart=True)
        weights = np.empty(0) if samples.weights is None else samples.weights
        self.fixed: dict[str, Any] = {
            "table": table,
            "theta": theta,
            "trial": np.empty_like(theta),
            "work": work,
            "X": input_columns(X, description.input_scale),
            "Y": target_columns(targets),
            "weights": weights,
            "decay": penalties(description.layout, weight_decay),
            "J": aligned_zeros(columns * description.sizes[-1] * q, theta.dtype),
            "group": aligned_zeros(q * q, theta.dtype),
            "normal": aligned_zeros(q * q, "float64"),
            "factor": aligned_zeros(q * q, "float64"),
            "step": aligned_zeros(2 * q, "float64"),
            "panel": aligned_zeros(LINES_IN_PANEL * PANEL_WIDTH, "float64"),
            "costs": np.empty(n),
            "hits": np.empty(n * targets.are_classes, np.int64),
            "flags": np.zeros(1, np.int64),
        }
        self._weight = float(n) if samples.weights is None else float(weights.sum())
        self._trials = 1

    def run_epochs(
        self, orders: Sized, rate: float, weight_decay: float = 0.0, deadline: float = math.inf
    ) -> list[Totals]:
        """Take at least one step, and at most one per order; the orders themselves do not matter.

        Raises
        ------
        ConvergedError
            If no step lowers the cost.
        NotFiniteError
            If the cost is not finite before the first step.
        OutOfTimeError
            If no step has been taken until the deadline.
        """
        del rate, weight_decay  # a step has no rate; the penalty is set
        progress, self.resume_from = self.resume_from, None
        self.progress = progress = progress or Progress(0, np.zeros((0, 3)), NO_PARTS)
        start = time.perf_counter()
        while progress.done == 0:
            if self.call(len(orders), self._trials, progress):
                raise ConvergedError
            now = time.perf_counter()
            speed = (progress.done or self._trials) / max(now - start, 1e-6)
            self._trials = int(min(max(1.0, SECONDS_PER_SLICE * speed), 10.0 * self._trials))
            start = now
            if progress.done == 0:
                if self.after_slice is not None:
                    self.after_slice()
                if now >= deadline:
                    raise OutOfTimeError
        return [Totals(*row) for row in progress.totals.tolist()]

    def call(self, steps: int, trials: int, progress: Progress) -> bool:
        """Call the program once; return whether it found that no step lowers the cost.

        Without steps, it only fills `fixed["normal"]`.
        """
        from bpmatrix.kernels.programs import levenberg_marquardt as program  # noqa: PLC0415 - numba

        assert self.state.damping is not None  # noqa: S101 - the optimizer is damped
        before, results = self.theta.copy(), np.empty((steps, 2))
        numbers = np.array([*self.state.damping, 0.0, self._weight, program.GOING_ON])
        shared = tuple(
            LevenbergMarquardt(**self.fixed, numbers=numbers, results=results, trials=trials)
        )
        try:
            taken = run_together(
                self.threads, lambda t, control: self._program(t, self.threads, control, shared)
            )
            totals = np.ones((taken, 3))
            totals[:, :2] = results[:taken]
            mu, nu, _, _, status = numbers.tolist()
            if status != program.NOT_FINITE:
                # These lines call no function, so Ctrl-C cannot fall between them.
                self.state.steps += taken
                self.state.damping = mu, nu
                progress.totals = totals
                progress.done = taken
                return bool(status == program.CONVERGED and taken == 0)
        except BaseException:
            self.theta[:] = before
            raise
        X, scale = self._data[0], self.description.input_scale
        raise NotFiniteError(
            "the cost", 1, largest_input(X, scale, np.arange(len(self.fixed["costs"])))
        )


def rows_together(
    results: Sequence[tuple[float, float]], last: EpochInfo, least: float, *, is_first: bool
) -> tuple[bytes, EpochInfo | None]:
    """Return the rows of epochs before `last` for a History, and the best, if below `least`.

    `results` are their costs and accuracies; `is_first` says that there is no best epoch yet.
    """
    rows, best, epoch = [], None, last.epoch - len(results)
    has_names = last.accuracy is not None
    for cost, hits in results:
        is_best = cost < least or (is_first and best is None)
        accuracy = hits if has_names else None
        if is_best:
            least, best = cost, (epoch, accuracy)
        figures = cost, accuracy, None, None, last.learning_rate, last.seconds
        rows.append(row_of(epoch, last.last_epoch, *figures, is_best))
        epoch += 1
    if best is None:
        return b"".join(rows), None
    return b"".join(rows), replace(last, epoch=best[0], cost=least, accuracy=best[1])
