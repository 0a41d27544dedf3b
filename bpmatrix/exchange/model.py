"""A trained model as other programs know it: plain arrays, and what its outputs mean."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bpmatrix.architecture.activations import OwnActivation
from bpmatrix.architecture.description import DTYPES, Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.array_types import Array, Floats
from bpmatrix.checks import check_in_type, find
from bpmatrix.errors import ArgumentError, DataError

# What the outputs of a model mean. A plain network has outputs, nothing more.
KINDS = ("network", "regressor", "binary", "multiclass", "multilabel-indicator")


@dataclass(frozen=True, eq=False, slots=True)
class Scaling:
    """The standardization of columns: (x - mean) / scale.

    Attributes
    ----------
    mean, scale : (n_columns,) arrays of float64
    """

    mean: Floats
    scale: Floats

    def rounded(self, dtype: str) -> Scaling:
        """Return the numbers rounded to a dtype."""
        return Scaling(*(v.astype(dtype).astype(np.float64) for v in (self.mean, self.scale)))


@dataclass(frozen=True, eq=False)
class Model:
    """What a format needs to know to compute what a trained model computes.

    Attributes
    ----------
    description : Description
        Sizes, activation functions, `input_scale` and dtype of the network.
    parameters : Parameters
        Its weights W_l (n_l, n_{l-1}) and biases b_l (n_l, 1).
    kind : str, default "network"
        One of `KINDS`. A binary classifier has one output, the probability of its second class.
    classes : (n_classes,) array, optional
        The classes of a classifier, numbers or text, in the order of the outputs.
    inputs : Scaling, optional
        What is applied to the inputs before the network.
    targets : Scaling, optional
        What is undone on the outputs of a regressor: output * scale + mean.
    feature_names : tuple of str, optional
        The names of the inputs.
    """

    description: Description
    parameters: Parameters
    kind: str = "network"
    classes: Array | None = None
    inputs: Scaling | None = None
    targets: Scaling | None = None
    feature_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Check that the model can be written in another format.

        Raises
        ------
        ArgumentError
            If an activation function is the user's own.
        DataError
            If a parameter is not finite.
        """
        own = [str(f) for f in self.description.activations if isinstance(f, OwnActivation)]
        if own:
            raise ArgumentError(
                "a model with an activation function of your own cannot be exported",
                got=own[0],
                cure="Use one of the built-in activation functions.",
            )
        if not np.isfinite(self.parameters.flat).all():
            raise DataError(
                "a model with parameters that are not finite cannot be exported",
                cure="Train it again with a lower learning rate.",
            )

    def rounded(self, dtype: str) -> Model:
        """Return the model with its numbers in a dtype, or rounded to it.

        What the means of the inputs lose to rounding becomes part of the biases of layer 1. So
        features that are much larger than their standard deviation keep their digits in float32.

        Raises
        ------
        ArgumentError
            If the dtype is unknown, or a number is infinite in it, or a scale is 0.
        """
        find(dict.fromkeys(DTYPES), dtype, "dtype")
        description = replace(self.description, dtype=dtype)
        check_in_type(description.input_scale, "input_scale", dtype, zero=False)
        with np.errstate(all="ignore"):  # checked below
            theta = self.parameters.flat.astype(dtype)
            parameters = Parameters.of(theta, description.layout)
            inputs, targets = (
                None if s is None else s.rounded(dtype) for s in (self.inputs, self.targets)
            )
            if self.inputs is not None and inputs is not None:
                lost = (self.inputs.mean - inputs.mean) / inputs.scale * description.input_scale
                W, b = self.parameters.weights[0], self.parameters.biases[0]
                parameters.biases[0][:, 0] = b[:, 0] - W.astype(np.float64) @ lost
        check_range(dtype, theta, inputs, targets)
        return replace(
            self, description=description, parameters=parameters, inputs=inputs, targets=targets
        )

    @property
    def n_inputs(self) -> int:
        """The number of inputs."""
        return self.description.sizes[0]

    @property
    def activations(self) -> tuple[str, ...]:
        """The names of the activation functions of layers 1 to L."""
        return tuple(map(str, self.description.activations))

    def layers(self, *, folded: bool = False) -> list[tuple[Array, Array]]:
        """Return W_l (n_l, n_{l-1}) and b_l (n_l,) of each layer; zeros without biases.

        Parameters
        ----------
        folded : bool, default False
            Whether layer 1 includes `input_scale` and the standardization of the inputs, and an
            identity output that of the targets; computed in float64, returned in the network's
            type. With other outputs, the targets' scaling remains.
        """
        description, dtype = self.description, self.description.dtype
        biases = self.parameters.biases or [np.zeros((n, 1)) for n in description.sizes[1:]]
        layers = [
            (np.array(W, np.float64), np.array(b[:, 0], np.float64))
            for W, b in zip(self.parameters.weights, biases, strict=True)
        ]
        if folded:
            W, b = layers[0]
            W = W * description.input_scale
            if self.inputs is not None:
                W = W / self.inputs.scale
                b = b - W @ self.inputs.mean
            layers[0] = W, b
            if self.targets is not None and self.activations[-1] == "identity":
                W, b = layers[-1]
                scale, mean = self.targets.scale, self.targets.mean
                layers[-1] = scale[:, None] * W, scale * b + mean
        return [(W.astype(dtype), b.astype(dtype)) for W, b in layers]


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Models whose outputs are averaged, behind scaled numbers of a table.

    A number x becomes linear * asinh((x - mean) / scale / linear).

    Attributes
    ----------
    members : tuple of Model
        All of the same kind and with the same classes.
    feature_names : tuple of str
        The names of the inputs.
    inputs : Scaling
        The mean and the scale of the numbers, as above; missing ones become the mean.
    linear : float
        See above.
    has_indicator : (n_inputs,) array of bool
        Whether another input of the members, after the number, is 1 where it is missing, else 0.
    targets : Scaling, optional
        What is undone on the mean of the outputs.
    """

    members: tuple[Model, ...]
    feature_names: tuple[str, ...]
    inputs: Scaling
    linear: float
    has_indicator: Array
    targets: Scaling | None = None

    @property
    def n_inputs(self) -> int:
        """The number of inputs."""
        return len(self.feature_names)


def check_range(dtype: str, theta: Array, *scalings: Scaling | None) -> None:
    """Raise an ArgumentError if a rounded number is infinite, or a scale is 0."""
    found = [s for s in scalings if s is not None]
    numbers = [theta, *(v for s in found for v in (s.mean, s.scale))]
    if not all(np.isfinite(array).all() for array in numbers) or any(
        s.scale.min() < np.finfo(dtype).tiny for s in found
    ):
        raise ArgumentError(
            f"a number of the model is outside the range of {dtype}",
            cure='Pass dtype="float64".',
        )
