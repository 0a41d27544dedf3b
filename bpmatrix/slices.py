"""Slices of mini-batches: one call of the compiled program each, undone where numbers explode.

Between two slices Python looks whether Ctrl-C was pressed. How long a slice is decides nothing
else: the same mini-batches give the same weights however they are cut into slices.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bpmatrix.arrays import Targets
from bpmatrix.compilation import load_program
from bpmatrix.description import Description
from bpmatrix.kernels import codes
from bpmatrix.kernels.plan import OUT_OF, Step
from bpmatrix.memory import aligned_zeros
from bpmatrix.optimizers import SGD, Optimizer
from bpmatrix.sparse import SparseColumns
from bpmatrix.threads import run_together
from bpmatrix.workspace import (
    input_columns,
    sample_weight_columns,
    target_columns,
    workspace,
)

__all__ = ["NotFiniteError", "OptimizerState", "Recipe", "SliceRunner", "Totals"]

Array = NDArray[Any]

L2, L1, LONGEST = (Step._fields.index(name) for name in ("l2", "l1", "longest"))

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


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a gradient becomes a step, beside learning rate and weight decay.

    Attributes
    ----------
    optimizer : Optimizer
        Its update rule; its learning rate is not looked at.
    l1 : float
        The factor of the penalty sum |w| of all weights.
    clip_norm : float
        How long the gradient of the mean cost may be.
    dropout : tuple of float
        The probability of each unit to be dropped, for each of the layers 0 .. L - 1; or none.
    """

    optimizer: Optimizer
    l1: float = 0.0
    clip_norm: float = math.inf
    dropout: tuple[float, ...] = ()

    @property
    def rule(self) -> int:
        """The number of the update rule; PLAIN adds the sums to theta as they are."""
        rule = self.optimizer.rule[0]
        plain = rule == codes.DESCENT and self.l1 == 0 and math.isinf(self.clip_norm)
        return codes.PLAIN if plain else rule

    @property
    def dropped(self) -> tuple[int, ...]:
        """How many of 2^32 units are dropped in each layer."""
        if not any(self.dropout):
            return ()
        return tuple(min(round(p * OUT_OF), OUT_OF - 1) for p in self.dropout)


PLAIN_RECIPE = Recipe(SGD(learning_rate=0.0))


class Totals(NamedTuple):
    """The sums over an epoch's samples, each times its weight, from before the updates."""

    cost: float
    hits: float
    weight: float


