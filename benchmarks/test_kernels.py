"""Kernels one by one: the activation functions, and the three products of a layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks import compiled
from benchmarks.cases import DTYPES
from bpmatrix.kernels import codes
from bpmatrix.kernels.plan import lay_out_work

N_IN, N_OUT, BATCH = 784, 100, 32
FUNCTIONS = ("SIGMOID", "TANH", "RELU", "SOFTMAX")


def drawn(*shape: int, dtype: str) -> Any:
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def scratch(dtype: str) -> tuple[Any, int]:
    no = np.zeros(1, dtype=bool)
    layout = lay_out_work(np.array([N_IN]), no, no, 1, 1)
    return np.zeros(layout.scratch_size, dtype), layout.panel_size


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_activation(benchmark: Any, name: str, dtype: str) -> None:
    benchmark.group = f"sigma of {BATCH} x {N_OUT}"
    z = drawn(BATCH, N_OUT, dtype=dtype)
    a, sigma = np.empty_like(z), getattr(codes, name)
    compiled.activation(sigma, z, a)
    benchmark(compiled.activation, sigma, z, a)
    assert np.isfinite(a).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS[:3])
def test_derivative(benchmark: Any, name: str, dtype: str) -> None:
    benchmark.group = f"delta * sigma' of {BATCH} x {N_OUT}"
    z = drawn(BATCH, N_OUT, dtype=dtype)
    a, delta, sigma = np.ones_like(z), np.zeros_like(z), getattr(codes, name)
    compiled.derivative(sigma, z, a, delta)
    benchmark(compiled.derivative, sigma, z, a, delta)


@pytest.mark.parametrize("dtype", DTYPES)
def test_forward_product(benchmark: Any, dtype: str) -> None:
    benchmark.group = f"products of {N_OUT} x {N_IN} with {BATCH} samples"
    W, a, b = (drawn(*s, dtype=dtype) for s in ((N_OUT, N_IN), (BATCH, N_IN), (N_OUT,)))
    z = np.empty((BATCH, N_OUT), dtype)
    arguments = W, a, b, z, *scratch(dtype)
    compiled.forward(*arguments)
    benchmark(compiled.forward, *arguments)
    np.testing.assert_allclose(z, a @ W.T + b, atol=1e-3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_backward_product(benchmark: Any, dtype: str) -> None:
    benchmark.group = f"products of {N_OUT} x {N_IN} with {BATCH} samples"
    W, delta = drawn(N_OUT, N_IN, dtype=dtype), drawn(BATCH, N_OUT, dtype=dtype)
    below = np.empty((BATCH, N_IN), dtype)
    arguments = W, delta, below, *scratch(dtype)
    compiled.backward(*arguments)
    benchmark(compiled.backward, *arguments)
    np.testing.assert_allclose(below, delta @ W, atol=1e-3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_update_product(benchmark: Any, dtype: str) -> None:
    benchmark.group = f"products of {N_OUT} x {N_IN} with {BATCH} samples"
    W, a, delta = (drawn(*s, dtype=dtype) for s in ((N_OUT, N_IN), (BATCH, N_IN), (BATCH, N_OUT)))
    arguments = delta, a, W, *scratch(dtype)
    compiled.update(*arguments)
    benchmark(compiled.update, *arguments)
    assert np.isfinite(W).all()
