"""Simulated versions of the package, without processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.gate.cases import CASES
from bpmatrix.bench.workers import WorkerError


class FakeVersion:
    """A version whose first case takes `seconds`, with noise by quad and by process.

    It appends its workers to a list that versions may share.
    """

    def __init__(self, name, seconds, started, *, lacks=(), compiles=0, noise=0.0, by_process=()):
        self.name, self.seconds, self.started = name, seconds, started
        self.folder = Path(name)
        self.lacks, self.compiles, self.noise = lacks, compiles, noise
        self.by_process = list(by_process)
        self.error, self.returns = WorkerError, None

    def start(self):
        self.started.append(self.name)
        factor = self.by_process.pop(0) if self.by_process else 1.0
        return FakeWorker(self, factor, len(self.started))


class FakeWorker:
    def __init__(self, version, factor, seed):
        self.version, self.factor = version, factor
        self.rng, self.prepared = np.random.default_rng(seed), {}

    def call(self, method, *arguments):
        if method == "prepare":
            label, case = arguments
            if case.name in self.version.lacks:
                raise self.version.error(f"{self.version.name}: has no such method")
            self.prepared[label] = case.steps / CASES[0].steps
            return self.version.returns
        assert method == "compilations_inside"
        return self.version.compiles

    def arm(self, method, label):
        assert method == "run"
        return lambda calls: calls * self._seconds_of(label)

    def _seconds_of(self, label):
        noise = np.exp(self.version.noise * self.rng.standard_normal())
        return self.prepared[label] * self.version.seconds * self.factor * noise

    def close(self):
        self.version.started.append(f"{self.version.name} ended")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()
