"""The errors of `storage`: model files, complete and damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from cures.table import Row
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import bpmatrix
from bpmatrix import Adam, MLPClassifier, Network, OwnActivation
from bpmatrix.storage.checkpoints import read, write
from bpmatrix.training.checkpoint import Snapshot

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


def while_another_run_writes(folder: Path) -> None:
    class Inputs:
        def __array__(self, *_: object, **__: object) -> np.ndarray:
            run(folder)
            return X

    run(folder, X=Inputs())


def from_state(folder: Path, W: np.ndarray) -> Network:
    save_file({"0.weight": W}, folder / "theirs.safetensors")
    return Network.from_state_dict(
        folder / "theirs.safetensors", activation="relu", output="identity"
    )


def run(folder: Path, name: object = "run", change: Change | None = None, **how: object) -> None:
    """Train with checkpoints, then resume after a change of the newest file."""
    where = folder / name if isinstance(name, str) else name
    for _ in range(2):
        new = Network([2, 3], seed=1)
        new.train(**({"X": X, "targets": LABELS, "epochs": 2, "checkpoint": where} | how))
        if change is None:
            return
        for path in where.glob("checkpoint-*"):
            words, arrays = read(path)
            change(arrays, words)
            write(path, Snapshot(words, arrays))


def overwritten(folder: Path, content: bytes) -> None:
    run(folder)
    for path in (folder / "run").glob("checkpoint-*"):
        path.write_bytes(content or path.read_bytes()[:-1] + b"\xff")
    run(folder)


def read_again(folder: Path, change: Callable[[Path], object]) -> None:
    run(folder)
    path = max((folder / "run").glob("checkpoint-*"))
    change(path)
    read(path)


def flip(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")


def of_a_newer_version(folder: Path) -> None:
    with patch("bpmatrix.storage.checkpoints.VERSION", 2):
        run(folder)
    run(folder)


def into_a_file(folder: Path) -> None:
    (folder / "file").write_bytes(b"")
    run(folder, "file")


def where_nothing_can_be_written(folder: Path) -> None:
    with patch("bpmatrix.storage.tensor_files.write_whole", side_effect=PermissionError):
        run(folder)


def with_other_weights(folder: Path, checkpoint: str = "run") -> None:
    run(folder)
    net = Network([2, 3], seed=1)
    net.parameters[:] = 0
    net.train(X, LABELS, epochs=2, checkpoint=folder / checkpoint)


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


def with_a_record(value: object, folder: Path) -> None:
    model = network()
    model.train(X.T, [0, 1], epochs=1)
    model.trained[-1]["temperature"] = value
    model.save(folder / "net.safetensors")


def with_too_many_records(folder: Path, kept: int = 1000) -> None:
    model = MLPClassifier(hidden_layer_sizes=(3,), random_state=1)
    model.partial_fit(X, [0, 1], classes=[0, 1])
    model.loss_curve_ = [0.5] * 1000
    model.loss_curve_ = model.loss_curve_[-kept:]
    with patch("bpmatrix.storage.tensor_files.MOST_VALUES", 500):
        model.save(folder / "model.safetensors")


def kept_by_its_numbers(folder: Path) -> None:
    network = Network(**WITH_OWN, seed=1)
    with (folder / "numbers").open("wb") as file:
        np.save(file, network.parameters)
    again = Network(**WITH_OWN, seed=2)
    again.parameters[:] = np.load(folder / "numbers")


ROWS = [
    Row(
        "storage/checkpoints.py: Checkpoints.__init__",
        "checkpoint must be the name of a folder",
        lambda folder: run(folder, 3),
        'Pass a folder: checkpoint="run-1".',
        lambda folder: run(folder, "run-1"),
    ),
    Row(
        "storage/checkpoints.py: Checkpoints.__init__",
        "checkpoint: {} is not a folder",
        into_a_file,
        "Pass a folder, or a new name.",
        lambda folder: run(folder, "free"),
    ),
    Row(
        "storage/checkpoints.py: Checkpoints._resume",
        "the newest checkpoint in {} is not valid",
        lambda folder: run(folder, change=lambda tensors, words: tensors.pop("theta")),
        "Pass another folder.",
        lambda folder: run(folder, "another"),
    ),
    Row(
        "storage/checkpoints.py: Checkpoints.begin",
        "cannot write a checkpoint to {}",
        where_nothing_can_be_written,
        "Pass a writable folder on a disk with free space.",
        run,
    ),
    Row(
        "storage/checkpoints.py: Checkpoints._take_folder",
        "another run is using the checkpoints in {}",
        lambda folder: run(folder, callbacks=[lambda info: run(folder)]),
        "Wait until it has ended, or pass another folder.",
        lambda folder: (run(folder), run(folder)),
    ),
    Row(
        "storage/checkpoints.py: Checkpoints._take_folder",
        "another run wrote a checkpoint to {} while this one was starting",
        while_another_run_writes,
        "Repeat the call to resume that run, or pass another folder.",
        lambda folder: (run(folder), run(folder)),
    ),
    Row(
        "storage/checkpoints.py: Checkpoints._check",
        "the checkpoint in {} belongs to a network with different weights: this network has neither"
        " the initial nor the current weights of its run",
        with_other_weights,
        "Start from the same network, or pass another folder.",
        lambda folder: (run(folder), with_other_weights(folder, "another")),
    ),
    Row(
        "storage/checkpoints.py: Checkpoints._check",
        "the checkpoint in {} belongs to a run with different {}",
        lambda folder: (run(folder), run(folder, weight_decay=0.1)),
        "Pass the same values as that run, or another folder.",
        lambda folder: (run(folder), run(folder, "another", weight_decay=0.1)),
    ),
    Row(
        "storage/checkpoints.py: read",
        "{} is not a checkpoint",
        lambda folder: read_again(folder, lambda path: network().save(path)),
        why="A run resumes from the file before, with a warning that includes this message.",
    ),
    Row(
        "storage/tensor_files.py: TensorFile.read",
        "{} is damaged: its digest does not match its contents",
        lambda folder: read_again(folder, flip),
        "Copy it again from where it is intact, or save the model again.",
        lambda folder: Network.load(saved(folder)),
    ),
    Row(
        "storage/tensor_files.py: write",
        "the records hold what a model file cannot",
        lambda folder: with_a_record(np.nan, folder),
        "expected text, finite numbers, True, False or None, and lists and dicts of these. Look for"
        " it in net.trained, and convert or delete it.",
        lambda folder: with_a_record("unknown", folder),
    ),
    Row(
        "storage/tensor_files.py: write",
        "the records are too large for a model file",
        with_too_many_records,
        "Keep only the newest: del net.trained[:-100], or model.loss_curve_ ="
        " model.loss_curve_[-100:].",
        lambda folder: with_too_many_records(folder, kept=100),
    ),
    Row(
        "storage/checkpoints.py: _newest",
        "{} has another format version",
        of_a_newer_version,
        "Resume with the version of bpmatrix that wrote it, or pass another folder.",
        lambda folder: run(folder, "another"),
    ),
    Row(
        "storage/checkpoints.py: _newest",
        "no checkpoint in {} can be read",
        lambda folder: overwritten(folder, b"damaged"),
        "Pass another folder to start a new run.",
        lambda folder: run(folder, "another"),
    ),
    Row(
        "storage/persistence.py: _read",
        "{} is a checkpoint of a training run, not a model",
        lambda folder: read_again(folder, Network.load),
        "Load best.safetensors in the same folder, or resume the run: train(...,"
        " checkpoint=FOLDER).",
        lambda folder: (run(folder), Network.load(folder / "run" / "best.safetensors")),
    ),
    Row(
        "storage/files.py: write_parts",
        "{} is {}",
        lambda folder: network().save(folder),
        "expected a file, or an unused name. Name a file.",
        lambda folder: network().save(folder / "net.safetensors"),
    ),
    Row(
        "storage/persistence.py: tensors_of",
        "the network has weights that are not finite",
        lambda folder: saved_with(np.nan, folder),
        "Set them to finite numbers, or train a new network.",
        lambda folder: (saved_with(0.5, folder), saved(folder)),
    ),
    Row(
        "storage/files.py: open_model",
        "model file {} {}",
        lambda folder: bpmatrix.load(folder / "ned.safetensors"),
        "Check the path.",
        lambda folder: bpmatrix.load(saved(folder)),
    ),
    Row(
        "storage/tensor_files.py: _incomplete",
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
        "storage/tensor_files.py: TensorFile.__init__",
        "{} was not saved by bpmatrix",
        of_another_library,
        "Read its arrays with Network.from_state_dict(path, activation=...).",
        lambda folder: from_state(folder, np.eye(2)),
    ),
    Row(
        "storage/tensor_files.py: read_foreign",
        "{} was saved by bpmatrix",
        lambda folder: Network.from_state_dict(saved(folder), activation="relu", output="exp"),
        "Load it with bpmatrix.load(",
        lambda folder: bpmatrix.load(saved(folder)),
    ),
    Row(
        "storage/tensor_files.py: read_foreign",
        "{} contains an array of another type",
        lambda folder: from_state(folder, np.eye(2, dtype=np.float16)),
        "Save it in float32, for example module.float().state_dict().",
        lambda folder: from_state(folder, np.eye(2, dtype=np.float32)),
    ),
    Row(
        "storage/tensor_files.py: _values_in",
        "{} has damaged metadata",
        lambda folder: loaded(folder, lambda _, data: data.update(text="{")),
        why=DAMAGED,
    ),
    Row(
        "storage/tensor_files.py: _values_in",
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
