"""State dicts: arrays by name, in a mapping or a .safetensors file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from itertools import pairwise, permutations
from typing import Any

from bpmatrix.array_types import Array
from bpmatrix.exchange.layers import Layers, NotUnderstoodError
from bpmatrix.exchange.torch_modules import as_array
from bpmatrix.storage.tensor_files import read_foreign

# Of layers whose names differ in more than numbers; their orders are tried one by one.
MOST_NAMED_LAYERS = 7
NUMBERS = "Name the layers by numbers, in their order: 0.weight, 0.bias, 1.weight, ..."


def read(source: str | os.PathLike[str] | Mapping[str, Any]) -> Layers:
    """Return the layers in a state dict, all with the activation function identity.

    Raises
    ------
    DataNotFoundError, ModelFileError
        If it is a file that does not exist, or that is damaged.
    NotUnderstoodError
        If there is an array that is neither a weight nor a bias, one is missing, or the shapes or
        types do not fit together.
    """
    if hasattr(source, "state_dict"):
        raise NotUnderstoodError("a module", "Pass module.state_dict().")
    if not isinstance(source, Mapping):
        source = read_foreign(source)
    arrays: dict[str, dict[str, Array]] = {"weight": {}, "bias": {}}
    for name, tensor in source.items():
        layer, _, part = str(name).rpartition(".")
        if part not in arrays:
            raise NotUnderstoodError(f"{name}, which is neither a weight nor a bias")
        arrays[part][layer] = as_array(tensor, str(name))
    weights, biases = arrays["weight"], arrays["bias"]
    if alone := biases.keys() - weights.keys():
        raise NotUnderstoodError(f"{min(alone)}.bias without {min(alone)}.weight")
    for name, W in weights.items():
        if W.ndim != 2:
            raise NotUnderstoodError(f"{name}.weight of shape {W.shape}")
    layers = Layers()
    for name in _in_order(weights):
        layers.add(weights[name], biases.get(name), f"{name}.weight".lstrip("."))
    return layers


def _in_order(weights: Mapping[str, Array]) -> tuple[str, ...]:
    """Return the names of the layers in the order of their numbers, or else of their shapes."""
    names = tuple(sorted(weights, key=_key))
    if len(set(map(_words, names))) < 2:
        return names
    tried = permutations(names) if len(names) <= MOST_NAMED_LAYERS else ()
    orders = [order for order in tried if _fits([weights[name].shape for name in order])]
    orders = [order for order in orders if sorted(order, key=_words) == sorted(names, key=_words)]
    if len(orders) != 1:
        shapes = ", ".join(f"{name} {weights[name].shape}" for name in names)
        count = "more than one order" if orders else "no order"
        raise NotUnderstoodError(f"layers whose shapes fit in {count}: {shapes}", NUMBERS)
    return orders[0]


def _key(name: str) -> str:
    """Return a name with long numbers, to sort fc2 before fc10."""
    return re.sub(r"\d+", lambda number: number[0].zfill(12), name)


def _words(name: str) -> str:
    """Return a name without its numbers."""
    return re.sub(r"\d+", "", name)


def _fits(shapes: list[tuple[int, ...]]) -> bool:
    return all(after[1] == before[0] for before, after in pairwise(shapes))
