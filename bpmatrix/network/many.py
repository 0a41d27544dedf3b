"""`train_many`: many networks, each trained by one thread, as many at once as there are threads."""

from __future__ import annotations

import copy
import hashlib
import inspect
import json
import os
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import ArrayLike

from bpmatrix.checks import whole_number
from bpmatrix.engine.compilation import load_program
from bpmatrix.engine.processors import available_processors
from bpmatrix.errors import ArgumentError, BpmatrixError, DataFileError
from bpmatrix.history import History
from bpmatrix.network import blocks
from bpmatrix.network.network import Network
from bpmatrix.samples.blocks import Data
from bpmatrix.training.arguments import checked_training_arguments
from bpmatrix.training.checkpoint import (
    description_as_text,
    digest_of,
    digests_of_samples,
    settings_as_text,
)
from bpmatrix.training.endings import WORKER
from bpmatrix.training.optimizers import FullBatch
from bpmatrix.training.record import recorded

# What each network may not have for itself, and why.
NOT_HERE = {
    "n_threads": "each network is trained by one thread: pass n_threads to train_many",
    "checkpoint": "results= records which networks are done, so that a second call skips them",
    "checkpoint_seconds": "results= records which networks are done",
    "comm": "networks that train at once share nothing",
}
SECONDS_BETWEEN_LOOKS = 0.05


class Outcome(NamedTuple):
    """What became of a network of `train_many`.

    Attributes
    ----------
    network : Network
        The network. It is untrained if its line was found in the file of results, and as it was at
        the end of its last slice if it was called off.
    history : History or None
        What `Network.train` returned; None if it raised an error, or has not been called.
    error : BpmatrixError or None
        What `Network.train` raised.
    line : dict or None
        The line of the file of results: ``"place"``, ``"epochs"``, ``"cost"``, ``"stopped_by"``,
        ``"seconds"``, and others where they apply. None if the network is not done.
    """

    network: Network
    history: History | None = None
    error: BpmatrixError | None = None
    line: dict[str, Any] | None = None


class Job(NamedTuple):
    """A network, the arguments of its `train`, and a digest of both and the data."""

    network: Network
    arguments: dict[str, Any]
    key: str
    is_full_batch: bool


def train_many(
    networks: Network | Sequence[Network],
    X: Data | None = None,
    targets: ArrayLike | None = None,
    *,
    settings: Sequence[Mapping[str, Any]] | None = None,
    results: str | os.PathLike[str] | None = None,
    n_threads: int | str = "auto",
    progress: Callable[[int, int], object] | None = None,
    **arguments: Any,
) -> list[Outcome]:
    """Train many networks, each by one thread; the bits are those of `Network.train`.

    A thread takes the next network when it is done with one. It stays in compiled code for several
    epochs unless something looks at each of them: validation data, callbacks, `restore_best`, a
    schedule, `record_every` or `max_seconds`. Data are shared, not copied.

    Parameters
    ----------
    networks : sequence of Network, or Network
        Networks, which are trained in place; or one network, of which a copy is trained with each
        of the `settings`.
    X, targets : as for `Network.train`, optional
        The data of all networks that have none in their settings.
    settings : sequence of dict, optional
        Arguments of `Network.train` for each network, such as ``{"weight_decay": 1e-4}``; also
        ``X`` and ``targets``, for one network per group of a table.
    results : path, optional
        A file to which one line of JSON is added for each network that is done, with its error if
        it had one. A network whose line is in the file already, with the same weights, settings and
        data, is skipped: start an interrupted call again, and it goes on.
    n_threads : int or "auto"
        How many networks are trained at once; "auto" means the available processors.
    progress : callable, optional
        Called with the number of networks that are done and that of all, in the main thread;
        `progress.counter()` draws both with a rate and the time that is left.
    **arguments
        Arguments of `Network.train` for all networks, such as ``epochs=100``.

    Returns
    -------
    list of Outcome
        In the order of the networks. A network that diverged has an error, and the others go on.
        After Ctrl-C, networks without `history` and `error` have not been trained.

    Raises
    ------
    ArgumentError, ShapeError, ArrayTypeError, DataError
        For wrong arguments of any network, before one of them has changed.
    DataFileError
        If `results` is a file of something else.

    Examples
    --------
    >>> from bpmatrix import SGD, Network, train_many
    >>> X, y = [[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]], [0.0, 1.0, 1.0, 0.0]
    >>> nets = [Network([2, 4, 1], seed=seed) for seed in range(3)]
    >>> outcomes = train_many(nets, X, y, epochs=50, optimizer=SGD(learning_rate=2.0))
    >>> [outcome.network.epochs for outcome in outcomes]
    [50, 50, 50]

    >>> grid = [{"weight_decay": decay} for decay in (0.0, 1e-3)]
    >>> [outcome.history.stopped_by for outcome in train_many(nets[0], X, y, settings=grid)]
    ['epochs', 'epochs']
    """
    threads = _checked_threads(n_threads)
    jobs = _checked_jobs(networks, settings, {"X": X, "targets": targets} | arguments)
    path = None if results is None else Path(results)
    found = {} if path is None else _read(path)
    outcomes = [Outcome(job.network, line=found.get(job.key)) for job in jobs]
    waiting = [place for place, job in enumerate(jobs) if job.key not in found]
    for dtype in {job.network.description.dtype for job in jobs if not job.is_full_batch}:
        load_program("train_slice", dtype)  # compiled once, before the threads begin
    pool = _Pool(jobs, waiting, outcomes, path)
    pool.run(min(threads, len(waiting)), progress)
    return outcomes


