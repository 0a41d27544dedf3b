"""How much the matrix gains over the loop, by mini-batch size: training of 784-30-10."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.cases import DTYPES, Case
from bpmatrix.bench.contenders import ROSTER
from bpmatrix.bench.samples import Samples
from bpmatrix.bench.task import Task

BATCHES = (1, 10, 32, 100, 1000)
WIDTH = 30
CONTENDERS = [("loop", "float64"), ("numpy", "float64"), *(("bpmatrix", dtype) for dtype in DTYPES)]


def task_of(batch: int, dtype: str) -> Task:
    rng, n = np.random.default_rng(0), max(1000, 2 * batch)
    X = rng.integers(256, size=(n, 784), dtype=np.uint8).T
    labels = rng.integers(10, size=n)
    samples = Samples(X, 1 / 255, labels, "random bytes")
    return Case((784, WIDTH, 10), "sigmoid", batch, "mnist", 3.0, 100).task(dtype, samples)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize(("contender", "dtype"), CONTENDERS)
def test_step(benchmark: Any, batch: int, contender: str, dtype: str) -> None:
    benchmark.group = f"a step of 784-{WIDTH}-10 with {batch} samples"
    trainer = ROSTER[contender].make(task_of(batch, dtype), 1)
    # The engine's call costs some microseconds once; many steps a call, as in training.
    steps = max(1, 2000 // batch) if contender == "bpmatrix" else 1
    trainer.train(steps)
    benchmark.extra_info["steps in a call"] = steps
    benchmark.pedantic(trainer.train, args=(steps,), rounds=30, warmup_rounds=2)
    assert all(np.isfinite(W).all() for W in trainer.parameters()[0])
