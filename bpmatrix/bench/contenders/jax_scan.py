"""JAX: one jitted call for many mini-batches, its parameters donated."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.bench.serving import UnsuitedError
from bpmatrix.bench.task import Task

__all__ = ["JaxScan"]

Array = NDArray[Any]

# The fastest form of several at 784-30-10 with 10: W is (n_l, n_{l-1}) and multiplied transposed,
# 15 to 30 % faster than the other way round; four steps a turn of the loop, up to 10 %.
UNROLL = 4


class JaxScan:
    """`lax.scan` over the mini-batches; data on the device once, each gathered inside the scan."""

    def __init__(self, task: Task, threads: int | str) -> None:
        del threads  # XLA has read it from the environment
        jax = import_module("jax")
        jax.config.update("jax_platforms", "cpu")
        jax.config.update("jax_enable_x64", task.dtype == "float64")
        self._jax = jax
        self._train = _compiled(jax, task)
        self._data = jax.device_put((task.inputs().T, task.outputs().T))
        self._mini_batches = task.mini_batches()
        weights, biases = task.first_weights()
        self._theta = [
            (jax.numpy.asarray(W), jax.numpy.asarray(b.ravel()))
            for W, b in zip(weights, biases, strict=True)
        ]

    def train(self, steps: int) -> None:
        """Take so many steps; a new number of steps compiles once."""
        rows = self._mini_batches.take(steps).astype(np.int32)
        self._theta = self._jax.block_until_ready(self._train(self._theta, rows, *self._data))

    def parameters(self) -> tuple[list[Array], list[Array]]:
        """Return weights and biases."""
        return (
            [np.asarray(W) for W, _ in self._theta],
            [np.asarray(b)[:, None] for _, b in self._theta],
        )


def _compiled(jax: Any, task: Task) -> Any:
    """Return the jitted function of the parameters, the mini-batches' rows, and the data."""
    activations = [_activation(jax, name) for name in task.activations]
    cost_of, m, eta = _cost(jax, task.cost), task.mini_batch_size, task.learning_rate

    def mean_cost(theta: Any, x: Any, y: Any) -> Any:
        a = z = x
        for (W, b), sigma in zip(theta, activations, strict=True):
            z = a @ W.T + b
            a = sigma(z)
        return cost_of(z, a, y).sum() / m

    def train(theta: Any, rows: Any, X: Any, Y: Any) -> Any:
        def step(theta: Any, row: Any) -> tuple[Any, None]:
            gradient = jax.grad(mean_cost)(theta, X[row], Y[row])
            return jax.tree.map(lambda p, g: p - eta * g, theta, gradient), None

        return jax.lax.scan(step, theta, rows, unroll=UNROLL)[0]

    return jax.jit(train, donate_argnums=0)


def _activation(jax: Any, name: str) -> Any:
    return (lambda z: z) if name == "identity" else getattr(jax.nn, name)


def _cost(jax: Any, name: str) -> Any:
    if name == "quadratic":
        return lambda z, a, y: 0.5 * (a - y) ** 2
    if name == "cross_entropy":
        return lambda z, a, y: jax.nn.softplus(z) - y * z
    if name == "log_likelihood":
        return lambda z, a, y: -y * jax.nn.log_softmax(z)
    raise UnsuitedError(f"has no cost {name}")
