"""A `TableModel` in a model file: encoder and members as JSON, their weights as tensors."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

from bpmatrix.errors import ModelFileError
from bpmatrix.estimators import restored
from bpmatrix.storage import tensor_files
from bpmatrix.storage.tensor_files import DAMAGES, Part, TensorFile
from bpmatrix.tables.encoder import TableEncoder

if TYPE_CHECKING:
    from bpmatrix.tables.model import TableModel

NUMBERS = ("center_", "scale_")


def save(model: TableModel, path: str | os.PathLike[str]) -> None:
    """Write a model to a file, completely or not at all."""
    members: list[dict[str, Any]] = []
    arrays: dict[str, Any] = {}
    for i, member in enumerate(model.members_):
        values, tensors = member._contents()  # noqa: SLF001
        members.append(values)
        arrays |= {f"member.{i}.{name}": array for name, array in tensors.items()}
    table = {
        "target": model.target,
        "task": model.task_,
        "seed": model.seed,
        "encoder": model.encoder_.to_json(),
        **{name: getattr(model, name) for name in NUMBERS},
    }
    tensor_files.write(path, {"table": table, "members": members}, arrays)


def restore(kind: type[TableModel], file: TensorFile) -> TableModel:
    """Return the model in an open file.

    Raises
    ------
    ModelFileError
        If it is damaged.
    """
    values = file.values
    try:
        table, members = values["table"], values["members"]
        target, task, seed = table["target"], table["task"], table["seed"]
        model = kind(target, task=task, n_members=len(members), seed=seed)
        model.task_ = task
        model.encoder_ = TableEncoder.of_json(table["encoder"])
        for name in NUMBERS:
            if type(table[name]) is not float or not math.isfinite(table[name]):
                raise ValueError(f"{name} is {table[name]!r}")
            setattr(model, name, table[name])
        if not isinstance(target, str) or task is None or model.scale_ <= 0:
            raise ValueError("target, task or scale are not valid")
        prefixes = [f"member.{i}." for i in range(len(members))]
        if not all(name.startswith(tuple(prefixes)) for name in file.tensors):
            raise ValueError("a tensor belongs to no member")
    except DAMAGES as error:
        raise ModelFileError(
            f"{file.path} does not describe a model of a table",
            got=f"{type(error).__name__}: {error}",
            cure="Save the model again; a file of a newer bpmatrix needs that version.",
        ) from None
    arrays = file.read()
    parts: Any = [Part.of(file, arrays, *pair) for pair in zip(members, prefixes, strict=True)]
    model.members_ = [restored(part) for part in parts]
    _check(model, file)
    return model


def _check(model: TableModel, file: TensorFile) -> None:
    """Check that the members fit the encoder, the task, and each other."""
    kind = {"classification": "MLPClassifier", "regression": "MLPRegressor"}[model.task_]
    width = len(model.encoder_.get_feature_names_out())
    first = model.members_[0]
    for member in model.members_:
        same = type(member).__name__ == kind and member.n_features_in_ == width
        if same and kind == "MLPClassifier":
            same = member.classes_.tolist() == first.classes_.tolist()
        if not same or (kind == "MLPRegressor" and member.n_outputs_ != 1):
            raise ModelFileError(f"{file.path} contains networks that do not fit its columns")