class _Pool:
    """Threads that take one network after the other.

    Parameters
    ----------
    jobs, waiting : list of Job, list of int
        The jobs, and the places of those to do.
    outcomes : list of Outcome
        Where to put the outcomes.
    path : Path or None
        The file of results.
    """

    def __init__(
        self, jobs: list[Job], waiting: list[int], outcomes: list[Outcome], path: Path | None
    ) -> None:
        self._jobs, self._outcomes, self._path = jobs, outcomes, path
        self._waiting = iter(waiting)
        self._done, self._all = len(jobs) - len(waiting), len(jobs)
        self._lock = threading.Lock()
        self._is_called_off = False
        self._failure: BaseException | None = None

    def run(self, threads: int, progress: Callable[[int, int], object] | None) -> None:
        """Train all networks that wait; a failure in a thread, or Ctrl-C, ends all threads."""
        workers = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        is_interrupted = False
        try:
            before = self._done
            if progress is not None:
                progress(before, self._all)
            for worker in workers:
                worker.start()
            self._watch(workers, progress, before)
        except KeyboardInterrupt:
            is_interrupted = True
        finally:
            self._is_called_off = True
            for worker in workers:
                if worker.ident is not None:
                    worker.join()
        if self._failure is not None:
            raise self._failure
        if is_interrupted:
            warnings.warn(
                f"training was interrupted after {self._done} of {self._all} networks",
                RuntimeWarning,
                stacklevel=3,
            )

    def _watch(
        self,
        workers: list[threading.Thread],
        progress: Callable[[int, int], object] | None,
        shown: int,
    ) -> None:
        while any(worker.is_alive() for worker in workers) or shown != self._done:
            done = self._done  # a thread may change it at any time
            if progress is not None and shown != done:
                progress(done, self._all)
            shown = done
            alive = next((worker for worker in workers if worker.is_alive()), None)
            if alive is not None:
                alive.join(SECONDS_BETWEEN_LOOKS)

    def _work(self) -> None:
        WORKER.is_called_off = lambda: self._is_called_off
        try:
            while not self._is_called_off:
                with self._lock:
                    place = next(self._waiting, None)
                if place is None:
                    return
                self._train(place)
        except BaseException as error:  # noqa: BLE001 - raised again by the main thread
            self._failure, self._is_called_off = error, True

    def _train(self, place: int) -> None:
        """Train a network and record what became of it."""
        job, start = self._jobs[place], time.perf_counter()
        history, error = None, None
        try:
            history = job.network.train(**job.arguments, n_threads=1)
        except BpmatrixError as caught:
            error = caught
        if history is not None and history.stopped_by == "interrupt":
            self._outcomes[place] = Outcome(job.network, history)
            return
        line = _line(place, job, history, error, time.perf_counter() - start)
        with self._lock:
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
            self._outcomes[place] = Outcome(job.network, history, error, line)
            self._done += 1


def _line(
    place: int, job: Job, history: History | None, error: BpmatrixError | None, seconds: float
) -> dict[str, Any]:
    """Return the line of a network for the file of results."""
    line: dict[str, Any] = {"key": job.key, "place": place, "seconds": round(seconds, 6)}
    if error is not None:
        return line | {"error": f"{type(error).__name__}: {error}"}
    assert history is not None  # noqa: S101 - one of the two
    line |= {"epochs": job.network.epochs, "stopped_by": history.stopped_by}
    if not history.epochs:
        return line
    best = history.best_epoch
    last = history.epochs[-1]
    names = ("cost", "accuracy", "validation_cost", "validation_accuracy")
    figures = {name: getattr(last, name) for name in names}
    return line | {"best_epoch": best} | {k: v for k, v in figures.items() if v is not None}


