"""The errors of `engine`: threads, processors, and the gradient with respect to the inputs."""

from __future__ import annotations

import _thread
import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import numpy as np
from cures.table import Row

from bpmatrix import LBFGS, SGD, Adam, Network
from bpmatrix.engine.ranks import Exchange, Ranks

X, LABELS = np.eye(2), [0, 2]


def trained(net: Network | None = None, **keywords: object) -> None:
    (net or Network([2, 3], seed=1)).train(X, LABELS, **({"epochs": 1} | keywords))


def predicted_after_training(learning_rate: float) -> None:
    """One step leaves weights as large as the learning rate."""
    net = Network([2, 4, 3], activation="relu", cost="log_likelihood", seed=1)
    net.train(X, LABELS, epochs=1, optimizer=SGD(learning_rate))
    net.predict(100 * X)


def trained_in_two_threads(other: str) -> None:
    """While one thread trains a network, another one does, or trains a copy, or waits for it."""
    net, seen = Network([2, 3], seed=1), []

    def at_an_epoch(_: object) -> None:
        with ThreadPoolExecutor() as pool:
            asked = net if other == "the same" else copy.deepcopy(net)
            seen.append(pool.submit(trained, asked).exception())

    trained(net, callbacks=[] if other == "later" else [at_an_epoch])
    if other == "later":
        with ThreadPoolExecutor() as pool:
            seen.append(pool.submit(trained, net).exception())
    if seen[0] is not None:
        raise seen[0]


def trained_with_processors(said: str) -> None:
    with patch.dict("os.environ", BPMATRIX_NUM_THREADS=said):
        Network([200, 200, 200], seed=1).train(
            np.ones((200, 64)), np.ones((200, 64)), epochs=1, mini_batch_size=64
        )


def without_a_further_thread(n_threads: int) -> None:
    with patch.object(_thread, "start_new_thread", side_effect=RuntimeError("no memory")):
        trained(n_threads=n_threads, mini_batch_size=2)


def predicted_without_a_further_thread() -> None:
    net = Network([200, 200, 200], seed=1)
    no_thread = patch.object(_thread, "start_new_thread", side_effect=RuntimeError("no memory"))
    with no_thread, patch.dict("os.environ", BPMATRIX_NUM_THREADS="1"):
        net.feedforward(np.ones((200, 250)))


def of_output(**keywords: object) -> np.ndarray:
    return Network([2, 3], seed=1).input_gradient(X, **keywords)


class OneRank:
    """A communicator of a single process, or what pretends to be two."""

    def __init__(self, size: int = 1) -> None:
        self.size = size

    def Get_rank(self) -> int:
        return 0

    def Get_size(self) -> int:
        return self.size

    def Allgather(self, mine: np.ndarray, everyone: np.ndarray) -> None:
        everyone[...] = mine

    def _nothing(self, *_: object) -> None:
        pass

    Allgatherv = Alltoallv = Bcast = Abort = _nothing


def _first_epochs(value: object, _: int = 0) -> object:
    return {"epochs": 1} if isinstance(value, dict) else value


def _different(epochs: int) -> None:
    ranks = Ranks(OneRank())
    with patch.object(ranks, "share", _first_epochs):
        ranks.check_same({"epochs": epochs})


def on_ranks(comm: object, **keywords: Any) -> None:
    net = Network([2, 3], seed=1)
    net.train(np.ones((2, 4)), [0, 1, 2, 0], epochs=1, comm=comm, **keywords)


ROWS = [
    Row(
        "engine/ranks.py: Ranks.__init__",
        "comm must be a communicator of mpi4py",
        lambda _: on_ranks("COMM_WORLD"),
        "Pass comm=MPI.COMM_WORLD",
        lambda _: on_ranks(OneRank()),
    ),
    Row(
        "training/arguments.py: _check_full_batch",
        "{} takes all samples in each step, so it has no {}",
        lambda _: on_ranks(OneRank(), optimizer=LBFGS()),
        "Leave out comm, or train with mini-batches, such as optimizer=Adam().",
        lambda _: (on_ranks(None, optimizer=LBFGS()), on_ranks(OneRank(), optimizer=Adam())),
    ),
    Row(
        "engine/ranks.py: Exchange.__init__",
        "there are more ranks than groups of columns",
        lambda _: Exchange(Ranks(OneRank(2)), 1, np.zeros(3)),
        "Start fewer processes, or pass groups= a larger power of two.",
        lambda _: Exchange(Ranks(OneRank(2)), 2, np.zeros(3)),
    ),
    Row(
        "engine/ranks.py: Ranks.check_same",
        "the ranks have different values of {}",
        lambda _: _different(2),
        "Make the same call on every rank",
        lambda _: _different(1),
    ),
    Row(
        "engine/input_gradient.py: checked_output",
        "there is no such output",
        lambda _: of_output(output=3),
        "expected 0 to 2, since the network has 3",
        lambda _: (of_output(output=0), of_output(output=2)),
    ),
    Row(
        "engine/prediction.py: check_results",
        "{} is NaN: weights or inputs are so large that sums overflow, or a weight is NaN",
        lambda _: predicted_after_training(1e308),
        "Scale the inputs to about -1 to 1; if training has made the weights large, train a new"
        " network with a lower learning rate.",
        lambda _: predicted_after_training(0.5),
    ),
    Row(
        "engine/processors.py: choose_threads",
        "n_threads is not valid",
        lambda _: trained(n_threads="all"),
        'expected "auto" or 1, 2, ..., 256',
        lambda _: (trained(n_threads="auto"), trained(n_threads=2)),
    ),
    Row(
        "engine/processors.py: running",
        "the {} is being trained by another thread",
        lambda _: trained_in_two_threads("the same"),
        "Wait until it has finished, or train a copy.deepcopy of the network.",
        lambda _: (trained_in_two_threads("later"), trained_in_two_threads("a copy")),
    ),
    Row(
        "engine/processors.py: available_processors",
        "the environment variable BPMATRIX_NUM_THREADS is not valid",
        lambda _: trained_with_processors("two"),
        "expected 1, 2, ...",
        lambda _: (trained_with_processors("1"), trained_with_processors("2")),
    ),
    Row(
        "engine/threads.py: _not_started",
        "a thread could not be started",
        lambda _: without_a_further_thread(2),
        "pass n_threads=1 to a training, or set the environment variable BPMATRIX_NUM_THREADS=1 for"
        " everything else.",
        lambda _: (without_a_further_thread(1), predicted_without_a_further_thread()),
    ),
]
