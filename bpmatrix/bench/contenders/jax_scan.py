"""JAX: one jitted call for many mini-batches, with donated parameters."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from bpmatrix.array_types import Array
from bpmatrix.bench.serving import suited
from bpmatrix.bench.task import BETA_1, BETA_2, EPSILON, Task

# The fastest of several forms at 784-30-10 with mini-batches of 10: W is (n_l, n_{l-1}) and
# multiplied transposed (15 to 30 % faster than the reverse); four steps unrolled (up to 10 %).
UNROLL = 4


class JaxScan:
    """`lax.scan` over the mini-batches, which are gathered inside the scan."""

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
        theta = [
            (jax.numpy.asarray(W), jax.numpy.asarray(b.ravel()))
            for W, b in zip(weights, biases, strict=True)
        ]
        moments = [jax.tree.map(jax.numpy.zeros_like, theta) for _ in range(2)]
        self._state = theta, *moments, jax.numpy.zeros((), "int32")

    def train(self, steps: int) -> None:
        """Take this many steps; each new number of steps compiles."""
        rows = self._mini_batches.take(steps).astype(np.int32)
        self._state = self._jax.block_until_ready(self._train(self._state, rows, *self._data))

    def parameters(self) -> tuple[list[Array], list[Array]]:
        """Return weights and biases."""
        return (
            [np.asarray(W) for W, _ in self._state[0]],
            [np.asarray(b)[:, None] for _, b in self._state[0]],
        )


def _compiled(jax: Any, task: Task) -> Any:
    """Return the jitted function of the state, the mini-batches' rows, and the data.

    The state is the parameters, two moments of the same structure, and the number of steps; rules
    without moments leave them unchanged.
    """
    activations = [getattr(jax.nn, name) for name in task.activations]
    cost_of, m, follow = _cost(jax, task.cost), task.mini_batch_size, _rule(jax, task)

    def mean_cost(theta: Any, x: Any, y: Any) -> Any:
        a = z = x
        for (W, b), sigma in zip(theta, activations, strict=True):
            z = a @ W.T + b
            a = sigma(z)
        return cost_of(z, a, y).sum() / m

    def train(state: Any, rows: Any, X: Any, Y: Any) -> Any:
        def step(state: Any, row: Any) -> tuple[Any, None]:
            return follow(*state, jax.grad(mean_cost)(state[0], X[row], Y[row])), None

        return jax.lax.scan(step, state, rows, unroll=UNROLL)[0]

    return jax.jit(train, donate_argnums=0)


def _rule(jax: Any, task: Task) -> Any:
    """Return the function from parameters, moments, step count and gradient to the next state."""
    each, eta = jax.tree.map, task.learning_rate

    def adam(theta: Any, v: Any, s: Any, k: Any, gradient: Any) -> Any:
        v = each(lambda v, g: BETA_1 * v + (1 - BETA_1) * g, v, gradient)
        s = each(lambda s, g: BETA_2 * s + (1 - BETA_2) * g * g, s, gradient)
        root = jax.numpy.sqrt(1 - BETA_2 ** (k + 1.0))
        rate = eta * root / (1 - BETA_1 ** (k + 1.0))
        epsilon = EPSILON * root
        theta = each(lambda p, v, s: p - rate * v / (jax.numpy.sqrt(s) + epsilon), theta, v, s)
        return theta, v, s, k + 1

    def descent(theta: Any, v: Any, s: Any, k: Any, gradient: Any) -> Any:
        return each(lambda p, g: p - eta * g, theta, gradient), v, s, k + 1

    return suited("optimizer", task.optimizer, {"sgd": descent, "adam": adam})


def _cost(jax: Any, name: str) -> Any:
    costs = {
        "quadratic": lambda z, a, y: 0.5 * (a - y) ** 2,
        "log_likelihood": lambda z, a, y: -y * jax.nn.log_softmax(z),
    }
    return suited("cost", name, costs)
