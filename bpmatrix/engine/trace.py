"""One mini-batch through the four equations, with all numbers: for learning and debugging.

The numbers are the engine's own: they are read from its work array after a gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.array_types import Array
from bpmatrix.engine.compilation import load_program
from bpmatrix.engine.evaluation import evaluate_arguments
from bpmatrix.engine.memory import aligned_zeros
from bpmatrix.engine.workspace import GradientSum, target_columns
from bpmatrix.kernels.plan import pitch
from bpmatrix.markup import picture, table
from bpmatrix.samples.arrays import Targets


@dataclass(frozen=True)
class LayerTrace:
    """The matrices of layer l; all are copies.

    Attributes
    ----------
    l : int
        The layer, 1..L as in the book.
    activation : str
        The name of its activation function.
    W : (n_l, n_{l-1}) array
        Its weights.
    z, a, delta : (n_l, m) arrays
        Weighted inputs, activations, and errors dC/dz, one column per sample.
    nabla_b, nabla_W : (n_l, 1) and (n_l, n_{l-1}) arrays
        The gradient of the mean cost. nabla_b is empty in a network without biases.
    """

    l: int
    activation: str
    W: Array
    z: Array
    a: Array
    delta: Array
    nabla_b: Array
    nabla_W: Array

    @property
    def nabla_w(self) -> Array:
        """`nabla_W` under its name in the book's programs."""
        return self.nabla_W


@dataclass(frozen=True)
class Trace:
    """A mini-batch on its way through all layers and back; print it to see all numbers.

    Attributes
    ----------
    X : (n_0, m) array
        The inputs as the first layer sees them, scaled.
    Y : (n_L, m) array
        The targets; labels as one-hot columns.
    layers : tuple of LayerTrace
        ``layers[0]`` is layer l = 1.
    """

    X: Array
    Y: Array
    layers: tuple[LayerTrace, ...]

    def shapes(self) -> str:
        """Return one line per layer with the shapes of its matrices."""
        names = ("W", "z", "a", "delta", "nabla_b", "nabla_W")
        return "\n".join(
            f"l = {layer.l}: " + ", ".join(f"{name} {getattr(layer, name).shape}" for name in names)
            for layer in self.layers
        )

    def __str__(self) -> str:
        """Return the equations with their numbers, forward and then backward."""
        return "\n".join(_written(*step) for step in self._steps())

    def _repr_html_(self) -> str:
        """Return the equations with a picture of each matrix, for notebooks."""
        rows = []
        for name, matrix in self._steps():
            height = min(96, max(12, 6 * len(matrix)))
            ends = [f"{number:.4g}" for number in (matrix.min(), matrix.max())]
            rows.append([name, matrix.shape, *ends, picture(matrix, height=height, alt=name)])
        title = f"A mini-batch of {self.X.shape[1]}, forward and backward"
        return table(title, ["equation", "shape", "smallest", "largest", ""], rows)

    def _steps(self) -> Iterator[tuple[str, Array]]:
        """Yield the equations and their matrices, forward and then backward."""
        L, m = len(self.layers), self.X.shape[1]
        yield "X = a[0]", self.X
        for layer in self.layers:
            yield f"z[{layer.l}] = W[{layer.l}] a[{layer.l - 1}] + b[{layer.l}]", layer.z
            yield f"a[{layer.l}] = {layer.activation}(z[{layer.l}])", layer.a
        yield "Y", self.Y
        for layer in reversed(self.layers):
            l = layer.l
            if l == L:
                yield f"(BP1) delta[{l}] = dC/dz[{l}]", layer.delta
            else:
                yield (
                    f"(BP2) delta[{l}] = W[{l + 1}]^T delta[{l + 1}] * sigma'(z[{l}])",
                    layer.delta,
                )
            if layer.nabla_b.size:
                yield f"(BP3) dC/db[{l}] = delta[{l}] 1 / {m}", layer.nabla_b
            yield f"(BP4) dC/dW[{l}] = delta[{l}] a[{l - 1}]^T / {m}", layer.nabla_W


def trace(description: Description, parameters: Parameters, X: Array, targets: Targets) -> Trace:
    """Carry all columns of X through the network and back, and return every matrix."""
    m = X.shape[1]
    program = load_program("evaluate", description.dtype)
    plan, elements = description.plan(m, keep_every_z=True)
    work = aligned_zeros(elements, description.dtype)
    work[plan.ones : plan.ones + m] = 1
    flat = parameters.flat
    sums = GradientSum.over(m, flat)
    given = evaluate_arguments(description, flat, X, target_columns(targets), sums=sums)
    program(0, m, plan.table(), work, tuple(given))
    nabla = Parameters.of(sums.mean(m, m), description.layout)

    def matrix(offset: int, rows: int) -> Array:
        step = pitch(rows)
        return work[offset : offset + step * m].reshape(m, step)[:, :rows].T

    layers = tuple(
        LayerTrace(
            l=l,
            activation=str(description.activations[l - 1]),
            W=parameters.weights[l - 1].copy(),
            z=matrix(plan.z[l], n),
            a=matrix(plan.a[l], n),
            delta=matrix(plan.delta[l], n),
            nabla_b=nabla.biases[l - 1] if description.bias else np.empty((0, 1), flat.dtype),
            nabla_W=nabla.weights[l - 1],
        )
        for l, n in enumerate(description.sizes)
        if l > 0
    )
    sizes = description.sizes
    return Trace(matrix(plan.a[0], sizes[0]), matrix(plan.y, sizes[-1]), layers)


def _written(name: str, matrix: Array) -> str:
    return (
        f"{name}   {matrix.shape[0]} x {matrix.shape[1]}\n{np.array2string(matrix, precision=4)}\n"
    )
