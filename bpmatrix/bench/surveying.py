"""Carrying out a plan: a contest at each of its places, by workers that stay for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from math import inf

from bpmatrix.architecture.description import Description
from bpmatrix.bench.contenders.roster import processors
from bpmatrix.bench.contest import CHAMPION, Contest, Effort, Result, hold
from bpmatrix.bench.crew import Crew
from bpmatrix.bench.machine import describe_machine
from bpmatrix.bench.peak import share_of_peak
from bpmatrix.bench.planning import CONTENDERS, PEERS, Plan, Spot
from bpmatrix.bench.samples import Samples, classifier, real_samples
from bpmatrix.bench.statistics import Ratio
from bpmatrix.bench.survey import Figure, Point, Survey
from bpmatrix.bench.task import Task
from bpmatrix.bench.workers import WorkerError
from bpmatrix.engine.compilation import load_program
from bpmatrix.engine.processors import choose_threads

__all__ = ["survey"]

# Steps after which answers are compared: about so many samples, within these bounds.
SAMPLES_OF_THE_CHECK, LEAST_STEPS, MOST_STEPS = 2000, 3, 100
LEAST_SECONDS = 0.5
QUADS_FOR_THE_PEAK = 8

# Is told the part of the run that is done, 0 to 1, and what happens now.
Watch = Callable[[float, str], object]


def survey(plan: Plan, watch: Watch) -> Survey:
    """Measure whatever a plan says, on real data.

    The engine is compiled before the clock starts, and says so. Then every contender has to give
    the right answer at a place before it is timed there.

    Parameters
    ----------
    plan : Plan
        One of `PLANS`.
    watch : callable
        Is told the part that is done, from 0 to 1, and what happens.
    """
    samples, machine = real_samples(), describe_machine()
    date = datetime.now(UTC).isoformat(timespec="seconds")
    installed = tuple(name for name in PEERS if find_spec(str(CONTENDERS[name].library)))
    notes = _skipped(plan, installed) + _busy(machine)
    for dtype in ("float64", "float32"):
        load_program("train_slice", dtype)
    spots = plan.spots(samples.X.shape[0], installed)
    end = time.monotonic() + plan.seconds
    points = []
    with Crew() as crew:
        for name in dict.fromkeys(name for spot in spots for name in (CHAMPION, *spot.names)):
            for threads in CONTENDERS[name].variants():
                crew.hire(name, threads)  # all start at once: the processors have time now
        for i, spot in enumerate(spots):
            part = spot.weight / sum(later.weight for later in spots[i:])
            seconds = max(part * (end - time.monotonic()), LEAST_SECONDS)
            watcher = _Watcher(watch, spots, i)
            points.append(_measure(plan, spot, samples, seconds, crew, watcher, notes))
    return Survey(
        plan.name, samples.source, date, machine, tuple(points), tuple(dict.fromkeys(notes))
    )


def _skipped(plan: Plan, installed: tuple[str, ...]) -> list[str]:
    """Name the peers that do not take part."""
    if not plan.peers_at:
        return [f"{', '.join(PEERS)}: left out of a {plan.name} run"]
    return [f"{name}: skipped, it is not installed" for name in PEERS if name not in installed]


def _busy(machine: Mapping[str, str]) -> list[str]:
    """Warn where something else was running."""
    load = machine.get("load before the run", "0")
    if float(load) <= processors() / 2:
        return []
    return [f"the machine was busy before the run (load {load}): repeat it when nothing else runs"]


def _measure(
    plan: Plan,
    spot: Spot,
    samples: Samples,
    seconds: float,
    crew: Crew,
    watcher: _Watcher,
    notes: list[str],
) -> Point:
    """Hold the contest of one place."""
    m = spot.mini_batch_size
    task = classifier(samples, spot.width, m, spot.dtype)
    steps = min(max(SAMPLES_OF_THE_CHECK // m, LEAST_STEPS), MOST_STEPS)
    effort = Effort(plan.most_quads, plan.block_seconds, steps, seconds)
    watcher.expect(effort, len(spot.names))
    peak = None
    try:
        contest = hold(
            task, spot.names, effort, roster=CONTENDERS, crew=crew,
            tell=watcher.tell, each_round=watcher.one_more,
        )  # fmt: skip
        if plan.peak:
            peak = _peak(task, plan, crew, watcher)
    except WorkerError as error:
        contest = Contest(notes=[str(error)])
    notes += [f"{watcher.place}: {note}" for note in contest.notes]
    figures = tuple(_figure(result, task) for result in contest.results.values())
    return Point(task.sizes, m, spot.dtype, figures, peak)


def _peak(task: Task, plan: Plan, crew: Crew, watcher: _Watcher) -> Ratio:
    watcher.tell("share of the peak")
    return share_of_peak(task, 1, Effort(QUADS_FOR_THE_PEAK, plan.block_seconds), crew=crew)


def _figure(result: Result, task: Task) -> Figure:
    """Keep what a report needs; "auto" becomes the number of threads that it stood for."""
    threads = result.threads
    if threads == "auto":
        layout = Description(task.sizes, task.activations, task.cost, dtype=task.dtype).layout
        threads = choose_threads("auto", layout.size, task.mini_batch_size)
    logs = () if result.against is None else result.against.log_ratios
    return Figure(result.name, int(threads), result.times, logs)


class _Watcher:
    """Tells how far a run is: by the weight of its places, and within a place by time or rounds."""

    def __init__(self, watch: Watch, spots: list[Spot], index: int) -> None:
        spot, weights = spots[index], [spot.weight for spot in spots]
        self.place = f"mini-batch {spot.mini_batch_size}, width {spot.width}, {spot.dtype}"
        self._watch, self._line = watch, ""
        self._before = sum(weights[:index]) / sum(weights)
        self._weight = spot.weight / sum(weights)
        self._start, self._seconds = time.monotonic(), inf
        self._done, self._expected = 0, 1

    def expect(self, effort: Effort, rivals: int) -> None:
        """Say what is going to happen: all are prepared, then come at most so many rounds."""
        self._seconds = effort.seconds
        self._expected = rivals + 4 + effort.quads

    def tell(self, line: str) -> None:
        """Say what happens now."""
        self._line = line
        self.one_more()

    def one_more(self) -> None:
        """Note that something was done."""
        self._done += 1
        elapsed = time.monotonic() - self._start
        part = min(1.0, max(self._done / self._expected, elapsed / self._seconds))
        self._watch(self._before + part * self._weight, f"{self.place}: {self._line}")