def _checked_threads(n_threads: int | str) -> int:
    if n_threads == "auto":
        return available_processors()
    return whole_number(n_threads, "n_threads", least=1)


def _checked_jobs(
    networks: Network | Sequence[Network],
    settings: Sequence[Mapping[str, Any]] | None,
    shared: dict[str, Any],
) -> list[Job]:
    """Pair networks with their arguments, and check all of them before one is trained."""
    own = None if settings is None else [dict(one) for one in settings]
    if isinstance(networks, Network):
        if own is None:
            raise ArgumentError(
                "one network needs settings to be trained with",
                cure='Pass settings=[{"weight_decay": 0.0}, ...], or a list of networks.',
            )
        nets = [copy.deepcopy(networks) for _ in own]
    else:
        nets = list(networks)
    if own is not None and len(own) != len(nets):
        raise ArgumentError(
            "settings must have one entry for each network", got=len(own), expected=len(nets)
        )
    if len({id(net) for net in nets}) < len(nets):
        raise ArgumentError(
            "a network stands in the list more than once",
            cure="Pass copies made with copy.deepcopy, or one network and settings.",
        )
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(Network.train).parameters.items()
        if name != "self"
    }
    data: dict[tuple[int, ...], dict[str, str]] = {}
    return [
        _checked_job(net, shared | extra, defaults, data)
        for net, extra in zip(nets, own or [{}] * len(nets), strict=True)
    ]


def _checked_job(
    net: Network,
    arguments: dict[str, Any],
    defaults: dict[str, Any],
    data: dict[tuple[int, ...], dict[str, str]],
) -> Job:
    """Check the arguments of one network as `Network.train` would; `data` holds known digests."""
    for name in arguments:
        if name in NOT_HERE:
            raise ArgumentError(f"{name} is not an argument of each network", cure=NOT_HERE[name])
        if name == "seed":
            raise ArgumentError(
                "the seed belongs to the network, whose initial weights it determines",
                cure="Pass [Network(sizes, seed=seed) for seed in seeds] as networks.",
            )
        if name not in defaults:
            raise ArgumentError(
                f"Network.train has no argument {name}",
                expected=", ".join(name for name in defaults if name not in NOT_HERE),
            )
    given = defaults | arguments
    own = {name: given.pop(name) for name in DATA}
    for name in set(NOT_HERE) - {"n_threads"}:
        given.pop(name)
    samples, validation = blocks.training_and_validation(net.description, net.seed, **own)
    previous = net._training.optimizer  # noqa: SLF001 - as in Network.train
    checked = checked_training_arguments(
        net.description, n=samples.n, recorded=recorded(samples, validation),
        **given | {"optimizer": given["optimizer"] or previous, "n_threads": 1},
    )  # fmt: skip
    which = tuple(id(value) for value in own.values())
    if which not in data:
        data[which] = digests_of_samples(samples, "")
        if validation is not None:
            data[which] |= digests_of_samples(validation, "validation ")
    identity = {
        **description_as_text(net.description), **settings_as_text(checked), **data[which],
        "seed": str(net.seed), "weights": digest_of(net.parameters),
        "end": repr((checked.epochs, checked.max_seconds)),
    }  # fmt: skip
    text = json.dumps(identity, sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:32]
    return Job(net, arguments, key, isinstance(checked.recipe.optimizer, FullBatch))


# The arguments of `blocks.training_and_validation`.
DATA = ("X", "targets", "sample_weight", "class_weight", "validation", "validation_split")


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """Return the lines of a file of results by key; a last line that was cut off is ignored."""
    found: dict[str, dict[str, Any]] = {}
    if not path.exists():
        path.touch()
        return found
    with path.open("r+", encoding="utf-8", errors="replace") as file:
        text = file.read()
        if text and not text.endswith("\n"):  # a call was killed while it wrote
            text = text[: text.rfind("\n") + 1]
            file.seek(len(text.encode()))
            file.truncate()
    for number, row in enumerate(text.splitlines(), start=1):
        try:
            line = json.loads(row)
            found[line["key"]] = line
        except (ValueError, TypeError, KeyError):
            raise DataFileError(
                f"{path} is not a file of results",
                got=f"{row[:60]!r} in line {number}",
                expected="lines of JSON that train_many wrote",
                cure="Name a new file.",
            ) from None
    return found
