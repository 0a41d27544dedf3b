"""The errors of `storage`: model files, complete and damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from cures.table import Row
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import bpmatrix
from bpmatrix import Adam, MLPClassifier, Network, OwnActivation

DAMAGED = "A damaged or forged file cannot be repaired."
WITH_OWN = {
    "sizes": [2, 3, 1],
    "activation": OwnActivation(lambda z: z * z, lambda z: 2 * z),
    "cost": "quadratic",
}
X, LABELS = np.eye(2), [0, 2]
Change = Callable[[dict[str, Any], dict[str, Any]], object]


def network() -> Network:
    net = Network([2, 3], seed=1)
    net.train(X, LABELS, epochs=1, optimizer=Adam())
    return net


def saved(folder: Path) -> Path:
    network().save(folder / "net.safetensors")
    return folder / "net.safetensors"


def loaded(folder: Path, change: Change) -> Network:
    """Load a saved file with changed tensors and metadata."""
    path = saved(folder)
    with safe_open(path, framework="numpy") as file:
        metadata = json.loads(file.metadata()["bpmatrix"])
    tensors = load_file(path)
    change(tensors, metadata)
    text = metadata["text"] if "text" in metadata else json.dumps(metadata)
    save_file(tensors, path, {"bpmatrix": text})
    return Network.load(path)


def cut_short(folder: Path) -> Network:
    path = saved(folder)
    path.write_bytes(path.read_bytes()[:-8])
    return Network.load(path)


def of_another_library(folder: Path) -> Network:
    save_file({"weight": X}, folder / "others.safetensors")
    return Network.load(folder / "others.safetensors")


def of_an_estimator(folder: Path) -> Network:
    model = MLPClassifier(hidden_layer_sizes=(3,), max_iter=1, tol=10.0, random_state=1)
    model.partial_fit(X, [0, 1], classes=[0, 1]).save(folder / "model.safetensors")
    return Network.load(folder / "model.safetensors")


def saved_with(number: float, folder: Path) -> None:
    net = network()
    net.weights[0][0, 0] = number
    net.save(folder / "net.safetensors")


def kept_by_its_numbers(folder: Path) -> None:
    network = Network(**WITH_OWN, seed=1)
    with (folder / "numbers").open("wb") as file:
        np.save(file, network.parameters)
    again = Network(**WITH_OWN, seed=2)
    again.parameters[:] = np.load(folder / "numbers")


ROWS = [
    Row(
        "storage/files.py: write_whole",
        "{} is {}",
        lambda folder: network().save(folder),
        "expected a file, or an unused name. Name a file.",
        lambda folder: network().save(folder / "net.safetensors"),
    ),
    Row(
        "storage/persistence.py: write",
        "the network has weights that are not finite",
        lambda folder: saved_with(np.nan, folder),
        "Set them to finite numbers, or train a new network.",
        lambda folder: (saved_with(0.5, folder), saved(folder)),
    ),
    Row(
        "storage/persistence.py: opened",
        "model file {} not found",
        lambda folder: bpmatrix.load(folder / "ned.safetensors"),
        "Check the path.",
        lambda folder: bpmatrix.load(saved(folder)),
    ),
    Row(
        "storage/persistence.py: opened",
        "{} is not a complete .safetensors file",
        cut_short,
        "Save or copy the model again",
        lambda folder: Network.load(saved(folder)),
    ),
    Row(
        "storage/persistence.py: _read",
        "{} contains an estimator, not a network",
        of_an_estimator,
        "Load it with bpmatrix.load(",
        lambda folder: bpmatrix.load(str(folder / "model.safetensors")),
    ),
    Row(
        "storage/persistence.py: _read",
        "{} does not describe a network",
        lambda folder: loaded(folder, lambda _, data: data["network"].pop("cost")),
        why=DAMAGED,
    ),
    Row(
        "storage/persistence.py: _read",
        "{} contains negative means of squares of the optimizer",
        lambda folder: loaded(folder, lambda tensors, _: tensors["optimizer.moments"].fill(-1)),
        why=DAMAGED,
    ),
    Row(
        "storage/persistence.py: read_tensors",
        "{} contains weights that are not finite",
        lambda folder: loaded(folder, lambda tensors, _: tensors["layer.1.weights"].fill(np.nan)),
        why=DAMAGED,
    ),
    Row(
        "storage/persistence.py: _metadata",
        "{} was not saved by bpmatrix",
        of_another_library,
        "Load it with the library that wrote it.",
        lambda folder: load_file(folder / "others.safetensors"),
    ),
    Row(
        "storage/persistence.py: _metadata",
        "{} has damaged metadata",
        lambda folder: loaded(folder, lambda _, data: data.update(text="{")),
        why=DAMAGED,
    ),
    Row(
        "storage/persistence.py: _metadata",
        "{} has another format version",
        lambda folder: loaded(folder, lambda _, data: data.update(version=2)),
        "Load it with the version of bpmatrix that wrote it, or a newer one.",
        why="No version with another format has been written yet.",
    ),
    Row(
        "storage/persistence.py: _check_no_custom_functions",
        "a network with custom functions cannot be saved to a file",
        lambda folder: Network(**WITH_OWN).save(folder / "own.safetensors"),
        "Save its parameters with numpy.save(file, network.parameters), and copy them into a new"
        " network with the same functions: network.parameters[:] = ...",
        kept_by_its_numbers,
    ),
    Row(
        "storage/persistence.py: _check_tensors",
        "{} does not contain the tensors of its network",
        lambda folder: loaded(folder, lambda tensors, _: tensors.pop("layer.1.biases")),
        why=DAMAGED,
    ),
    Row(
        "storage/persistence.py: _check_tensors",
        "{} has an invalid tensor {}",
        lambda folder: loaded(folder, lambda tensors, _: tensors.update({"layer.1.biases": X})),
        why=DAMAGED,
    ),
]
