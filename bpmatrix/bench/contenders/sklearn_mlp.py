"""scikit-learn: MLPClassifier, one partial_fit per mini-batch."""

from __future__ import annotations

from importlib import import_module

import numpy as np

from bpmatrix.array_types import Array
from bpmatrix.bench.serving import UnsuitedError, suited
from bpmatrix.bench.task import BETA_1, BETA_2, EPSILON, Task

NAMES = {"sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}


class SklearnMLP:
    """Softmax outputs with log-likelihood, and one activation function for the hidden layers."""

    def __init__(self, task: Task, threads: int | str) -> None:
        del threads  # NumPy's BLAS has read it from the environment
        neural_network = import_module("sklearn.neural_network")
        hidden = set(task.activations[:-1])
        fits = task.cost == "log_likelihood" and task.targets.ndim == 1 and task.sizes[-1] > 2
        if not fits or len(hidden) != 1:
            raise UnsuitedError("its MLPClassifier has softmax outputs with log-likelihood only")
        self._X = np.ascontiguousarray(task.inputs().T)
        self._labels = task.targets
        self._classes = np.arange(task.sizes[-1])
        self._mini_batches = task.mini_batches()
        self._mlp = neural_network.MLPClassifier(
            task.sizes[1:-1],
            activation=NAMES[hidden.pop()],
            solver=suited("optimizer", task.optimizer, {"sgd": "sgd", "adam": "adam"}),
            momentum=0.0,
            beta_1=BETA_1,
            beta_2=BETA_2,
            epsilon=EPSILON,
            nesterovs_momentum=False,
            alpha=0.0,
            batch_size=task.mini_batch_size,
            learning_rate_init=task.learning_rate,
            shuffle=False,
        )
        self._adopt(task)

    def _adopt(self, task: Task) -> None:
        """Let a first step initialize the weights, and replace them by the task's."""
        first = self._mini_batches.take(1)[0]
        self._mini_batches = task.mini_batches()
        self._mlp.partial_fit(self._X[first], self._labels[first], classes=self._classes)
        # Drop the optimizer's state of that step; the next call creates a new one.
        del self._mlp._optimizer  # noqa: SLF001 - there is no public way
        weights, biases = task.first_weights()
        for mine, given in zip(self._mlp.coefs_, weights, strict=True):
            mine[:] = given.T
        for mine, given in zip(self._mlp.intercepts_, biases, strict=True):
            mine[:] = given.ravel()

    def train(self, steps: int) -> None:
        """Take this many steps."""
        for row in self._mini_batches.take(steps):
            self._mlp.partial_fit(self._X[row], self._labels[row])

    def parameters(self) -> tuple[list[Array], list[Array]]:
        """Return weights and biases."""
        return [W.T for W in self._mlp.coefs_], [b[:, None] for b in self._mlp.intercepts_]
