"""Kills trainings at chosen moments and checks that they resume to the same bits."""

import mmap
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import click

import bpmatrix
from benchmarks.kills_trainings import WAYS, write_samples
from bpmatrix import Network
from bpmatrix.engine.compilation import warm_up
from bpmatrix.network.resumable import ResumableRun
from bpmatrix.storage.checkpoints import BEST, Checkpoints
from bpmatrix.storage.tensor_files import opened
from bpmatrix.training import slices

PHASES = (
    "before the run", "within an epoch", "between epochs", "in a write: collecting the state",
    "in a write: writing the file", "in a write: flushing it to disk",
    "in a write: before the rename", "in a write: after the rename",
    "in a write: deleting the oldest file", "in a write: before the best model",
)  # fmt: skip
(
    BEFORE, WITHIN, BETWEEN, COLLECTING, WRITING, FLUSHING, FLUSHED, RENAMED, DELETING,
    SAVING,
) = range(len(PHASES))  # fmt: skip

SECONDS_PER_SLICE = 5e-4  # a few mini-batches of the many in an epoch
BETWEEN_WRITES = 0.01
LONGEST_LIFE = 0.15
PAUSE = 0.002  # at the beginning of the phase in which the process is to be killed


def _bits(train: Callable[[Path | None], Any], folder: Path | None, file: Path) -> tuple[Any, ...]:
    """Train; return results that can be compared: for a model, the bytes of its file."""
    first, *rest = train(folder)
    if not isinstance(first, bytes):
        first.save(file)  # weights, optimizer, generator and records
        first = file.read_bytes()
    return first, *rest


def _difference(ours: Sequence[Any], whole: Sequence[Any], place: Path) -> str:
    """Return what differs, in lines: of model files, the values by name and the tensors."""
    parts = []
    for content, *rest in (ours, whole):
        (place / "compared").write_bytes(content)
        with opened(place / "compared") as file:
            parts.append([*file.values.items(), *file.read().items(), *enumerate(rest)])
    pairs = zip(*parts, strict=True)
    return "\n".join(f"{a}\n    {b}" for a, b in pairs if repr(a) != repr(b))


def _best_in(folder: Path) -> tuple[object, ...] | None:
    """Return weights and epoch or score of the best model.

    Of an estimator, the generator and the ends of the curves depend on when it was saved.
    """
    path = folder / BEST
    if not path.exists():
        return None
    model = bpmatrix.load(path)
    if isinstance(model, Network):
        return model.parameters.tobytes(), model.epochs
    weights = [array.tobytes() for array in (*model.coefs_, *model.intercepts_)]
    return weights, model.best_validation_score_


class Phase:
    """The phase of a child and the phase to kill it in, in shared memory, which outlives it."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 2)

    def begin(self, wanted: int) -> None:
        """Reset both before a child starts."""
        self._memory[:] = bytes([BEFORE, wanted])

    @property
    def now(self) -> int:
        """The current phase, or the one in which the child was killed."""
        return self._memory[0]

    @property
    def wanted(self) -> int:
        """The phase to kill the child in."""
        return self._memory[1]

    def enter(self, phase: int) -> None:
        """Report a phase; wait if it is the one to be killed in, since it may be short."""
        self._memory[0] = phase
        if phase == self.wanted:
            time.sleep(PAUSE)

    def report_all(self) -> None:
        """Make this process, a child, report its phases."""
        self._around(slices.SliceRunner, "run_epochs", WITHIN, BETWEEN)
        self._around(Checkpoints, "_write", COLLECTING, WITHIN)
        self._around(Path, "open", None, WRITING, only=lambda _, mode="r", *__: mode == "xb")
        self._around(os, "fsync", FLUSHING, FLUSHED, only=lambda _: self.now == WRITING)
        self._around(Path, "replace", None, RENAMED)
        from bpmatrix.estimators.resumable import (  # noqa: PLC0415 - needs scikit-learn
            ResumableFit,
        )

        for run in (ResumableRun, ResumableFit):
            self._around(run, "save_best", SAVING, None)
        self._around(Path, "unlink", DELETING, None, only=lambda *_: self.now == RENAMED)

    def _around(
        self,
        owner: Any,
        name: str,
        first: int | None,
        last: int | None,
        only: Callable[..., bool] = lambda *_: True,
    ) -> None:
        """Report one phase before a function is called, and another after it."""
        call = getattr(owner, name)

        def said(*arguments: Any, **keywords: Any) -> Any:
            is_one = only(*arguments)
            if is_one and first is not None:
                self.enter(first)
            result = call(*arguments, **keywords)
            if is_one and last is not None:
                self.enter(last)
            return result

        setattr(owner, name, said)


def _child(task: Callable[[], object], phase: Phase) -> int:
    """Fork a process that does a task: a fork need not import or compile anything."""
    child = os.fork()
    if child:
        return child
    try:
        phase.report_all()
        task()
        os._exit(0)
    except BaseException:  # noqa: BLE001 - the child must not return to the caller's code
        os._exit(1)


@contextmanager
def _short_intervals() -> Iterator[None]:
    """Make slices, and the time between two checkpoints, short."""
    begin = Checkpoints.begin

    def begin_soon(self: Checkpoints, run: Any) -> None:
        self.seconds = BETWEEN_WRITES
        begin(self, run)

    with (
        mock.patch.object(slices, "SECONDS_PER_SLICE", SECONDS_PER_SLICE),
        mock.patch.object(Checkpoints, "begin", begin_soon),
    ):
        yield


def _has_ended(task: Callable[[], object], phase: Phase, chance: random.Random) -> bool:
    """Do a task in a child, and kill it in the wanted phase; return whether it ended before."""
    child = _child(task, phase)
    time.sleep(chance.uniform(0.0, LONGEST_LIFE / 2))
    status = _wait_for(phase, child)
    if status is None:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise AssertionError(f"a resumed training failed: {task}")
    return os.WIFEXITED(status)


def _wait_for(phase: Phase, child: int) -> int | None:
    """Wait for the wanted phase, up to a limit; return the child's status if it has ended."""
    end = time.perf_counter() + LONGEST_LIFE
    while phase.now != phase.wanted and time.perf_counter() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
    return None


