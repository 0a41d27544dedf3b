"""The grids of ``bpmatrix bench``, and their measurement: a contest at each spot of a grid."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import product
from math import inf

from bpmatrix.architecture.description import Description
from bpmatrix.bench.contenders import ROSTER
from bpmatrix.bench.contest import CHAMPION, Contest, Effort, Figure, hold
from bpmatrix.bench.machine import describe_machine
from bpmatrix.bench.survey import LOOP, MATRIX, SINGLE, Point, Survey
from bpmatrix.bench.task import Task, classifier, real_data
from bpmatrix.bench.workers import Crew, WorkerError
from bpmatrix.engine.compilation import load_program
from bpmatrix.engine.places import count_processors
from bpmatrix.engine.processors import choose_threads

PEERS = tuple(name for name, family in ROSTER.items() if family.library is not None)

# The loop takes part if the first weights times a mini-batch need at most this many
# multiplications, which take some tenths of a second.
MOST_WORK_OF_THE_LOOP = 3e7
# The time for a spot with peers, relative to one without.
WEIGHT_OF_PEERS = 4


@dataclass(frozen=True, slots=True)
class Spot:
    """A width, mini-batch size and dtype to measure, and the contenders besides bpmatrix."""

    width: int
    mini_batch_size: int
    dtype: str
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name in notes."""
        return f"mini-batch {self.mini_batch_size}, width {self.width}, {self.dtype}"

    @property
    def weight(self) -> int:
        """Its part of the time, relative to others."""
        return WEIGHT_OF_PEERS if set(self.names) & set(PEERS) else 1


@dataclass(frozen=True, slots=True)
class Grid:
    """A grid of mini-batch sizes and widths, and the time for it.

    Attributes
    ----------
    peers_at : tuple of int
        The mini-batch sizes at which the installed peers take part.
    block_seconds : float
        The length of a block of the paired timing.
    seconds : float
        For all of it, after the compilation; the last round is completed.
    """

    name: str
    mini_batch_sizes: tuple[int, ...]
    widths: tuple[int, ...]
    dtypes: tuple[str, ...]
    peers_at: tuple[int, ...]
    block_seconds: float
    seconds: float
    most_quads: int = 60

    def spots(self, n_inputs: int, peers: tuple[str, ...]) -> list[Spot]:
        """Return all spots in the order of the run, with the installed peers."""
        return [
            Spot(width, m, dtype, self._names(n_inputs, width, m, peers))
            for dtype, width, m in product(self.dtypes, self.widths, self.mini_batch_sizes)
        ]

    def _names(self, n_inputs: int, width: int, m: int, peers: tuple[str, ...]) -> tuple[str, ...]:
        names = [MATRIX]
        if m * width * n_inputs <= MOST_WORK_OF_THE_LOOP:
            names.insert(0, LOOP)
        if len(self.dtypes) == 1:
            names.append(SINGLE)
        return (*names, *(peers if m in self.peers_at else ()))


BATCHES = (1, 10, 32, 100, 1000)
# Where an engine without overhead gains most and where it gains least.
ENDS = (10, 1000)
GRID_BATCHES, GRID_WIDTHS = (1, 10, 32, 128, 1024), (10, 30, 100, 512, 2048)

GRIDS = {
    "quick": Grid("quick", (1, 10, 100), (30,), ("float64",), (), 0.01, 9.0),
    "default": Grid("default", BATCHES, (30,), ("float64",), ENDS, 0.04, 46.0),
    "full": Grid(
        "full", GRID_BATCHES, GRID_WIDTHS, ("float64", "float32"), GRID_BATCHES, 0.1, inf,
        most_quads=10,
    ),
}  # fmt: skip

# The steps of the check take about this many samples, within these bounds.
SAMPLES_OF_THE_CHECK, LEAST_STEPS, MOST_STEPS = 2000, 3, 100
LEAST_SECONDS = 0.5

# Called with the fraction of the run that is done, from 0 to 1, and the current step.
Watch = Callable[[float, str], object]


def survey(grid: Grid, watch: Watch) -> Survey:
    """Measure at every spot of a grid, on real data.

    The engine is compiled first, with a message. At each spot the result of a contender is checked
    before it is timed.

    Parameters
    ----------
    grid : Grid
        One of `GRIDS`.
    watch : callable
        Called with the fraction that is done, from 0 to 1, and the current step.
    """
    data, machine = real_data(), describe_machine()
    date = datetime.now(UTC).isoformat(timespec="seconds")
    installed = tuple(name for name in PEERS if find_spec(str(ROSTER[name].library)))
    notes = _skipped(grid, installed) + _busy(machine)
    for dtype in ("float64", "float32"):
        load_program("train_slice", dtype)
    spots = grid.spots(data.X.shape[0], installed)
    end = time.monotonic() + grid.seconds
    points = []
    with Crew() as crew:
        for name in dict.fromkeys(name for spot in spots for name in (CHAMPION, *spot.names)):
            for threads in ROSTER[name].variants():
                crew.hire(name, threads)  # all start now, before anything is timed
        for i, spot in enumerate(spots):
            part = spot.weight / sum(later.weight for later in spots[i:])
            seconds = max(part * (end - time.monotonic()), LEAST_SECONDS)
            m = spot.mini_batch_size
            task = classifier(data, spot.width, m, spot.dtype)
            steps = min(max(SAMPLES_OF_THE_CHECK // m, LEAST_STEPS), MOST_STEPS)
            effort = Effort(grid.most_quads, grid.block_seconds, steps, seconds)
            tell = _teller(watch, spots, i, seconds)
            try:
                contest = hold(task, spot.names, effort, crew=crew, tell=tell)
            except WorkerError as error:
                contest = Contest(notes=[str(error)])
            notes += [f"{spot.name}: {note}" for note in contest.notes]
            figures = tuple(_with_threads(figure, task) for figure in contest.figures.values())
            points.append(Point(task.sizes, m, spot.dtype, figures))
    return Survey(grid.name, data.source, date, machine, tuple(points), tuple(dict.fromkeys(notes)))


def _skipped(grid: Grid, installed: tuple[str, ...]) -> list[str]:
    """Return notes on the peers that do not take part."""
    if not grid.peers_at:
        return [f"{', '.join(PEERS)}: left out of a {grid.name} run"]
    return [f"{name}: not installed" for name in PEERS if name not in installed]


def _busy(machine: Mapping[str, str]) -> list[str]:
    """Return a warning if other programs were running."""
    load = machine.get("load before the run", "0")
    if float(load) <= count_processors() / 2:
        return []
    return [f"the machine was busy before the run (load {load}): repeat it on an idle machine"]


def _with_threads(figure: Figure, task: Task) -> Figure:
    """Return the figure with the number of threads in place of "auto"."""
    if figure.threads != "auto":
        return figure
    layout = Description(task.sizes, task.activations, task.cost, dtype=task.dtype).layout
    return replace(figure, threads=choose_threads("auto", layout.size, task.mini_batch_size))


def _teller(watch: Watch, spots: list[Spot], i: int, seconds: float) -> Callable[[str], None]:
    """Return a function that reports the progress, by the weights of the spots and by time."""
    spot, start = spots[i], time.monotonic()
    before, total = sum(s.weight for s in spots[:i]), sum(s.weight for s in spots)

    def tell(line: str) -> None:
        part = min(1.0, (time.monotonic() - start) / seconds)
        watch((before + part * spot.weight) / total, f"{spot.name}: {line}")

    return tell
