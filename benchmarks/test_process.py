"""What a process pays: the import, a start without compiled code, memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import load_samples
from benchmarks.memory import peaks
from benchmarks.startup import IMPORT_BOTH, IMPORT_NUMPY, TRAIN, seconds_of


def test_import(benchmark: Any) -> None:
    benchmark.group = "import"
    seconds_of(IMPORT_BOTH)
    benchmark.pedantic(seconds_of, args=(IMPORT_BOTH,), rounds=5)


def test_import_of_numpy_alone(benchmark: Any) -> None:
    benchmark.group = "import"
    benchmark.pedantic(seconds_of, args=(IMPORT_NUMPY,), rounds=5)


def test_cold_start(benchmark: Any, tmp_path: Path) -> None:
    """A first training on a machine: its compilation is what is measured, in another process."""
    benchmark.group = "training on the digits in a new process"
    benchmark.pedantic(seconds_of, args=(TRAIN, str(tmp_path)), rounds=1)


def test_warm_start(benchmark: Any) -> None:
    benchmark.group = "training on the digits in a new process"
    seconds_of(TRAIN)
    benchmark.pedantic(seconds_of, args=(TRAIN,), rounds=5)


def test_memory(benchmark: Any, tmp_path: Path) -> None:
    """The time is that of the process; the megabytes are in ``extra_info``."""
    benchmark.group = "memory that training on MNIST adds"
    samples = load_samples("mnist")
    X, labels = tmp_path / "X.npy", tmp_path / "labels.npy"
    np.save(X, samples.X.T)
    np.save(labels, samples.targets)
    before, after = benchmark.pedantic(peaks, args=(X, labels, "loaded"), rounds=1)
    benchmark.extra_info["megabytes"] = (after - before) / 1e6
