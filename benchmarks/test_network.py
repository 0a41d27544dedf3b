"""What a user calls: an epoch of training, and prediction."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.cases import DTYPES
from benchmarks.data import load_samples
from bpmatrix import Network

COLUMNS = (1, 100, 10_000)


def network(dtype: str) -> Network:
    return Network([784, 30, 10], input_scale=1 / 255, dtype=dtype, seed=1)


@pytest.mark.parametrize("n_threads", [1, "auto"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_epoch(benchmark: Any, dtype: str, n_threads: int | str) -> None:
    benchmark.group = "an epoch of 784-30-10, mini-batch 10"
    samples, net = load_samples("mnist"), network(dtype)
    benchmark.extra_info["data"] = samples.source
    arguments = {"X": samples.X, "targets": samples.targets, "epochs": 1, "n_threads": n_threads}
    net.train(**arguments)
    benchmark.pedantic(net.train, kwargs=arguments, rounds=5)


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_prediction(benchmark: Any, dtype: str, columns: int) -> None:
    benchmark.group = f"prediction of {columns:,} columns through 784-30-10"
    net, X = network(dtype), load_samples("mnist").X[:, :columns]
    net.predict(X)
    assert benchmark(net.predict, X).shape == (columns,)
