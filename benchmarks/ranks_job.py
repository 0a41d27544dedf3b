"""A rank of ``python -m benchmarks ranks``: ``python -m benchmarks.ranks_job M THREADS STEPS``."""

import json
import sys
import time

import numpy as np
from mpi4py import MPI

from bpmatrix import SGD, Network
from bpmatrix.training.checkpoint import digest_of

SIZES = [784, 512, 512, 10]
COMM = MPI.COMM_WORLD


def seconds_of(numbers: int, repeats: int) -> float:
    """Return the least seconds of an exchange of so many numbers, as in a step."""
    size, best = COMM.Get_size(), float("inf")
    rows, total = np.ones(numbers // size * size, np.float32), np.empty(numbers, np.float32)
    for _ in range(repeats):
        COMM.Barrier()
        start = time.perf_counter()
        received = np.empty_like(rows)
        COMM.Alltoall(rows, received)
        COMM.Allgather(received[: rows.size // size].copy(), total[: rows.size])
        best = min(best, time.perf_counter() - start)
    return best


def main(m: int, threads: int, steps: int) -> None:
    """Print the seconds of a step, a digest of the weights, and the seconds of exchanges."""
    rng = np.random.default_rng(0)
    X = rng.random((SIZES[0], 2 * m), np.float32)
    labels = rng.integers(0, 10, 2 * m)
    net = Network(SIZES, seed=1, dtype="float32")
    how = {"mini_batch_size": m, "optimizer": SGD(0.01), "n_threads": threads, "groups": 16}
    if COMM.Get_size() > 1:
        how["comm"] = COMM
    history = net.train(X, labels, epochs=1 + steps // 2, **how)
    step = min(history.seconds[1:]) / 2
    found = [step, digest_of(net.parameters), seconds_of(1000, 200)]
    found.append(seconds_of(net.parameters.size, 10))
    if COMM.Get_rank() == 0:
        sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
