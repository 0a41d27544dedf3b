"""Slices of mini-batches: one call of the compiled program each, undone if it diverges.

Python checks for Ctrl-C between slices. The length of a slice has no other effect: the same
mini-batches give the same weights however they are cut into slices.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from bpmatrix.architecture.description import Description
from bpmatrix.array_types import Array, Floats, Integers
from bpmatrix.engine.compilation import load_program
from bpmatrix.engine.ranks import Ranks
from bpmatrix.engine.threads import run_together
from bpmatrix.engine.workspace import (
    input_columns,
    room_of_steps,
    sample_weight_columns,
    target_columns,
)
from bpmatrix.kernels.arguments import TrainSlice
from bpmatrix.kernels.plan import Hyperparameters
from bpmatrix.samples.arrays import Targets
from bpmatrix.samples.samples import Samples
from bpmatrix.samples.sparse import SparseColumns
from bpmatrix.samples.windows import Pass
from bpmatrix.training.recipe import PLAIN, OptimizerState, Recipe

L2, L1, CLIP_NORM = map(Hyperparameters._fields.index, ("l2", "l1", "clip_norm"))

SECONDS_PER_SLICE = 0.15
# A first estimate of the speed; every slice measures it anew.
MULTIPLICATIONS_PER_SECOND, WORK_OF_ANY_STEP = 2e9, 2000
# For how many steps hyperparameters are computed at once: those of one step take as long.
STEPS_AHEAD = 128


class NotFiniteError(Exception):
    """A cost or weight of a slice was not finite; theta is that of the start of the slice."""

    def __init__(self, what: str, step: int, largest_input: float) -> None:
        super().__init__(what)
        self.what = what
        self.step = step
        self.largest_input = largest_input


class OutOfTimeError(Exception):
    """The deadline of a run has passed before its last slice; theta is that of whole slices."""


class ConvergedError(Exception):
    """No step lowers the cost any more; theta is that of the last step that did."""


class Totals(NamedTuple):
    """The weighted sums over the samples of an epoch, each from before its update."""

    cost: float
    hits: float
    weight: float


@dataclass
class Progress:
    """The progress of one call of `run_epochs`.

    Attributes
    ----------
    done : int
        The number of mini-batches done.
    totals : (epochs, 3) array
        The sums of `Totals` so far.
    parts : (mini-batches, 2) array
        See `SliceRunner`; without `with_parts`, it has no rows.
    """

    done: int
    totals: Floats
    parts: Floats


class SliceRunner:
    """Trains theta in place on mini-batches of some data, a slice of them at a time.

    Parameters
    ----------
    description : Description
        The network.
    theta : (size,) array
        Its parameters, which `run_epochs` changes.
    X, targets : array, Targets
        Checked data. A reference is kept here, since the program reads them through addresses.
    mini_batch_size : int
        Samples per mini-batch; the last one of an epoch may be smaller.
    threads : int
        The number of threads that share each mini-batch.
    recipe : Recipe, optional
        Plain gradient descent by default.
    state : OptimizerState, optional
        The state of the recipe's optimizer, which `run_epochs` changes; a fresh one by default.
    sample_weight : (n,) array of float64, optional
        Weights above 0. The gradient of a mini-batch is the weighted mean over its samples.
    seed : int, default 0
        Determines, together with the number of the step, which units are dropped.
    with_parts : bool, default False
        Whether `parts` holds, after a run, two numbers for each step: the mean cost of its
        mini-batch and the sum of the squares of all weights, both from before the step.
    groups : int, optional
        Groups of columns that a mini-batch forms; None is the rule of `kernels.plan`.
    ranks : Ranks, optional
        The processes that share the groups; each makes the same calls.
    keep_start : bool, default False
        Whether to allow `back_to_start`: from the second slice on, this takes as much memory as
        theta and the optimizer's state.

    Attributes
    ----------
    progress : Progress or None
        The progress of `run_epochs`, also after an error, always consistent with theta and the
        optimizer's state. Set to None by the code that has recorded the epochs.
    resume_from : Progress or None
        Where the next call of `run_epochs` resumes; it must be given the same orders again.
    after_slice : function or None
        Called after each slice but the last one of the epochs.
    """

    parts: Floats
    steps_of_a_slice: int
    progress: Progress | None = None
    resume_from: Progress | None = None
    after_slice: Callable[[], object] | None = None
    # Kept for the next call: batches, after what they depend on; hyperparameters, after their rate
    # and the number of steps before their first row.
    _batches: tuple[tuple[int, ...], Integers] = (), np.empty((0, 3), np.int64)
    _ahead: tuple[float, int, Floats] = math.nan, 0, np.empty((0, 0))

    def __init__(
        self,
        description: Description,
        theta: Array,
        X: Array | SparseColumns,
        targets: Targets,
        mini_batch_size: int,
        threads: int,
        *,
        recipe: Recipe = PLAIN,
        state: OptimizerState | None = None,
        sample_weight: Array | None = None,
        seed: int = 0,
        with_parts: bool = False,
        groups: int | None = None,
        ranks: Ranks | None = None,
        keep_start: bool = False,
    ) -> None:
        self.description, self.theta, self.m = description, theta, mini_batch_size
        self.recipe, self._ranks = recipe, ranks
        self.state = OptimizerState.fresh(recipe.optimizer, theta) if state is None else state
        self.with_parts = with_parts
        X, targets = not_views_of(theta, X, targets)
        self._given = Samples(X, targets, weights=sample_weight)
        self._program = load_program("train_slice", description.dtype)
        room, self.threads, self._exchange = room_of_steps(
            description, theta, mini_batch_size, groups, threads, recipe.dropped, ranks,
            is_clipped=math.isfinite(recipe.clip_norm),
        )  # fmt: skip
        self._fixed: dict[str, Any] = {
            **room,
            "theta": theta,
            "moments": self.state.moments,
            "rule": recipe.rule,
            "seed": seed % (1 << 63),
            "costs": np.empty(mini_batch_size),
            "hits": np.empty(mini_batch_size * targets.are_classes, np.int64),
        }
        if self._exchange is not None:
            self._exchange.reads(*(self._fixed[name] for name in ("costs", "hits", "sums")))
        self._show(self._given)
        self._before = np.empty_like(theta), np.empty_like(self.state.moments)
        self._keeps_start = keep_start
        self._start: tuple[Array, Array, int] | None = None
        work_of_a_step = 3 * description.layout.size * mini_batch_size + WORK_OF_ANY_STEP
        self.steps_of_a_slice = 1 + int(
            SECONDS_PER_SLICE * MULTIPLICATIONS_PER_SECOND / work_of_a_step
        )

    def run_epochs(
        self,
        orders: Integers | Pass,
        rate: float,
        weight_decay: float | Array = 0.0,
        deadline: float = math.inf,
    ) -> list[Totals]:
        """Take one step per mini-batch of some epochs.

        A slice may hold several epochs, which saves the overhead of a call for short ones.

        Parameters
        ----------
        orders : (epochs, k) array of int, or Pass
            The samples of each epoch; or one epoch over samples that are read in windows.
        rate : float
            The learning rate.
        weight_decay : float or array
            The factor of the penalty 1/2 w^2, or one per step, which is read when it is taken.
        deadline : float
            The time, as in `time.perf_counter`, from which on no further slice begins.

        Raises
        ------
        NotFiniteError
            If a cost or weight is not finite.
        OutOfTimeError
            If mini-batches are left at the deadline.
        """
        epochs, n = orders.shape
        steps = self.steps_of(epochs, n)
        progress, self.resume_from = self.resume_from, None
        if progress is None:
            parts = np.zeros((steps * self.with_parts, 2))
            progress = Progress(0, np.zeros((epochs, 3)), parts)
        self.progress, self.parts, begun = progress, progress.parts, progress.done
        if not isinstance(orders, Pass):
            self._take_steps(orders, 0, steps, begun, rate, weight_decay, deadline)
            return [Totals(*row) for row in progress.totals.tolist()]
        try:
            with closing(orders.portions(self.m)) as portions:
                for portion in portions:
                    self._show(portion.samples)
                    self._take_steps(
                        portion.orders, portion.first_step, steps, begun,
                        rate, weight_decay, deadline,
                    )  # fmt: skip
        finally:
            self._show(self._given)  # releases the memory of the window
        return [Totals(*row) for row in progress.totals.tolist()]

    def _take_steps(
        self,
        orders: Integers,
        first_step: int,
        steps: int,
        begun: int,
        rate: float,
        weight_decay: float | Array,
        deadline: float,
    ) -> None:
        """Take those steps of `orders` that are not done yet.

        The first of them is step `first_step` of the `steps` of a call of `run_epochs`, before
        which `begun` were done.
        """
        progress, n = self.progress, orders.shape[1]
        assert progress is not None  # noqa: S101 - set by `run_epochs`
        last = first_step + self.steps_of(*orders.shape)
        while (done := progress.done) < last:
            start = time.perf_counter()
            count = -1 if done > begun and start >= deadline else self.steps_of_a_slice
            if self._ranks is not None:  # the clocks of other ranks are not asked
                count = int(self._ranks.agree(count))
            if count < 0:
                raise OutOfTimeError
            count = min(count, last - done)
            now = slice(done, done + count)
            which = done - first_step, count, n
            if self._batches[0] != which:
                self._batches = which, _batches(*which, self.m)
            numbers = self._hyperparameters(float(rate), count)
            numbers[:, L2] = (
                weight_decay[now] if isinstance(weight_decay, np.ndarray) else weight_decay
            )
            given = TrainSlice(
                **self._fixed, order=orders.ravel(), batches=self._batches[1],
                hyperparameters=numbers, first_step=self.state.steps, parts=self.parts[now],
                totals=progress.totals.copy() if done and self.after_slice else progress.totals,
            )  # fmt: skip
            self._run_slice(given, progress)
            speed = count / max(time.perf_counter() - start, 1e-6)
            most = 10.0 * self.steps_of_a_slice
            self.steps_of_a_slice = int(min(max(1.0, SECONDS_PER_SLICE * speed), most))
            if self.after_slice is not None and progress.done < steps:
                self.after_slice()

    def _show(self, samples: Samples) -> None:
        """Let the program read these samples; a reference is kept, since it reads addresses."""
        self._data = samples
        self._fixed["X"] = input_columns(samples.X, self.description.input_scale)
        self._fixed["Y"] = target_columns(samples.targets)
        self._fixed["V"] = sample_weight_columns(samples.weights)

    def steps_of(self, epochs: int, n: int) -> int:
        """Return the number of mini-batches in a number of epochs of n samples."""
        return epochs * -(-n // self.m)

    def back_to_start(self) -> None:
        """Undo all slices: restore theta and the optimizer's state from before the first one."""
        if self._start:
            self.theta[:], self.state.moments[:], self.state.steps = self._start

    def keep_start(self) -> None:
        """Save theta and the optimizer's state for `back_to_start`, before they are replaced."""
        if self._keeps_start and self._start is None:
            self._start = self.theta.copy(), self.state.moments.copy(), self.state.steps

    def _hyperparameters(self, rate: float, count: int) -> Floats:
        """Return the hyperparameters of the next steps, without weight decay.

        If the rate is the same as before, those of many short epochs are computed at once.
        """
        before, first, rows = self._ahead
        now = self.state.steps
        if rate != before or not first <= now <= first + len(rows) - count:
            many = max(count, STEPS_AHEAD) if rate == before else count
            first, rows = now, self.recipe.optimizer.steps(rate, now, many)
            rows[:, L1], rows[:, CLIP_NORM] = self.recipe.l1, self.recipe.clip_norm
            self._ahead = rate, first, rows
        return rows[now - first : now - first + count]

    def _run_slice(self, given: TrainSlice, progress: Progress) -> None:
        if self._keeps_start and self._start and self._start[0] is self._before[0]:
            self._before = np.empty_like(self.theta), np.empty_like(self.state.moments)
        self._before[0][...], self._before[1][...] = self.theta, self.state.moments
        if self._start is None:
            self._start = *self._before, self.state.steps
        count, batches, shared = len(given.batches), given.batches, tuple(given)
        try:
            taken = run_together(
                self.threads, lambda t, control: self._program(t, self.threads, control, shared)
            )
            if self._exchange is not None and taken < 0:
                self.theta[:], self.state.moments[:] = self._before
                self._exchange.ranks.agree()  # raises the error of another rank
            is_finite = _is_finite(self.theta)
            # The sum of the costs may overflow even if each cost is finite.
            if taken == count and is_finite and _is_finite(given.totals):
                # These lines call no function, so Ctrl-C cannot fall between them.
                self.state.steps += count
                progress.done += count
                progress.totals = given.totals
                return
        except BaseException:
            if self._exchange is not None and self._exchange.error is None:
                self._exchange.refuse(int(batches[0, 1] - batches[0, 0]))
            # Ctrl-C raises after the program has returned, before its weights are checked; a thread
            # that cannot start, before any thread has passed the first barrier.
            # With checkpoints the slice is undone, since its progress is uncertain.
            if self.after_slice is not None or not _is_finite(self.theta):
                self.theta[:], self.state.moments[:] = self._before
            elif not self._is_as_before():
                self.state.steps += count
            raise
        self.theta[:], self.state.moments[:] = self._before
        what = "the cost" if taken < count or is_finite else "a weight"
        step = progress.done + min(taken + 1, count)
        samples = np.unique(given.order[batches[0, 0] : batches[-1, 1]])
        largest = largest_input(self._data.X, self.description.input_scale, samples)
        raise NotFiniteError(what, step, largest)

    def _is_as_before(self) -> bool:
        """Return whether theta and the moments are those of the start of the slice."""
        now = self.theta, self.state.moments
        return all(np.array_equal(a, b) for a, b in zip(now, self._before, strict=True))


