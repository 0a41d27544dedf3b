"""The two compiled programs, called as the package does, but between guard zones.

theta, inputs, targets and results are surrounded by NaN; the work array is NaN except for its
constants. So reading outside makes results NaN, and writing outside is detected.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from compiled import guarded, is_intact
from strategies import Case

from bpmatrix.engine.compilation import load_program
from bpmatrix.engine.memory import aligned_zeros
from bpmatrix.engine.threads import run_together
from bpmatrix.engine.workspace import input_columns, sample_weight_columns, target_columns
from bpmatrix.kernels.arguments import Evaluate, TrainSlice
from bpmatrix.kernels.plan import COLUMNS_OF_A_SUM, GROUPS, Hyperparameters, pitch
from bpmatrix.training.recipe import PLAIN, Recipe

AROUND = 64  # elements: whole cache lines, so that the work array stays aligned
UNWRITTEN = -7


class Guarded:
    """The arguments of a program for a case, with work matrices for `columns` columns.

    With `apart`, each thread has work matrices of its own.
    """

    def __init__(
        self, case: Case, columns: int, threads: int = 1, recipe: Recipe = PLAIN, *,
        apart: bool = False,
    ) -> None:  # fmt: skip
        d = case.description
        owners, self._threads = (threads, 1) if apart else (1, threads)
        self.plan, elements = d.plan(columns, threads=self._threads, dropout=recipe.dropped)
        self.table = self.plan.table()
        self._memory = aligned_zeros(owners * elements + 2 * AROUND, d.dtype)
        self._memory[:] = np.nan
        self.work = self._memory[AROUND:-AROUND]
        self._parts = self.work.reshape(owners, elements)
        self._parts[:, self.plan.ones : self.plan.ones + columns] = 1
        self._parts[:, self.plan.zeros : self.plan.zeros + max(d.sizes)] = 0
        self.theta = guarded(case.theta)
        # Rows of a table in memory are the columns of its transpose.
        self._X = guarded(np.ascontiguousarray(case.X.T)).T
        self.X = input_columns(self._X, d.input_scale)
        self._targets = case.targets
        self.Y = target_columns(self._targets)

    def assert_untouched(self) -> None:
        """Assert that nothing was written around theta, or between and around work matrices."""
        assert is_intact(self.theta)
        assert np.isnan(self._memory[:AROUND]).all()
        assert np.isnan(self._memory[-AROUND:]).all()
        free = np.ones(self._parts.shape[1], dtype=bool)
        p = self.plan
        spans = [(p.y, pitch(p.sizes[-1]) * p.columns), (p.ones, p.columns)]
        spans += [(p.sample_weights, p.columns)]
        spans += [(p.zeros, p.sizes.max()), (p.scratch, p.scratch_size * self._threads)]
        for l, n in enumerate(p.sizes):
            extent = pitch(n) * p.columns
            if l == 0 and p.own_inputs > 0:
                extent = p.own_inputs * self._threads
            spans += [(offset[l], extent) for offset in (p.a, p.z, p.seen)]
            spans += [(p.delta[l], extent)] if l > 0 else []
        for offset, extent in spans:
            free[offset : offset + extent] = False
        assert np.isnan(self._parts[:, free]).all()


def look(
    case: Case, *, columns=None, first=0, last=None, carry_on=None, weights=None
) -> SimpleNamespace:
    """Call `evaluate`: outputs (n_L, n), costs, hits (n,), and the sum of gradients, as theta.

    `carry_on` is the result of a previous call, whose sum is continued; `weights` are sample
    weights. `group` and `total` are the two parts of the sum, `gradient` is the sum, in float64.
    """
    n, d = case.X.shape[1], case.description
    g = Guarded(case, columns or n)
    outputs = guarded(np.full((n, d.sizes[-1]), np.nan, d.dtype))
    costs, hits = guarded(np.full(n, np.nan)), np.full(n + 2, UNWRITTEN)
    inside = first % COLUMNS_OF_A_SUM > 0
    group = guarded(np.full_like(case.theta, 0 if inside else np.nan))
    total = guarded(np.zeros(case.theta.size))
    if carry_on is not None:
        group[:], total[:] = carry_on.group, carry_on.total
    V, last = sample_weight_columns(weights), n if last is None else last
    given = Evaluate(
        theta=g.theta, outputs=outputs, X=g.X, Y=g.Y, V=V, flushes=False,
        costs=costs, hits=hits[1:-1], gradient=group, total=total,
    )  # fmt: skip
    load_program("evaluate", d.dtype)(first, last, g.table, g.work, tuple(given))
    g.assert_untouched()
    assert g.theta.tobytes() == case.theta.tobytes()
    assert all(map(is_intact, (outputs, costs, group, total)))
    assert hits[0] == hits[-1] == UNWRITTEN
    return SimpleNamespace(
        outputs=outputs.T, costs=costs, hits=hits[1:-1], group=group, total=total,
        gradient=total + group if last % COLUMNS_OF_A_SUM else total,
    )  # fmt: skip


def steps(
    case: Case, order, m, rates, weight_decay=0.0, threads=1, recipe=PLAIN, weights=None, seed=0,
    first_step=0, columns=None, groups=GROUPS,
) -> SimpleNamespace:  # fmt: skip
    """Call `train_slice` on all threads; return theta, moments, taken, and the totals.

    `rates` are the learning rates of the first steps of an optimizer. With work matrices for fewer
    `columns` than m, threads own `groups` groups of columns.
    """
    d, columns = case.description, columns or m
    grouped = columns < m
    g = Guarded(case, columns, threads, recipe, apart=grouped)
    costs, hits, totals = guarded(np.zeros(m)), np.full(m + 2, UNWRITTEN), np.zeros((1, 3))
    kept = recipe.optimizer.rule[1]
    moments = guarded(np.zeros((kept, case.theta.size), d.dtype))
    groups = groups if grouped else 1
    rows = groups if grouped else int(np.isfinite(recipe.clip_norm))
    sums = guarded(np.full((rows, case.theta.size), np.nan, d.dtype))
    numbers = np.concatenate(
        [recipe.optimizer.steps(float(rate), k, 1) for k, rate in enumerate(rates)]
    )
    for name, value in (("l2", weight_decay), ("l1", recipe.l1), ("clip_norm", recipe.clip_norm)):
        numbers[:, Hyperparameters._fields.index(name)] = value
    order = np.asarray(order, np.int64)
    batches = np.array([(i, min(i + m, order.size), 0) for i in range(0, order.size, m)])
    given = TrainSlice(
        table=g.table, theta=g.theta, moments=moments, sums=sums, work=g.work, X=g.X, Y=g.Y,
        V=sample_weight_columns(weights), order=order, batches=batches, rule=recipe.rule,
        hyperparameters=numbers, seed=seed, first_step=first_step, costs=costs, hits=hits[1:-1],
        totals=totals, parts=np.empty((0, 2)), groups=groups, first_group=0, exchange=0,
    )  # fmt: skip
    program = load_program("train_slice", d.dtype)
    shared = tuple(given)
    taken = run_together(threads, lambda t, control: program(t, threads, control, shared))
    g.assert_untouched()
    assert all(map(is_intact, (costs, moments, sums)))
    assert hits[0] == hits[-1] == UNWRITTEN
    return SimpleNamespace(
        theta=g.theta, moments=moments, taken=taken, cost=totals[0, 0], hits=totals[0, 1],
        weight=totals[0, 2], plan=g.plan, work=g.work,
    )  # fmt: skip
