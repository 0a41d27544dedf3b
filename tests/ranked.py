"""A program for one rank under `mpiexec`: it trains, and writes digests to a file.

``python tests/ranked.py CASE ARGUMENT OUTPUT``; `tests/engine/test_ranks.py` starts it.
"""

import os
import re
import signal
import sys
from pathlib import Path

import numpy as np
from mpi4py import MPI
from scipy.sparse import csr_array

from bpmatrix import SGD, Adam, Blocks, EarlyStopping, Network
from bpmatrix.training.checkpoint import digest_of

COMM = MPI.COMM_WORLD
RANK = COMM.Get_rank()
RNG = np.random.default_rng(0)
X, LABELS = RNG.standard_normal((20, 300)), RNG.integers(0, 3, 300)
LAST = COMM.Get_size() - 1

WAYS = [
    {"optimizer": SGD(0.2, momentum=0.9), "clip_norm": 0.3, "mini_batch_size": 37},
    {"optimizer": Adam(0.01), "dropout": 0.25, "n_threads": 2, "mini_batch_size": 130},
    {"l1": 0.01, "mini_batch_size": 3, "validation_split": 0.2, "restore_best": True},
    {
        "validation_split": 0.2, "early_stopping": EarlyStopping(patience=1),
        "class_weight": "balanced",
    },
    {
        "callbacks": [lambda info: info.epoch == 2], "groups": 4,
        "sample_weight": np.arange(1.0, 301.0),
    },
]  # fmt: skip


def say(*words):
    """Write a line to the file of this rank: `mpiexec` mixes what they print."""
    with (Path(sys.argv[3]) / f"{RANK}.txt").open("a") as file:
        file.write(" ".join(words) + "\n")


def network(dtype="float64", seed=1):
    return Network([20, 30, 3], seed=seed, dtype=dtype)


def bits(_):
    for dtype in ("float64", "float32"):
        for how in WAYS:
            net = network(dtype)
            history = net.train(X, LABELS, comm=COMM, **({"epochs": 4} | how))
            figures = np.array(history.cost + history.validation_cost)
            say(digest_of(net.parameters), digest_of(figures), history.stopped_by)


def blocks(_):
    """Data that are read in windows."""
    net = network()
    data = Blocks(X.T.copy(), LABELS, block_size=40, window=3)
    net.train(data, epochs=3, mini_batch_size=30, comm=COMM)
    say(digest_of(net.parameters))


def page(path):
    """Its programs; the one of separate parts, against one process with all samples."""
    programs = re.findall(r"```python\n(.*?)```", Path(path).read_text("utf-8"), re.DOTALL)
    cut = [(X[:, :100], LABELS[:100]), (X[:, 100:], LABELS[100:])]
    found = {"part_of": cut.__getitem__}
    for program in programs:
        exec(program, found)
    net = network()
    for _ in range(100):
        net.parameters[:] -= 0.5 * net.gradient(X, LABELS).flat
    np.testing.assert_allclose(found["net"].parameters, net.parameters, rtol=0, atol=1e-12)
    say("equal")


def resumed(folder, epochs=60, callbacks=()):
    net = network()
    net.train(
        X, LABELS, epochs=epochs, comm=COMM, checkpoint=folder, checkpoint_seconds=0.02,
        callbacks=callbacks,
    )  # fmt: skip
    say(digest_of(net.parameters))


def killed(folder):
    def die(info):
        if info.epoch == 20:
            os.kill(os.getpid(), signal.SIGKILL)

    resumed(folder, callbacks=[die])


def interrupted(_):
    """A signal within a run, on the last rank alone; the schedule is asked on all."""

    def press(epoch):
        if epoch == 20 and LAST == RANK:
            signal.raise_signal(signal.SIGINT)
        return 1.0

    history = network().train(X, LABELS, epochs=10**7, comm=COMM, schedule=press)
    say(history.stopped_by)


READ = []  # how often the blocks were


def parts(*, fails):
    """Blocks, of which some cannot be read in a later epoch."""
    READ.append(True)
    for i in range(0, 300, 50):
        if fails and len(READ) == 4 and i == 200:
            raise OSError("the disk is gone")
        yield X[:, i : i + 50].T.copy(), LABELS[i : i + 50]


def failing(how):
    """Something that is wrong on the last rank alone."""
    wrong, net, inputs, last = {"epochs": 1}, network(), X.copy(), LAST == RANK
    if how == "argument" and last:
        wrong["clip_norm"] = -1.0
    elif how == "settings" and last:
        wrong["weight_decay"] = 0.1
    elif how == "weights" and last:
        net = network(seed=2)
    elif how == "nan" and last:
        inputs[3, 7] = np.nan
    elif how == "diverging":
        net = Network([20, 30, 3], activation="relu", cost="quadratic", seed=1)
        wrong, inputs = {"epochs": 30}, 1e3 * X
    elif how == "callback":  # is called by rank 0 alone
        wrong["callbacks"] = [lambda _: {}["missing"]]
    elif how == "groups":
        wrong["groups"] = 1
    elif how == "sparse":
        inputs = csr_array(X)
    if how == "blocks":
        net.train(Blocks(lambda: parts(fails=last), window=2), epochs=9, comm=COMM)
    net.train(inputs, LABELS, comm=COMM, **wrong)


def errors(names):
    for how in names.split(","):
        try:
            failing(how)
        except Exception as error:  # noqa: BLE001 - any that all ranks raise
            say(f"{how} {type(error).__name__}: {error}")


CASES = {case.__name__: case for case in (bits, blocks, page, resumed, killed, interrupted, errors)}
if __name__ == "__main__":
    CASES[sys.argv[1]](sys.argv[2])
