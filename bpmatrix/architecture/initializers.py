"""The initializers: how the weights and biases of a layer are drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bpmatrix.architecture.activations import ACTIVATIONS
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.array_types import Floats
from bpmatrix.checks import find
from bpmatrix.errors import ArgumentError

Draw = Callable[[np.random.Generator, int, int], tuple[Floats, Floats]]


def standard_normal(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[Floats, Floats]:
    """Weights and biases from N(0, 1): Nielsen, ch. 1 and `large_weight_initializer` of ch. 3."""
    return rng.standard_normal((n_out, n_in)), rng.standard_normal((n_out, 1))


def scaled_normal(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[Floats, Floats]:
    """Weights from N(0, 1 / n_in), biases from N(0, 1): the default of Nielsen, ch. 3."""
    W, b = standard_normal(rng, n_in, n_out)
    return W / np.sqrt(n_in), b


def glorot(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[Floats, Floats]:
    """Weights uniform in +-sqrt(6 / (n_in + n_out)), biases 0: Glorot & Bengio 2010, eq. (16)."""
    bound = np.sqrt(6.0 / (n_in + n_out))
    return rng.uniform(-bound, bound, (n_out, n_in)), np.zeros((n_out, 1))


def he(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[Floats, Floats]:
    """Weights from N(0, 2 / n_in), biases 0: He et al. 2015, eq. (10), for ReLU."""
    W = rng.standard_normal((n_out, n_in))
    return W * np.sqrt(2.0 / n_in), np.zeros((n_out, 1))


def lecun(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[Floats, Floats]:
    """Weights from N(0, 1 / n_in), biases 0: LeCun et al. 1998, *Efficient BackProp*, (16)."""
    W = rng.standard_normal((n_out, n_in))
    return W / np.sqrt(n_in), np.zeros((n_out, 1))


INITIALIZERS: dict[str, Draw] = {
    function.__name__: function for function in (standard_normal, scaled_normal, glorot, he, lecun)
}


def find_initializer(name: str | None, activation: str, before: str | None = None) -> Draw:
    """Return the initializer of a name, or the default for a layer.

    Parameters
    ----------
    name : str or None
        None chooses the default: `he` for ReLU and its variants, `glorot` for another layer that
        follows one with `he`, as the output layer may, `scaled_normal` otherwise.
    activation : str
        The name of the layer's activation function; a user's own may have any name.
    before : str, optional
        The name of the activation function of the layer before; None for the first layer.

    Raises
    ------
    ArgumentError
        If there is no initializer of that name.

    Examples
    --------
    >>> find_initializer(None, "relu").__name__
    'he'
    >>> find_initializer(None, "softmax", "relu").__name__
    'glorot'
    """
    if name is None:
        own, previous = (
            ACTIVATIONS[function].initializer if function in ACTIVATIONS else "scaled_normal"
            for function in (activation, before)
        )
        name = "glorot" if previous == "he" != own else own
    return find(INITIALIZERS, name, "initializer")


def draw_parameters(
    parameters: Parameters,
    activations: Sequence[str],
    names: str | Sequence[str | None] | None,
    rng: np.random.Generator,
) -> None:
    """Draw the parameters, layer by layer from the inputs on.

    `names` is one initializer for all layers, or a sequence of one per layer; None chooses the
    default. The numbers are drawn in float64 for every dtype, and biases are drawn even for a
    network without them, so that networks with the same seed start alike.

    Examples
    --------
    >>> from bpmatrix.architecture.parameters import Layout
    >>> p = Parameters.of(np.ones(3), Layout([2, 1], bias=True))
    >>> draw_parameters(p, ["relu"], None, np.random.default_rng(1))
    >>> p.biases[0]
    array([[0.]])
    """
    drawing = _one_per_layer(names, activations)
    for l, W in enumerate(parameters.weights):
        weights, biases = drawing[l](rng, W.shape[1], W.shape[0])
        W[:] = weights
        if parameters.biases:
            parameters.biases[l][:] = biases


def _one_per_layer(
    names: str | Sequence[str | None] | None, activations: Sequence[str]
) -> list[Draw]:
    """Return the initializer of each layer, so that all names are checked before drawing."""
    L = len(activations)
    listed: list[Any] = list(names) if isinstance(names, list | tuple) else [names] * L
    if len(listed) != L:
        raise ArgumentError(
            "initializer must be one name, or one per layer after the inputs",
            got=f"{len(listed)} names",
            expected=f"{L}",
        )
    befores = [None, *activations]
    return [find_initializer(*layer) for layer in zip(listed, activations, befores, strict=False)]
