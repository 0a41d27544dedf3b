"""The JSON that the book's `network2` writes: layers of sigmoids, and the name of a cost."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bpmatrix.array_types import Array
from bpmatrix.errors import ArgumentError, DataError, ModelFileError
from bpmatrix.exchange.layers import Layers, NotUnderstoodError
from bpmatrix.exchange.model import Model
from bpmatrix.storage.files import open_model, write_whole

# The names of the book's costs, and ours.
COSTS = {"QuadraticCost": "quadratic", "CrossEntropyCost": "cross_entropy"}


def read(path: str | os.PathLike[str]) -> tuple[Layers, str]:
    """Return the layers in a file and the name of its cost.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    ModelFileError
        If it is damaged.
    """
    with open_model(path) as file:
        text = file.read()
    try:
        return _parsed(text)
    except (
        KeyError, NotUnderstoodError, OverflowError, RecursionError, TypeError, ValueError
    ) as error:  # fmt: skip
        raise ModelFileError(
            f"{path} is not a network of the book's network2",
            got=f"{type(error).__name__}: {error}",
            expected="JSON with sizes, weights, biases and the name of a cost",
        ) from None


def write(
    path: str | os.PathLike[str], weights: Sequence[Array], biases: Sequence[Array], cost: str
) -> None:
    """Write weights (n_l, n_{l-1}) and biases (n_l, 1), completely or not at all.

    Raises
    ------
    DataError
        If one of them is not finite.
    OSError
        If the file cannot be written.
    """
    content = {
        "sizes": [weights[0].shape[1], *(len(W) for W in weights)],
        "weights": [np.asarray(W, np.float64).tolist() for W in weights],
        "biases": [np.asarray(b, np.float64).tolist() for b in biases],
        "cost": cost,
    }
    try:
        text = json.dumps(content, allow_nan=False)
    except ValueError:
        raise DataError(
            "a weight or bias is not finite",
            cure="Create a new network, and train it with a smaller eta.",
        ) from None
    write_whole(Path(path), text.encode())


def write_model(path: str | os.PathLike[str], model: Model) -> None:
    """Write a network with `input_scale` in its first weights, and zeros for missing biases.

    Raises
    ------
    ArgumentError
        If the book's programs do not have such a network.
    OSError
        If the file cannot be written.
    """
    cost, names = model.description.cost, {ours: theirs for theirs, ours in COSTS.items()}
    if {*model.activations} != {"sigmoid"} or not isinstance(cost, str) or cost not in names:
        raise ArgumentError(
            "the book's programs do not have such a network",
            got=f"{'-'.join(model.activations)} with the cost {cost}",
            expected=f"sigmoid layers with the cost {' or '.join(names)}",
            cure="Use save, to_onnx or to_torch.",
        )
    weights, biases = zip(*model.layers(folded=True), strict=True)
    write(path, weights, [b[:, None] for b in biases], names[cost])


def _parsed(text: bytes) -> tuple[Layers, str]:
    content, layers = json.loads(text), Layers()
    pairs = zip(content["weights"], content["biases"], strict=True)
    for l, matrices in enumerate(pairs, start=1):
        W, b = (np.array(matrix, np.float64) for matrix in matrices)
        if b.ndim != 2 or b.shape[1] != 1:
            raise ValueError(f"biases of shape {b.shape}")
        layers.add(W, b[:, 0], f"layer {l}")
        layers.activate("sigmoid", f"layer {l}")
    if layers.sizes != content["sizes"]:
        raise ValueError(f"sizes {content['sizes']}, but weights for {layers.sizes}")
    if not isinstance(content["cost"], str):
        raise TypeError(f"cost {content['cost']} is not a name")
    return layers, content["cost"]
