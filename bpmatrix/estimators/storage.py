"""An estimator in a model file: network, preprocessing, parameters and records.

Nothing in a file is executed. Parameters that JSON cannot hold (callbacks, a RandomState) have
their default after loading, and the optimizer's state is not stored.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.architecture.costs import ParameterCost
from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.errors import BpmatrixError, DataError, ModelFileError
from bpmatrix.estimators.fitted import Fitted
from bpmatrix.estimators.labels import Labels
from bpmatrix.estimators.parameters import name_of_dtype
from bpmatrix.estimators.standardization import Standardization
from bpmatrix.storage import persistence

__all__ = ["from_json", "is_plain", "parameters_of", "restore", "save", "to_json"]

Array = NDArray[Any]

# The records of a fit that are stored.
RECORDS = (
    "n_features_in_", "n_outputs_", "n_iter_", "t_", "loss_", "best_loss_", "loss_curve_",
    "validation_scores_", "best_validation_score_", "validation_loss_curve_", "target_name_",
    "_no_improvement_count",
)  # fmt: skip
# Numbers, text and objects; of the latter, JSON holds text and numbers.
KINDS_OF_LABELS = "biufUO"
STANDARDIZATIONS = {"_standardization": "inputs", "_y_standardization": "targets"}


def save(
    estimator: Fitted,
    description: Description,
    parameters: Parameters,
    path: str | os.PathLike[str],
) -> None:
    """Write a fitted estimator to a file: completely or, on an error, not at all."""
    labels = getattr(estimator, "_labels", None)
    if labels and labels.classes.dtype.kind not in KINDS_OF_LABELS:
        raise DataError(
            "a model file cannot hold these classes",
            got=f"an array of {labels.classes.dtype}",
            expected="numbers or text",
            cure="Fit with text labels: y.astype(str).",
        )
    names = getattr(estimator, "feature_names_in_", None)
    metadata = {
        "estimator": {
            "name": type(estimator).__name__,
            "parameters": {
                name: to_json(value)
                for name, value in parameters_of(estimator).items()
                if is_plain(value)
            },
            "records": {
                name: to_json(getattr(estimator, name))
                for name in RECORDS
                if hasattr(estimator, name) and is_plain(getattr(estimator, name))
            },
            "labels": labels
            and {
                "kind": labels.kind,
                "sparse": labels.sparse,
                "dtype": labels.classes.dtype.str,
                "classes": labels.classes.tolist(),
            },
            "feature_names": None if names is None else names.tolist(),
        },
        "network": persistence.described(description),
    }
    others: dict[str, Array] = {}
    for attribute, name in STANDARDIZATIONS.items():
        if (found := getattr(estimator, attribute, None)) is not None:
            others |= {f"{name}.mean": found.mean, f"{name}.scale": found.scale}
    persistence.write(path, metadata, parameters, others)


def restore(
    kinds: Mapping[str, type[Any]],
    file: Any,
    path: Path,
    metadata: Mapping[str, Any],
) -> Any:
    """Return the estimator stored in an open model file.

    Raises
    ------
    ModelFileError
        If it is damaged, or not an estimator of bpmatrix.
    """
    try:
        description = persistence.description_of(metadata)
        estimator = _restored(kinds, metadata["estimator"], description)
    except (KeyError, TypeError, ValueError, AttributeError, BpmatrixError) as error:
        raise ModelFileError(
            f"{path} does not describe an estimator",
            got=f"{type(error).__name__}: {error}",
            cure="Save the estimator again; a file of a newer bpmatrix needs that version.",
        ) from None
    columns = {"inputs": description.sizes[0], "targets": description.sizes[-1]}
    present = [name for name in columns if f"{name}.mean" in file.keys()]  # noqa: SIM118 - no dict
    others = {
        f"{name}.{part}": ("float64", [columns[name]])
        for name in present
        for part in ("mean", "scale")
    }
    flat, arrays = persistence.read_tensors(file, path, description, others)
    state: dict[str, Any] = {"_description": description, "_parameters": flat, "_optimizer": None}
    for attribute, name in STANDARDIZATIONS.items():
        found = [arrays[f"{name}.{part}"] for part in ("mean", "scale")] if name in present else ()
        state[attribute] = Standardization(*found) if found else None
    is_stored = "loss" in metadata["estimator"]["parameters"]
    if isinstance(description.cost, ParameterCost) and not is_stored:
        estimator.loss = description.cost
    estimator.__setstate__(state)
    return estimator


def _restored(
    kinds: Mapping[str, type[Any]], stored: Mapping[str, Any], description: Description
) -> Any:
    """Return an estimator without its arrays."""
    kind = kinds[stored["name"]]
    parameters = {name: _parameter(value) for name, value in stored["parameters"].items()}
    if not set(parameters) <= set(inspect.signature(kind).parameters):
        raise ValueError("this version does not know some of its parameters")
    if not set(stored["records"]) <= set(RECORDS):
        raise ValueError("this version does not know some of its records")
    estimator = kind(**parameters)
    for name, value in stored["records"].items():
        setattr(estimator, name, from_json(value))
    if stored["feature_names"] is not None:
        estimator.feature_names_in_ = np.array(stored["feature_names"], dtype=object)
    if stored["labels"] is not None:
        labels = _labels(stored["labels"], estimator.n_outputs_)
        estimator.__setstate__({"_labels": labels, "classes_": labels.classes})
    sizes = estimator.n_features_in_, estimator.n_outputs_
    if sizes != (description.sizes[0], description.sizes[-1]):
        raise ValueError("network and estimator differ in size")
    return estimator


def _labels(stored: Mapping[str, Any], outputs: int) -> Labels:
    if not isinstance(stored["classes"], list) or not isinstance(stored["sparse"], bool):
        raise TypeError("labels are not a list")
    if np.dtype(stored["dtype"]).kind not in KINDS_OF_LABELS:
        raise ValueError(f"labels have type {stored['dtype']}")
    if stored["kind"] not in ("binary", "multiclass", "multilabel-indicator"):
        raise ValueError(f"labels have kind {stored['kind']}")
    classes = np.array(stored["classes"], dtype=stored["dtype"])
    labels = Labels(classes, stored["kind"], stored["sparse"])
    if classes.ndim != 1 or labels.outputs != outputs:
        raise ValueError("the number of classes does not fit the outputs")
    return labels


def parameters_of(estimator: Fitted) -> dict[str, Any]:
    """Return the parameters, with dtype by name."""
    found: dict[str, Any] = estimator.get_params(deep=False)
    if found["dtype"] is not None:
        found["dtype"] = name_of_dtype(found["dtype"])
    return found


def is_plain(value: Any) -> bool:
    """Whether `to_json` can convert a value to JSON."""
    if isinstance(value, Mapping):
        return all(is_plain(item) for pair in value.items() for item in pair)
    if isinstance(value, list | tuple | np.ndarray):
        return all(map(is_plain, value))
    return value is None or isinstance(value, str | bool | int | float | np.number | np.bool_)


def to_json(value: Any) -> Any:
    """Convert a value to JSON."""
    if isinstance(value, np.number | np.bool_ | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {"pairs": [[to_json(key), to_json(item)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": repr(value)}
    return value


def _parameter(stored: Any) -> Any:
    """Return a parameter; a sequence as a tuple, as in scikit-learn's defaults."""
    value = from_json(stored)
    return tuple(value) if isinstance(value, list) else value


def from_json(stored: Any) -> Any:
    """Convert back what `to_json` converted."""
    if isinstance(stored, list):
        return [from_json(item) for item in stored]
    if isinstance(stored, dict) and set(stored) == {"pairs"}:
        return {from_json(key): from_json(item) for key, item in stored["pairs"]}
    if isinstance(stored, dict):
        number = stored["number"]
        if number not in ("inf", "-inf", "nan"):
            raise ValueError(f"{number!r} is not a number")
        return float(number)
    return stored
