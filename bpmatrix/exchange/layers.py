"""The layers of a model in another format: what every reader returns."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpmatrix.architecture.activations import OwnActivation
from bpmatrix.architecture.costs import COSTS, AnyCost
from bpmatrix.array_types import Array
from bpmatrix.errors import ArgumentError


class NotUnderstoodError(Exception):
    """A part of a model that a network does not have; a reader converts it to an error of ours."""

    def __init__(self, what: str, cure: str | None = None) -> None:
        super().__init__(what)
        self.cure = cure


class Layers:
    """Weights, biases and activation functions, layer by layer.

    Attributes
    ----------
    weights : list of (n_l, n_{l-1}) arrays
    biases : list of (n_l,) arrays or None
    activations : list of str or OwnActivation
    input_scale : float
    cost : str, ParameterCost or None
        The cost that the model names, if it does.
    """

    def __init__(self) -> None:
        self.weights: list[Array] = []
        self.biases: list[Array | None] = []
        self.activations: list[str | OwnActivation] = []
        self.input_scale = 1.0
        self.cost: AnyCost | None = None

    def add(self, W: Array, b: Array | None, where: str) -> None:
        """Add a layer of identity units; `where` names its place in the model.

        Raises
        ------
        NotUnderstoodError
            If the arrays do not fit together, or what precedes them, or cannot be used.
        """
        if W.ndim != 2 or not W.size:
            raise NotUnderstoodError(f"{where}: weights of shape {W.shape}")
        if self.weights and W.shape[1] != (n := len(self.weights[-1])):
            raise NotUnderstoodError(f"{where}: {W.shape[1]} inputs after a layer of {n} units")
        if self.activations[-1:] == ["softmax"]:
            raise NotUnderstoodError(f"{where}: a layer after softmax")
        self._check_numbers(W, where)
        self.weights.append(W)
        self.biases.append(None)
        self.activations.append("identity")
        if b is not None:
            self.add_biases(b, where)

    def add_biases(self, b: Array, where: str) -> None:
        """Set the biases of the last layer; raises as `add` does."""
        if b.shape != self.weights[-1].shape[:1]:
            raise NotUnderstoodError(
                f"{where}: biases of shape {b.shape} in a layer of {len(self.weights[-1])} units"
            )
        self._check_numbers(b, where)
        self.biases[-1] = b

    def _check_numbers(self, array: Array, where: str) -> None:
        types = {found.dtype.name for found in (array, *self.weights[:1])}
        if len(types) > 1 or not types <= {"float32", "float64"}:
            raise NotUnderstoodError(
                f"{where}: parameters of type {' and '.join(sorted(types))}",
                "Convert all parameters to float32 or all to float64.",
            )
        if not np.isfinite(array).all():
            raise NotUnderstoodError(f"{where}: parameters that are not finite")

    def activate(self, name: str, where: str) -> None:
        """Set the activation function of the last layer.

        Raises
        ------
        NotUnderstoodError
            If there is no layer, or it already has one.
        """
        if not self.activations or self.activations[-1] != "identity":
            raise NotUnderstoodError(f"{where}: {name} without a layer of weights before it")
        self.activations[-1] = name

    @property
    def sizes(self) -> list[int]:
        """Units per layer, inputs first; NotUnderstoodError if there are no layers."""
        if not self.weights:
            raise NotUnderstoodError("no layers")
        return [self.weights[0].shape[1], *(len(W) for W in self.weights)]

    def arguments(self, output: str | OwnActivation | None, cost: AnyCost | None) -> dict[str, Any]:
        """Return the arguments of a `Network` with these layers.

        Parameters
        ----------
        output : str or OwnActivation, optional
            The activation function of the last layer, if the model does not have one there.
        cost : str or another cost, optional
            None means the one that the model names, or that fits the output.

        Raises
        ------
        NotUnderstoodError
            If there are no layers.
        ArgumentError
            If the model has another output.
        """
        sizes = self.sizes
        *hidden, last = self.activations
        if output not in {None, last} and last != "identity":
            raise ArgumentError(
                "the model has another activation function at its output",
                got=f"output={output!r}",
                expected=last,
                cure="Leave out output.",
            )
        function = last if output is None else output
        fitting = (record.name for record in COSTS.values() if record.partner == function)
        return {
            "sizes": sizes,
            "activation": [*hidden, function],
            "cost": cost or (output is None and self.cost) or next(fitting, "quadratic"),
            "input_scale": self.input_scale,
            "bias": any(b is not None for b in self.biases),
            "dtype": self.weights[0].dtype.name,
        }
