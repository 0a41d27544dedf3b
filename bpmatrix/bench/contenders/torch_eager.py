"""PyTorch in eager mode: autograd, and plain SGD by hand."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from numpy.typing import NDArray

from bpmatrix.bench.serving import UnsuitedError
from bpmatrix.bench.task import Task

__all__ = ["TorchEager"]

Array = NDArray[Any]


class TorchEager:
    """The training loop of PyTorch's tutorials without its modules, which cost time here."""

    def __init__(self, task: Task, threads: int | str) -> None:
        torch = import_module("torch")
        if threads != "auto":
            torch.set_num_threads(int(threads))
        self._torch, self.task = torch, task
        self._X = torch.from_numpy(task.inputs().T)
        self._Y = torch.from_numpy(task.outputs().T)
        weights, biases = task.first_weights()
        self._weights = [torch.from_numpy(W).requires_grad_() for W in weights]
        self._biases = [torch.from_numpy(b.ravel()).requires_grad_() for b in biases]
        self._activations = [_activation(torch, name) for name in task.activations]
        self._cost = _cost(torch, task.cost)
        self._mini_batches = task.mini_batches()

    def train(self, steps: int) -> None:
        """Take so many steps."""
        torch, linear = self._torch, self._torch.nn.functional.linear
        m, eta = self.task.mini_batch_size, self.task.learning_rate
        theta = self._weights + self._biases
        for row in torch.from_numpy(self._mini_batches.take(steps)).unbind():
            y = self._Y.index_select(0, row)
            a = z = self._X.index_select(0, row)
            for W, b, sigma in zip(self._weights, self._biases, self._activations, strict=True):
                z = linear(a, W, b)
                a = sigma(z)
            gradient = torch.autograd.grad(self._cost(z, a, y) / m, theta)
            with torch.no_grad():
                torch._foreach_add_(theta, gradient, alpha=-eta)  # as torch.optim does

    def parameters(self) -> tuple[list[Array], list[Array]]:
        """Return weights and biases."""
        return (
            [W.detach().numpy() for W in self._weights],
            [b.detach().numpy()[:, None] for b in self._biases],
        )


def _activation(torch: Any, name: str) -> Any:
    if name == "softmax":
        return lambda z: z  # its cost takes z
    return (lambda z: z) if name == "identity" else getattr(torch, name)


def _cost(torch: Any, name: str) -> Any:
    functional = torch.nn.functional
    if name == "quadratic":
        return lambda z, a, y: 0.5 * functional.mse_loss(a, y, reduction="sum")
    if name == "cross_entropy":
        return lambda z, a, y: functional.binary_cross_entropy_with_logits(z, y, reduction="sum")
    if name == "log_likelihood":
        return lambda z, a, y: functional.cross_entropy(z, y, reduction="sum")
    raise UnsuitedError(f"has no cost {name}")