def kill(
    times: int, seed: int = 0, log: Callable[[str], object] = lambda _: None
) -> Counter[tuple[str, str]]:
    """Kill trainings a number of times; return the kills by way of training and phase.

    Each training is resumed after each kill until it has finished, and is then compared with an
    uninterrupted one.

    Raises
    ------
    AssertionError
        If any bit differs, or if a process fails.
    """
    chance, phase = random.Random(seed), Phase()
    warm_up(("float64", "float32"))
    found: Counter[tuple[str, str]] = Counter()
    number, runs = 0, Counter[str]()

    def rank(way: str, phase: int) -> tuple[int, int, float]:
        """Rank the phases: the next is the rarest so far, over all ways, then in this way."""
        name = PHASES[phase]
        return sum(found[way, name] for way in WAYS), found[way, name], chance.random()

    with _short_intervals(), tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        write_samples(place)
        while found.total() < times:
            way = min(WAYS, key=lambda name: sum(found[name, phase] for phase in PHASES))
            train, settings = WAYS[way]
            one = partial(train, settings[runs[way] % len(settings)], place)
            runs[way] += 1
            # The first also imports everything for the children.
            whole = _bits(one, None, place / "model")
            _bits(one, place / f"whole {number}", place / "model")
            best = _best_in(place / f"whole {number}")
            folder, lives = place / f"run {number}", 0
            number += 1
            while found.total() < times:
                lives += 1
                phase.begin(min(range(WITHIN, len(PHASES)), key=partial(rank, way)))
                if _has_ended(partial(one, folder), phase, chance):
                    break
                found[way, PHASES[phase.now]] += 1
                log(f"{found.total():4}  {way}, run {number}, life {lives}: {PHASES[phase.now]}")
            ours = _bits(one, folder, place / "model")
            if ours != whole:
                raise AssertionError(f"the bits differ: {one}\n{_difference(ours, whole, place)}")
            if _best_in(folder) != best:
                raise AssertionError(f"the best model differs: {one}")
    return found


@click.command()
@click.option("--times", type=click.IntRange(min=1), default=200, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--log", is_flag=True, help="Print a line for each kill.")
def kills(times: int, seed: int, log: bool) -> None:
    """Kill trainings (kill -9) in each phase and check that they resume to the same bits."""
    if not hasattr(os, "fork"):
        raise click.ClickException("this system cannot fork")
    found = kill(times, seed, *([click.echo] if log else []))
    click.echo(f"{times} kills; each training produced the same bits as an uninterrupted one")
    click.echo("".join(f"{way:>14}" for way in WAYS))
    for name in PHASES:
        click.echo("".join(f"{found[way, name]:14}" for way in WAYS) + f"  {name}")
