"""Kills runs at random moments and checks that they resume to the same bits."""

from __future__ import annotations

import mmap
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
import numpy as np

from bpmatrix import SGD, Adam, AdamW, EarlyStopping, History, Network, RMSprop, schedules
from bpmatrix.engine.compilation import warm_up
from bpmatrix.storage.checkpoints import Checkpoints
from bpmatrix.training import slices

__all__ = ["PHASES", "kill", "kills"]

PHASES = (
    "before the run", "within an epoch", "between epochs", "in a write, before the rename",
    "in a write, after the rename",
)  # fmt: skip
BEFORE, WITHIN, BETWEEN, WRITING, RENAMED = range(len(PHASES))

RNG = np.random.default_rng(5)
X = RNG.standard_normal((6, 600))
LABELS = (X[0] > 0).astype(int) + (X[1] > 0)
WEIGHTS = RNG.uniform(0.5, 2.0, 600)
SETTINGS: tuple[dict[str, Any], ...] = (
    {"optimizer": SGD(0.5), "validation": (X, LABELS)},
    {"optimizer": Adam(), "dropout": [0.1, 0.3], "sample_weight": WEIGHTS, "restore_best": True,
     "validation_split": 0.2},
    {"optimizer": RMSprop(), "dtype": "float32", "schedule": schedules.Cosine(40)},
    {"optimizer": SGD(0.3, momentum=0.9, nesterov=True), "shuffle": False, "l1": 1e-4},
    {"optimizer": AdamW(), "schedule": schedules.ReduceOnPlateau(patience=1, least_change=0.05),
     "dtype": "float32", "validation_split": 0.3},
    {"optimizer": Adam(0.1), "early_stopping": EarlyStopping(patience=3), "validation_split": 0.2,
     "clip_norm": 1.0},
)  # fmt: skip
EPOCHS = 40
MINI_BATCH_SIZE = 20
SECONDS_PER_SLICE = 5e-4  # a few mini-batches of the many in an epoch
BETWEEN_WRITES = 0.01
LONGEST_LIFE = 0.15


def _train(settings: dict[str, Any], folder: Path | None) -> tuple[Network, History]:
    how = {"epochs": EPOCHS, "mini_batch_size": MINI_BATCH_SIZE, "n_threads": 1} | settings
    net = Network([6, 20, 3], seed=4, dtype=how.pop("dtype", "float64"))
    return net, net.train(X, LABELS, **how, checkpoint=folder, checkpoint_seconds=BETWEEN_WRITES)


def _bits(net: Network, history: History, file: Path) -> tuple[object, ...]:
    """Return all results of a run except the durations of its epochs."""
    columns = {name: column for name, column in history.to_dict().items() if name != "seconds"}
    net.save(file)  # weights, optimizer, generator and records
    return file.read_bytes(), columns, history.best_epoch, history.stopped_by


def _said_in(phase: mmap.mmap) -> None:
    """Make a child report its phase in shared memory, which outlives it."""

    def around(owner: Any, name: str, first: int, last: int | None) -> None:
        call = getattr(owner, name)

        def said(*arguments: Any, **keywords: Any) -> Any:
            before, phase[0] = phase[0], first
            result = call(*arguments, **keywords)
            phase[0] = before if last is None else last
            return result

        setattr(owner, name, said)

    around(slices.SliceRunner, "run_epochs", WITHIN, BETWEEN)
    around(Checkpoints, "_write", WRITING, None)
    rename = Path.replace

    def renamed(self: Path, target: Any) -> Path:
        result = rename(self, target)
        phase[0] = RENAMED
        return result

    Path.replace = renamed  # type: ignore[method-assign]


def _child(task: Callable[[], object], phase: mmap.mmap) -> int:
    """Fork a process that does a task: a fork need not import or compile anything."""
    child = os.fork()
    if child:
        return child
    try:
        _said_in(phase)
        task()
        os._exit(0)
    except BaseException:  # noqa: BLE001 - the child must not return to the caller's code
        os._exit(1)


@contextmanager
def _short_slices() -> Iterator[None]:
    before, slices.SECONDS_PER_SLICE = slices.SECONDS_PER_SLICE, SECONDS_PER_SLICE
    try:
        yield
    finally:
        slices.SECONDS_PER_SLICE = before


def _wait_for(wanted: int, phase: mmap.mmap) -> None:
    """Wait for a phase, up to a limit; otherwise most kills would hit the longest phase."""
    end = time.perf_counter() + LONGEST_LIFE
    while phase[0] != wanted and time.perf_counter() < end:
        time.sleep(0.0)


def kill(times: int, seed: int = 0) -> Counter[str]:
    """Kill runs a number of times; return the number of kills in each phase.

    Each run is resumed after each kill until it has finished, and is then compared with an
    uninterrupted one.

    Raises
    ------
    AssertionError
        If any bit differs, or if a process fails.
    """
    chance, phase = random.Random(seed), mmap.mmap(-1, 1)
    warm_up(("float64", "float32"))
    found: Counter[str] = Counter()
    number = 0
    with _short_slices(), tempfile.TemporaryDirectory() as temporary:
        while found.total() < times:
            settings = SETTINGS[number % len(SETTINGS)]
            folder = Path(temporary, str(number))
            number += 1
            while found.total() < times:
                phase[0] = BEFORE
                child = _child(lambda: _train(settings, folder), phase)  # noqa: B023 - run at once
                time.sleep(chance.uniform(0.0, LONGEST_LIFE))
                _wait_for(chance.choice((WITHIN, BETWEEN, WRITING, RENAMED)), phase)
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
                _, status = os.waitpid(child, 0)
                if os.WIFEXITED(status):
                    if os.WEXITSTATUS(status):
                        raise AssertionError(f"a resumed run failed: {settings}")
                    break
                found[PHASES[phase[0]]] += 1
            ours, whole = (
                _bits(*_train(settings, where), Path(temporary, "net")) for where in (folder, None)
            )
            if ours != whole:
                raise AssertionError(f"the bits differ: {settings}")
    return found


@click.command()
@click.option("--times", type=click.IntRange(min=1), default=200, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def kills(times: int, seed: int) -> None:
    """Kill runs (kill -9) at random moments and check that they resume to the same bits."""
    if not hasattr(os, "fork"):
        raise click.ClickException("this system cannot fork")
    found = kill(times, seed)
    click.echo(f"{times} kills; each run produced the same bits as an uninterrupted one")
    for name in PHASES:
        click.echo(f"{found[name]:6}  {name}")
