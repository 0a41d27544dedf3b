"""PyTorch in eager mode: autograd, plain SGD by hand, Adam by its own fused kernel."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from bpmatrix.array_types import Array
from bpmatrix.bench.serving import suited
from bpmatrix.bench.task import BETA_1, BETA_2, EPSILON, Task


class TorchEager:
    """The training loop of PyTorch's tutorials, without `torch.nn` modules, which take time."""

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
        self._step = _rule(torch, task, self._weights + self._biases)

    def train(self, steps: int) -> None:
        """Take this many steps."""
        torch, linear = self._torch, self._torch.nn.functional.linear
        m = self.task.mini_batch_size
        theta = self._weights + self._biases
        for row in torch.from_numpy(self._mini_batches.take(steps)).unbind():
            y = self._Y.index_select(0, row)
            a = z = self._X.index_select(0, row)
            for W, b, sigma in zip(self._weights, self._biases, self._activations, strict=True):
                z = linear(a, W, b)
                a = sigma(z)
            gradient = torch.autograd.grad(self._cost(z, a, y) / m, theta)
            self._step(gradient)

    def parameters(self) -> tuple[list[Array], list[Array]]:
        """Return weights and biases."""
        return (
            [W.detach().numpy() for W in self._weights],
            [b.detach().numpy()[:, None] for b in self._biases],
        )


def _rule(torch: Any, task: Task, theta: list[Any]) -> Any:
    """Return the function that updates the parameters with a gradient."""

    def descend(gradient: Any) -> None:
        with torch.no_grad():
            torch._foreach_add_(theta, gradient, alpha=-task.learning_rate)  # as torch.optim

    rate, betas = task.learning_rate, (BETA_1, BETA_2)
    optimizer = torch.optim.Adam(theta, rate, betas, EPSILON, fused=True)

    def follow(gradient: Any) -> None:
        for parameter, part in zip(theta, gradient, strict=True):
            parameter.grad = part
        optimizer.step()

    return suited("optimizer", task.optimizer, {"sgd": descend, "adam": follow})


def _activation(torch: Any, name: str) -> Any:
    return (lambda z: z) if name == "softmax" else getattr(torch, name)  # the cost takes z


def _cost(torch: Any, name: str) -> Any:
    functional = torch.nn.functional
    costs = {
        "quadratic": lambda z, a, y: 0.5 * functional.mse_loss(a, y, reduction="sum"),
        "log_likelihood": lambda z, a, y: functional.cross_entropy(z, y, reduction="sum"),
    }
    return suited("cost", name, costs)
