"""The book's two forms in NumPy: the loop over single samples, and the matrix."""

from __future__ import annotations

from typing import Any, ClassVar

from bpmatrix import reference
from bpmatrix.array_types import Array
from bpmatrix.bench.serving import UnsuitedError
from bpmatrix.bench.task import Task


class Matrix:
    """`reference.train` with the gradient of a whole mini-batch."""

    gradient: ClassVar[Any] = staticmethod(reference.gradient_by_matrix)

    def __init__(self, task: Task, threads: int | str) -> None:
        del threads  # NumPy's BLAS has read it from the environment
        if task.optimizer != "sgd":
            raise UnsuitedError("the book's program has plain gradient descent only")
        self.task = task
        self.X, self.Y = task.inputs(), task.outputs()
        self.weights, self.biases = task.first_weights()
        self.mini_batches = task.mini_batches()

    def train(self, steps: int) -> None:
        """Take this many steps."""
        self.biases, self.weights = reference.train(
            self.gradient,
            self.weights,
            self.biases,
            self.task.activations,
            self.task.cost,
            self.X,
            self.Y,
            self.mini_batches.take(steps).ravel(),
            self.task.mini_batch_size,
            self.task.learning_rate,
        )

    def parameters(self) -> tuple[list[Array], list[Array]]:
        """Return weights and biases."""
        return self.weights, self.biases


class Loop(Matrix):
    """`reference.train` with the gradients of single samples."""

    gradient: ClassVar[Any] = staticmethod(reference.gradient_by_loop)