def largest_input(X: Array | SparseColumns, scale: float, samples: Integers) -> float:
    """Return the largest absolute input of some samples, scaled."""
    if isinstance(X, SparseColumns):
        return X.largest(samples) * abs(scale)
    return max(float(np.abs(X[:, i].astype(np.float64)).max()) for i in samples) * abs(scale)


def not_views_of(
    theta: Array, X: Array | SparseColumns, targets: Targets
) -> tuple[Array | SparseColumns, Targets]:
    """Copy data that share memory with theta, which the steps change."""
    if isinstance(X, np.ndarray) and np.may_share_memory(X, theta):
        X = X.copy(order="K")
    if np.may_share_memory(targets.array, theta):
        targets = replace(targets, array=targets.array.copy(order="K"))
    return X, targets


def _is_finite(array: Array) -> bool:
    """Whether all elements are finite; for few of them in half the time of `all`."""
    return int(np.count_nonzero(np.isfinite(array))) == array.size


def _batches(done: int, count: int, n: int, m: int) -> Integers:
    """Return `TrainSlice.batches` for `count` mini-batches of m, the first `done` left out.

    Epochs have n samples each.
    """
    epoch, step = np.divmod(np.arange(done, done + count), -(-n // m))
    batches = np.empty((count, 3), np.int64)
    batches[:, 0] = epoch * n + step * m
    batches[:, 1] = np.minimum(batches[:, 0] + m, (epoch + 1) * n)
    batches[:, 2] = epoch
    return batches
