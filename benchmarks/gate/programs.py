"""The cases in a worker of the gate, which uses the public interface of its version.

This file imports nothing of bpmatrix at its top: if an old version lacks something, only the cases
that need it cannot be measured.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numba.core import event

from benchmarks.gate.cases import GateCase

LEARNING_RATE = 0.01  # small, so that no numbers arise that slow down the processor


class Programs:
    """Prepared cases by name, and the number of compilations in timed calls."""

    def __init__(self) -> None:
        self._ready: dict[str, Callable[[], object]] = {}
        self._compilations = event.RecordingListener()  # machine code from disk does not count
        event.register("numba:compile", self._compilations)
        self._inside = 0

    def package(self) -> str:
        """Return the folder of the measured version."""
        return str(Path(import_module("bpmatrix").__file__ or "").parent.parent)

    def prepare(self, label: str, case: GateCase) -> None:
        """Make a case and call it twice, so that everything is loaded and compiled."""
        made = program(case)
        made()
        made()
        self._ready[label] = made

    def run(self, label: str, calls: int) -> None:
        """Call a case this many times; this is timed."""
        call, before = self._ready[label], len(self._compilations.buffer)
        for _ in range(calls):
            call()
        self._inside += (len(self._compilations.buffer) - before) // 2  # a start and an end each

    def compilations_inside(self) -> int:
        """Return the number of compilations in `run`."""
        return self._inside


def program(case: GateCase) -> Callable[[], object]:
    """Return a function without arguments that runs a case once."""
    bpmatrix = import_module("bpmatrix")
    net, X, targets = network_and_samples(case)
    if case.work == "train":
        optimizer = bpmatrix.SGD(learning_rate=LEARNING_RATE)
        return lambda: net.train(
            X, targets, epochs=1, mini_batch_size=case.columns, optimizer=optimizer,
            n_threads=case.threads,
        )  # fmt: skip
    if case.work == "gradient":
        return lambda: net.gradient(X, targets)
    inputs = X.T.astype(case.dtype).T
    return lambda: net.feedforward(inputs)


def network_and_samples(case: GateCase) -> tuple[Any, Any, Any]:
    """Return the network, bytes and targets of a case, equal in every version and process."""
    rng, n = np.random.default_rng(0), case.steps * case.columns
    X = rng.integers(256, size=(n, case.sizes[0]), dtype=np.uint8).T
    n_out = case.sizes[-1]
    targets = rng.integers(n_out, size=n) if n_out > 1 else rng.uniform(0.2, 0.8, size=n)
    net = import_module("bpmatrix").Network(
        list(case.sizes), activation=case.activation, cost="quadratic", input_scale=1 / 255,
        dtype=case.dtype, seed=1,
    )  # fmt: skip
    return net, X, targets
