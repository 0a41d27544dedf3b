"""Model files: one .safetensors file with the parameters by name, and the rest as JSON metadata.

Nothing in a file is executed, and everything is checked before a network is created.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from bpmatrix.architecture.activations import OwnActivation
from bpmatrix.architecture.costs import COSTS, AnyCost, OwnCost, ParameterCost
from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.array_types import Array
from bpmatrix.checks import find
from bpmatrix.errors import ArgumentError, DataError, ModelFileError
from bpmatrix.storage import tensor_files
from bpmatrix.storage.tensor_files import DAMAGES, Tensor, TensorFile, opened
from bpmatrix.training.state import TrainingState

Own = OwnActivation | OwnCost
Model = tuple[Description, Array, TrainingState, list[dict[str, Any]]]

MOMENTS = "optimizer.moments"
KINDS = {"float64": "F64", "float32": "F32"}


def save(
    path: str | os.PathLike[str],
    description: Description,
    parameters: Parameters,
    training: TrainingState,
    trained: list[dict[str, Any]],
) -> None:
    """Write a network to a file, completely or not at all.

    Raises
    ------
    ArgumentError
        If the network has custom functions.
    DataError
        If a parameter or the optimizer's state is not finite.
    OSError
        If the file cannot be written.
    """
    metadata = {
        "network": described(description),
        **training.to_json(),
        "trained": trained,
    }
    state = training.optimizer_state
    kept = {MOMENTS: state.moments} if state is not None and len(state.moments) else {}
    write(path, metadata, parameters, kept)


def described(description: Description) -> dict[str, Any]:
    """Return a description as JSON; ArgumentError if it has custom functions."""
    _check_no_custom_functions(description)
    return {
        "sizes": description.sizes,
        "activations": description.activations,
        "cost": written_cost(description.cost),
        "input_scale": description.input_scale,
        "bias": description.bias,
        "dtype": description.dtype,
    }


def write(
    path: str | os.PathLike[str],
    metadata: Mapping[str, Any],
    parameters: Parameters,
    others: Mapping[str, Array] | None = None,
) -> None:
    """Write a file: metadata, the parameters of a network, and other arrays by name."""
    tensor_files.write(path, metadata, tensors_of(parameters, others or {}))


def tensors_of(parameters: Parameters, others: Mapping[str, Array]) -> dict[str, Array]:
    """Return the parameters of a network, and other arrays, by the names that a file gives them.

    Raises
    ------
    DataError
        If a number is not finite.
    """
    if not all(np.isfinite(array).all() for array in (parameters.flat, *others.values())):
        raise DataError(
            "the network has weights that are not finite",
            cure="Set them to finite numbers, or train a new network.",
        )
    return _names(parameters) | dict(others)


def load(path: str | os.PathLike[str]) -> Model:
    """Return description, parameters, state of training and record of training from a file.

    Raises
    ------
    DataNotFoundError
        If the file does not exist.
    ModelFileError
        If it is damaged or not a bpmatrix network.
    """
    with opened(path) as file:
        return _read(file)


def _read(file: TensorFile) -> Model:
    path, metadata = file.path, file.values
    if "estimator" in metadata:
        raise ModelFileError(
            f"{path} contains an estimator, not a network",
            cure=f"Load it with bpmatrix.load({str(path)!r}).",
        )
    if "checkpoint" in metadata:
        raise ModelFileError(
            f"{path} is a checkpoint of a training run, not a model",
            cure="Load best.safetensors in the same folder, or resume the run: train(...,"
            " checkpoint=FOLDER).",
        )
    try:
        description = description_of(metadata)
        training = TrainingState.from_json(metadata)
        trained = _trained(metadata["trained"])
    except DAMAGES as error:
        raise ModelFileError(
            f"{path} does not describe a network", got=f"{type(error).__name__}: {error}"
        ) from None
    size, state = description.layout.size, training.optimizer_state
    rows = state.optimizer.rule[1] if state is not None else 0
    shapes = {MOMENTS: Tensor(KINDS[description.dtype], (rows, size))} if rows else {}
    flat, kept = read_tensors(file, description, shapes)
    if state is not None:
        state.moments = kept.get(MOMENTS, np.empty((0, size), description.dtype))
        if (state.moments[1:] < 0).any():  # means of squares
            raise ModelFileError(f"{path} contains negative means of squares of the optimizer")
    return description, flat, training, trained


def description_of(metadata: Mapping[str, Any]) -> Description:
    """Return the description stored in the metadata; raises various errors if it is invalid."""
    network = dict(metadata["network"])
    return Description(
        sizes=tuple(network.pop("sizes")),
        activations=tuple(network.pop("activations")),
        cost=read_cost(network.pop("cost")),
        input_scale=network.pop("input_scale"),
        bias=network.pop("bias"),
        dtype=network.pop("dtype"),
        **network,
    )


def read_tensors(
    file: TensorFile, description: Description, others: Mapping[str, Tensor]
) -> tuple[Array, dict[str, Array]]:
    """Return the flat parameters, and the other arrays with these names, types and shapes.

    Raises
    ------
    ModelFileError
        If the file is damaged, or contains other tensors or one that is not finite.
    """
    _check_tensors(file, description, others)
    arrays = file.read()
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ModelFileError(f"{file.path} contains weights that are not finite")
    flat = np.empty(description.layout.size, description.dtype)
    for name, view in _names(Parameters.of(flat, description.layout)).items():
        view[:] = arrays.pop(name)
    return flat, arrays


def written_cost(cost: AnyCost) -> str | dict[str, Any]:
    """Return a cost as stored in a file: its name, with its parameter if it has one."""
    if isinstance(cost, ParameterCost):
        return {"name": cost.name, **asdict(cost)}
    return str(cost)


def read_cost(written: object) -> AnyCost:
    """Return a cost as `written_cost` stores it; raises various errors if it is invalid."""
    if isinstance(written, dict):
        arguments = dict(written)
        kinds = {name: record.parameter for name, record in COSTS.items() if record.parameter}
        return find(kinds, arguments.pop("name"), "cost")(**arguments)
    if isinstance(written, str):
        return written
    raise TypeError(f"cost is {written!r}")


def _check_no_custom_functions(description: Description) -> None:
    """Reject custom functions: a file could store only their names."""
    custom = [f for f in (*description.activations, description.cost) if isinstance(f, Own)]
    if custom:
        raise ArgumentError(
            "a network with custom functions cannot be saved to a file",
            got=", ".join(map(str, custom)),
            cure="Save its parameters with numpy.save(file, network.parameters), and copy them into"
            " a new network with the same functions: network.parameters[:] = ...",
        )


def _trained(runs: object) -> list[dict[str, Any]]:
    if not (isinstance(runs, list) and all(isinstance(run, dict) for run in runs)):
        raise TypeError(f"trained is {runs!r}")
    return runs


def _check_tensors(
    file: TensorFile, description: Description, others: Mapping[str, Tensor]
) -> None:
    """Compare names, shapes and types with the description before memory is allocated."""
    layers = list(zip(description.sizes[1:], description.sizes[:-1], strict=True))
    shapes = {f"layer.{l}.weights": (n, k) for l, (n, k) in enumerate(layers, start=1)}
    if description.bias:
        shapes |= {f"layer.{l}.biases": (n, 1) for l, (n, _) in enumerate(layers, start=1)}
    kind = KINDS[description.dtype]
    expected = {name: Tensor(kind, shape) for name, shape in shapes.items()} | dict(others)
    if file.tensors.keys() != expected.keys():
        raise ModelFileError(
            f"{file.path} does not contain the tensors of its network",
            got=", ".join(sorted(file.tensors)) or "none",
            expected=", ".join(expected),
        )
    for name, tensor in expected.items():
        if file.tensors[name] != tensor:
            raise ModelFileError(
                f"{file.path} has an invalid tensor {name}",
                got=str(file.tensors[name]),
                expected=str(tensor),
            )


def _names(parameters: Parameters) -> dict[str, Array]:
    named = {f"layer.{l}.weights": W for l, W in enumerate(parameters.weights, start=1)}
    return named | {f"layer.{l}.biases": b for l, b in enumerate(parameters.biases, start=1)}
