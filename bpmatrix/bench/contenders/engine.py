"""bpmatrix itself: the loop over slices that `Network.train` uses."""

from __future__ import annotations

import numpy as np

from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.array_types import Array
from bpmatrix.bench.task import BETA_1, BETA_2, EPSILON, MOMENTUM, Task
from bpmatrix.engine.memory import aligned_zeros
from bpmatrix.engine.processors import choose_threads
from bpmatrix.samples.arrays import as_inputs, as_targets
from bpmatrix.training.optimizers import SGD, Adam, Optimizer
from bpmatrix.training.recipe import Recipe
from bpmatrix.training.slices import SliceRunner


class Engine:
    """`Network.train` without its checks, which run once per call, and with a given order."""

    def __init__(self, task: Task, threads: int | str) -> None:
        self.task = task
        description = Description(
            task.sizes, task.activations, task.cost, float(task.scale), dtype=task.dtype
        )
        layout = description.layout
        self._parameters = Parameters.of(aligned_zeros(layout.size, task.dtype), layout)
        weights, biases = task.first_weights()
        for view, first in zip(self._views(), weights + biases, strict=True):
            view[:] = first
        m = task.mini_batch_size
        X = task.X if task.X.dtype == np.uint8 else task.X.astype(task.dtype)
        inputs = as_inputs(X, task.sizes[0], task.dtype)
        targets = as_targets(task.targets, task.sizes[-1], X.shape[1], task.dtype)
        chosen = choose_threads(threads, layout.size, m)
        self._runner = SliceRunner(
            description, self._parameters.flat, inputs, targets, m, chosen,
            recipe=Recipe(_optimizer(task)),
        )  # fmt: skip
        self._mini_batches = task.mini_batches()

    def train(self, steps: int) -> None:
        """Take this many steps."""
        order = self._mini_batches.take(steps).ravel()
        self._runner.run_epochs(order[None], self.task.learning_rate)

    def parameters(self) -> tuple[list[Array], list[Array]]:
        """Return weights and biases."""
        return list(self._parameters.weights), list(self._parameters.biases)

    def _views(self) -> tuple[Array, ...]:
        return self._parameters.weights + self._parameters.biases


def _optimizer(task: Task) -> Optimizer:
    if task.optimizer == "adam":
        return Adam(task.learning_rate, BETA_1, BETA_2, EPSILON)
    return SGD(task.learning_rate, momentum=MOMENTUM if task.optimizer == "momentum" else 0.0)
