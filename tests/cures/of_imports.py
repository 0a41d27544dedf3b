"""The errors of `exchange`: models that cannot be read from another format."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import numpy as np
from cures.table import Row
from onnx_bytes import graph, model, node, tensor, value

from bpmatrix import Network
from bpmatrix.exchange.layers import Layers
from bpmatrix.nielsen import network2

STATE = {"0.weight": np.eye(2)}


def read(output: str | None) -> Network:
    layers = Layers()
    layers.add(np.ones((1, 2)), None, "here")
    layers.activate("tanh", "here")
    return Network._of(layers, output, None, 1)


def read_onnx(folder: Path, *outputs: str, length: int | None = None) -> Network:
    """Read a file with a layer and two outputs, or one of them."""
    nodes = [node("MatMul", "x W", "z"), node("Sigmoid", "z", "y")]
    parts = [value(name, None) for name in outputs]
    content = model(graph(nodes, [tensor("W", np.eye(2))], [value("x", None)], parts))
    (folder / "net.onnx").write_bytes(content[:length])
    return Network.from_onnx(folder / "net.onnx")


def from_state(first: str, second: str) -> Network:
    arrays = {f"{first}.weight": np.ones((2, 3)), f"{second}.weight": np.ones((3, 2))}
    return Network.from_state_dict(arrays, activation="relu", output="identity")


def without_torch() -> None:
    with patch.dict("sys.modules", {"torch": None}):
        Network([2, 1]).to_torch()


def module_of_torch() -> None:
    nn = import_module("torch").nn
    Network.from_torch(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)))


def book_file(folder: Path, cost: str = "QuadraticCost", number: float = 0.5) -> Path:
    net = network2.Network([2, 3, 1], cost=network2.QuadraticCost)
    net.biases[0][0] = number
    net.save(folder / "net.json")
    text = (folder / "net.json").read_text()
    (folder / "net.json").write_text(text.replace("QuadraticCost", cost))
    return folder / "net.json"


ROWS = [
    Row(
        "exchange/book_files.py: write_model",
        "the book's programs do not have such a network",
        lambda folder: Network([2, 3, 1], activation="relu").to_book(folder / "net.json"),
        "Use save, to_onnx or to_torch.",
        lambda folder: Network([2, 3, 1], activation="relu").save(folder / "net.safetensors"),
    ),
    Row(
        "exchange/book_files.py: write",
        "a weight or bias is not finite",
        lambda folder: book_file(folder, number=np.nan),
        "Create a new network, and train it with a smaller eta.",
        book_file,
    ),
    Row(
        "exchange/book_files.py: read",
        "{} is not a network of the book's network2",
        lambda folder: Network.from_book(book_file(folder, 'QuadraticCost", "size')),
        "expected JSON with sizes, weights, biases and the name of a cost",
        lambda folder: Network.from_book(book_file(folder)),
    ),
    Row(
        "exchange/imports.py: Imports.from_book",
        "{} names a cost that the book does not have",
        lambda folder: Network.from_book(book_file(folder, "AbsoluteCost")),
        'Pass another, for example cost="quadratic".',
        lambda folder: Network.from_book(book_file(folder, "AbsoluteCost"), cost="quadratic"),
    ),
    Row(
        "exchange/imports.py: Imports.from_onnx",
        "{} is not a complete ONNX file",
        lambda folder: read_onnx(folder, "y", length=-1),
        "Export or copy the model again; perhaps it was not copied completely.",
        lambda folder: read_onnx(folder, "y"),
    ),
    Row(
        "exchange/imports.py: Imports.from_onnx",
        "{} is not a network that bpmatrix can read",
        lambda folder: read_onnx(folder, "y", "z"),
        "Keep one of each: onnx.utils.extract_model(path, new_path, [input], [output]).",
        lambda folder: read_onnx(folder, "y"),
    ),
    Row(
        "exchange/imports.py: Imports.from_state_dict",
        "a state dict does not say which activation function the output has",
        lambda _: Network.from_state_dict(STATE, activation="relu"),
        'Pass it, for example output="softmax" or output="identity".',
        lambda _: Network.from_state_dict(STATE, activation="relu", output="softmax"),
    ),
    Row(
        "exchange/imports.py: Imports.from_state_dict",
        "the state dict is not that of a network",
        lambda _: from_state("encoder", "decoder"),
        "Name the layers by numbers, in their order: 0.weight, 0.bias, 1.weight, ...",
        lambda _: from_state("0", "1"),
    ),
    Row(
        "exchange/imports.py: Imports.from_torch",
        "a network cannot compute what this module computes",
        lambda _: Network.from_torch("model.pt"),
        "pass nn.Sequential(model.fc1, nn.ReLU(), model.fc2)",
        lambda _: module_of_torch(),
        needs="torch",
    ),
    Row(
        "exchange/layers.py: Layers.arguments",
        "the model has another activation function at its output",
        lambda _: read("softmax"),
        "Leave out output.",
        lambda _: read(None),
    ),
    Row(
        "exchange/torch_modules.py: written",
        "to_torch",
        lambda _: without_torch(),
        "torch, which is missing or too old. In a clone of bpmatrix: pip install '.[neighbors]'",
        why="PyTorch is too large to install in a test.",
    ),
]
