"""A contest: several contenders do the same training; results are checked, then timed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

import numpy as np

from bpmatrix.bench.comparing import Pairs, calibrate, measure_quad
from bpmatrix.bench.contenders import ROSTER, Family
from bpmatrix.bench.statistics import Ratio, median_ratio
from bpmatrix.bench.task import Task
from bpmatrix.bench.workers import Crew, Worker, WorkerError

# The largest relative difference from the reference's cost after the steps of the check.
TOLERANCE = {"float64": 1e-6, "float32": 1e-3}
QUADS_TO_CHOOSE = 3
# After this fraction of a limited time no other library is prepared.
TO_PREPARE = 0.7
LEAST_QUADS = 4  # measured even if the time is over
CHAMPION = "bpmatrix"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much time to spend.

    Attributes
    ----------
    quads : int
        Ratios for each pair of contenders.
    block_seconds : float
        The length of a block. bpmatrix copies its parameters every 0.15 s, JAX and the threads
        start once per block: much shorter blocks would mostly measure that.
    check_steps : int
        Steps after which the results are compared.
    seconds : float
        No round begins later than this, preparation included; `LEAST_QUADS` are always measured.
    """

    quads: int = 20
    block_seconds: float = 0.1
    check_steps: int = 100
    seconds: float = math.inf


@dataclass(frozen=True, slots=True)
class Figure:
    """The measurements of one contender.

    Attributes
    ----------
    threads : int or "auto"
        The number of threads.
    times : tuple of float
        Seconds per mini-batch, the mean over each quad.
    log_ratios : tuple of float
        The logarithm of its time over that of bpmatrix in each quad; empty for bpmatrix itself.
    """

    name: str
    threads: int | str
    times: tuple[float, ...]
    log_ratios: tuple[float, ...] = ()

    @property
    def seconds(self) -> float:
        """The median time of a mini-batch."""
        return float(np.median(self.times))

    @property
    def against(self) -> Ratio | None:
        """Its time divided by that of bpmatrix; None for bpmatrix itself."""
        return median_ratio(self.log_ratios) if self.log_ratios else None


@dataclass
class Contest:
    """The result of `hold`: figures by contender, and notes on those that are missing."""

    figures: dict[str, Figure] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass
class _Entry:
    """A contender that is ready to run."""

    name: str
    threads: int | str
    worker: Worker
    calls: int
    pairs: Pairs = field(default_factory=Pairs)


def hold(
    task: Task,
    names: Iterable[str],
    effort: Effort | None = None,
    *,
    roster: Mapping[str, Family] = ROSTER,
    crew: Crew | None = None,
    tell: Callable[[str], object] = str,
) -> Contest:
    """Train the network of a task with several contenders, and time each against bpmatrix.

    Each has its own worker process and takes the same steps. A contender whose cost over all
    samples then differs from that of the reference in float64 is excluded. Of several numbers of
    threads, only the fastest is timed. Then, in rounds, every contender is timed against bpmatrix,
    which chooses its threads itself, in the order A B B A.

    Parameters
    ----------
    task : Task
        The training.
    names : iterable of str
        Families of the roster; bpmatrix always takes part.
    effort : Effort, optional
        How much time to spend.
    roster : mapping, optional
        The families by name.
    crew : Crew, optional
        Workers to use and to keep; by default they end with the contest.
    tell : callable, optional
        Called with a line of text before each step and after each round.
    """
    effort = effort or Effort()
    start = time.monotonic()
    contest = Contest()
    tell("computing the expected cost")
    expected = task.expected_cost(effort.check_steps)
    with Crew() if crew is None else nullcontext(crew) as workers:
        entries: list[_Entry] = []
        for name in [CHAMPION, *(name for name in names if name != CHAMPION)]:
            late = time.monotonic() - start > TO_PREPARE * effort.seconds
            if late and roster[name].library is not None:
                contest.notes.append(f"{name}: left out for lack of time")
                continue
            tell(f"preparing {name}")
            variants = _prepared(task, expected, name, roster[name], effort, contest, workers)
            entries += _fastest(variants, contest)
            if not entries:  # without bpmatrix there is nothing to compare with
                return contest
        champion, *rivals = entries
        _time_against(champion, rivals, effort, contest, start + effort.seconds, tell)
    return contest


def _prepared(
    task: Task,
    expected: float,
    name: str,
    family: Family,
    effort: Effort,
    contest: Contest,
    workers: Crew,
) -> list[_Entry]:
    """Return a family's variants whose cost is as expected, with the calls in a block."""
    entries, steps = [], effort.check_steps
    if family.dtype is not None:
        task = replace(task, dtype=family.dtype)
    for threads in family.variants():
        worker = workers.hire(name, threads)
        try:
            worker.make(family.make, task, threads)
            worker.call("train", steps)
            cost = task.judged_cost(*worker.call("parameters"))
            if abs(cost - expected) <= TOLERANCE[task.dtype] * abs(expected):
                calls = calibrate(worker.arm("train"), effort.block_seconds)
                entries.append(_Entry(name, threads, worker, calls))
                continue
            note = (
                f"{name}: excluded, its cost is {cost:.9g} after {steps} steps, not {expected:.9g}"
            )
        except WorkerError as error:
            workers.dismiss(worker)
            note = str(error)
        if note not in contest.notes:
            contest.notes.append(note)
    return entries


def _fastest(entries: list[_Entry], contest: Contest) -> list[_Entry]:
    """Return the entry with the least median time per mini-batch; the others release their data."""
    if len(entries) < 2:
        return entries
    seconds: dict[int | str, list[float]] = {entry.threads: [] for entry in entries}
    try:
        for _ in range(2 * QUADS_TO_CHOOSE):
            for entry in entries:
                seconds[entry.threads].append(entry.worker.time("train", entry.calls) / entry.calls)
        best = min(entries, key=lambda entry: float(np.median(seconds[entry.threads])))
        for entry in entries:
            if entry is not best:
                entry.worker.make(object)  # releases the memory of the contender
    except WorkerError as error:
        contest.notes.append(str(error))
        return []
    return [best]


def _time_against(
    champion: _Entry,
    rivals: list[_Entry],
    effort: Effort,
    contest: Contest,
    end: float,
    tell: Callable[[str], object],
) -> None:
    """Measure quads of the champion and each rival, in rounds over the rivals."""
    tell("measuring")
    for done, a_first in enumerate(np.random.default_rng(0).random(effort.quads) < 0.5):
        if done >= LEAST_QUADS and time.monotonic() > end:
            break
        for rival in list(rivals):
            arms = rival.worker.arm("train"), champion.worker.arm("train")
            calls = rival.calls, champion.calls
            try:
                measure_quad(*arms, calls, rival.pairs, a_first=bool(a_first))
            except WorkerError as error:
                contest.notes.append(str(error))
                rivals.remove(rival)
        tell("measuring")
    own = [seconds for rival in rivals for seconds in rival.pairs.seconds_b]
    if not own:
        own = [champion.worker.time("train", champion.calls) / champion.calls]
    contest.figures[champion.name] = Figure(champion.name, champion.threads, tuple(own))
    for rival in rivals:
        times, logs = tuple(rival.pairs.seconds_a), tuple(rival.pairs.log_ratios)
        contest.figures[rival.name] = Figure(rival.name, rival.threads, times, logs)