@dataclass(slots=True)
class OptimizerState:
    """What an optimizer keeps from step to step: (k, size) moments, and the count of its steps."""

    moments: Array
    steps: int = 0

    @classmethod
    def fresh(cls, optimizer: Optimizer, theta: Array) -> OptimizerState:
        """Return the state before the first step."""
        count = optimizer.rule[1]
        moments = aligned_zeros(count * theta.size, theta.dtype.name)
        return cls(moments.reshape(count, theta.size))


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
    recipe : Recipe, optional
        Plain gradient descent by default.
    state : OptimizerState, optional
        That of the recipe's optimizer, which `run` changes; a fresh one by default.
    sample_weight : (n,) array of float64, optional
        How much each sample counts, above 0; a mini-batch is divided by the sum of its weights.
    seed : int, default 0
        Decides, with the count of steps, which units are dropped.
    with_parts : bool, default False
        Whether `parts` shall hold, after a run, two numbers of each step: the mean cost of its
        mini-batch and the sum of the squares of all weights, both from before the step.
    """

    parts: NDArray[np.float64]

    def __init__(
        self,
        description: Description,
        theta: Array,
        X: Array | SparseColumns,
        targets: Targets,
        mini_batch_size: int,
        threads: int,
        *,
        recipe: Recipe = PLAIN_RECIPE,
        state: OptimizerState | None = None,
        sample_weight: Array | None = None,
        seed: int = 0,
        with_parts: bool = False,
    ) -> None:
        self.description = description
        self.theta = theta
        self.m = mini_batch_size
        self.threads = threads
        self.recipe = recipe
        self.state = OptimizerState.fresh(recipe.optimizer, theta) if state is None else state
        self._seed = seed % (1 << 63)
        self._with_parts = with_parts
        self._data = X, targets, sample_weight
        self._columns = (
            input_columns(X, description.input_scale),
            target_columns(targets),
            sample_weight_columns(sample_weight),
        )
        self._program = load_program("train_slice", description.dtype)
        self._table, self._work = workspace(description, mini_batch_size, threads, recipe.dropped)
        self._gradient = np.empty(theta.size * math.isfinite(recipe.clip_norm), theta.dtype)
        self._costs = np.empty(mini_batch_size)
        self._hits = np.empty(mini_batch_size * targets.are_classes, np.int64)
        self._before = np.empty_like(theta), np.empty_like(self.state.moments)
        work_of_a_step = 3 * description.layout.size * mini_batch_size
        self._steps = 1 + int(SECONDS_PER_SLICE * MULTIPLICATIONS_PER_SECOND / work_of_a_step)

    def run(
        self, order: NDArray[np.int64], rate: float, weight_decay: float | Array = 0.0
    ) -> Totals:
        """Take a step for each mini-batch of `order`.

        Parameters
        ----------
        order : (k,) array of int
            The samples.
        rate : float
            The learning rate.
        weight_decay : float or array
            The factor of the penalty 1/2 w^2; also one for each step.

        Raises
        ------
        NotFiniteError
            If a cost or weight is not finite.
        """
        totals = np.zeros(3)
        done, steps = 0, -(-order.size // self.m)
        decays = np.broadcast_to(weight_decay, steps)
        self.parts = np.empty((steps * self._with_parts, 2))
        while done < steps:
            start = time.perf_counter()
            count = min(self._steps, steps - done)
            numbers = self.recipe.optimizer.steps(float(rate), self.state.steps, count)
            numbers[:, L2] = decays[done : done + count]
            numbers[:, L1], numbers[:, LONGEST] = self.recipe.l1, self.recipe.clip_norm
            part = order[done * self.m : (done + count) * self.m]
            self._run_slice(part, numbers, (totals, self.parts[done : done + count]), done)
            done += count
            speed = count / max(time.perf_counter() - start, 1e-6)
            self._steps = int(min(max(1.0, SECONDS_PER_SLICE * speed), 10.0 * self._steps))
        return Totals(*totals.tolist())

    def _run_slice(
        self, order: NDArray[np.int64], numbers: Array, sums: tuple[Array, Array], steps_before: int
    ) -> None:
        self._before[0][:], self._before[1][:] = self.theta, self.state.moments
        memory = self._table, self.theta, self.state.moments, self._gradient, self._work
        how = self.recipe.rule, numbers, self._seed, self.state.steps
        records = self._costs, self._hits, *sums
        try:
            taken = run_together(
                self.threads,
                lambda t, control: self._program(
                    t, self.threads, control, *memory, *self._columns, order, self.m, *how, *records
                ),
            )
            if taken == len(numbers) and np.isfinite(self.theta).all():
                self.state.steps += len(numbers)
                return
        except BaseException:
            # Ctrl-C is heard when the program has returned, before its weights were looked at.
            if np.isfinite(self.theta).all():
                self.state.steps += len(numbers)
            else:
                self._undo()
            raise
        self._undo()
        what = "a weight" if taken == len(numbers) else "the cost"
        step = steps_before + min(taken + 1, len(numbers))
        raise NotFiniteError(what, step, self._largest_input(order))

    def _undo(self) -> None:
        """Put parameters and moments back to the start of the slice."""
        self.theta[:], self.state.moments[:] = self._before

    def _largest_input(self, order: NDArray[np.int64]) -> float:
        """Return the largest input of some samples, as the network sees it."""
        X = self._data[0]
        if isinstance(X, SparseColumns):
            return X.largest(order) * abs(self.description.input_scale)
        largest = max(float(np.abs(X[:, i].astype(np.float64)).max()) for i in order)
        return largest * abs(self.description.input_scale)
