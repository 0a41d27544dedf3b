"""An estimator in a model file: network, preprocessing, parameters and records.

Nothing in a file is executed. Parameters that JSON cannot hold (callbacks, a RandomState) have
their default after loading, and the optimizer's state is not stored.
"""

from __future__ import annotations

import inspect
import math
import os
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from bpmatrix.architecture.costs import ParameterCost
from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.array_types import Array
from bpmatrix.checks import find
from bpmatrix.errors import DataError, ModelFileError
from bpmatrix.estimators.fitted import Fitted
from bpmatrix.estimators.labels import Labels
from bpmatrix.estimators.parameters import DTYPES, name_of_dtype
from bpmatrix.estimators.standardization import Standardization
from bpmatrix.storage import persistence, tensor_files
from bpmatrix.storage.tensor_files import DAMAGES, Tensor, TensorFile
from bpmatrix.training.state import LARGEST_COUNT

TYPE_OF_LABELS = re.compile(r"[<>|=]?(?:[biuO]\d?|f[248]|U(\d{1,9}))")
# The longest class that the type in a file may ask memory for, unless one of the classes is longer.
LONGEST_CLASS = 1000
STANDARDIZATIONS = {"_standardization": "inputs", "_y_standardization": "targets"}


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= LARGEST_COUNT


def _is_number(value: object) -> bool:
    return type(value) is float or (type(value) is int and abs(value) <= LARGEST_COUNT)


def _is_curve(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_number, value))


def _or_none(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


# The records of a fit that are stored, each with a check; the first four always exist.
RECORDS: dict[str, Callable[[Any], bool]] = {
    "n_features_in_": _is_count,
    "n_outputs_": _is_count,
    "n_iter_": _is_count,
    "t_": _is_count,
    "loss_": _is_number,
    "best_loss_": _or_none(_is_number),
    "loss_curve_": _is_curve,
    "validation_scores_": _or_none(_is_curve),
    "best_validation_score_": _or_none(_is_number),
    "validation_loss_curve_": _or_none(_is_curve),
    "target_name_": lambda value: isinstance(value, str),
    "_no_improvement_count": _is_count,
}
ALWAYS = list(RECORDS)[:4]


def save(
    estimator: Fitted,
    description: Description,
    parameters: Parameters,
    path: str | os.PathLike[str],
) -> None:
    """Write a fitted estimator to a file: completely or, on an error, not at all."""
    tensor_files.write(path, *contents(estimator, description, parameters))


def contents(
    estimator: Fitted, description: Description, parameters: Parameters
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return what a file holds of an estimator: values of JSON, and tensors by name.

    Raises
    ------
    DataError
        If the classes are of a kind that a file cannot hold, or a weight is not finite.
    """
    labels = getattr(estimator, "_labels", None)
    if labels and not TYPE_OF_LABELS.fullmatch(labels.classes.dtype.str):
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
                name: values
                for name, fits in RECORDS.items()
                if hasattr(estimator, name)
                and fits(from_json(values := to_json(getattr(estimator, name))))
            },
            "labels": labels
            and {
                "kind": labels.kind,
                "sparse": labels.sparse,
                "dtype": labels.classes.dtype.str,
                "classes": labels.classes.tolist(),
            },
            "feature_names": None if names is None else names.tolist(),
            **({"blocks": estimator.blocks_} if getattr(estimator, "blocks_", None) else {}),
        },
        "network": persistence.described(description),
    }
    others: dict[str, Array] = {}
    for attribute, name in STANDARDIZATIONS.items():
        if (found := getattr(estimator, attribute, None)) is not None:
            others |= {f"{name}.mean": found.mean, f"{name}.scale": found.scale}
    return metadata, persistence.tensors_of(parameters, others)


def restore(kinds: Mapping[str, type[Any]], file: TensorFile) -> Any:
    """Return the estimator stored in an open model file.

    Raises
    ------
    ModelFileError
        If it is damaged, or not an estimator of bpmatrix.
    """
    metadata = file.values
    try:
        description = persistence.description_of(metadata)
        estimator = _restored(kinds, metadata["estimator"], description)
    except DAMAGES as error:
        raise ModelFileError(
            f"{file.path} does not describe an estimator",
            got=f"{type(error).__name__}: {error}",
            cure="Save the estimator again; a file of a newer bpmatrix needs that version.",
        ) from None
    columns = {"inputs": description.sizes[0], "targets": description.sizes[-1]}
    present = [name for name in columns if f"{name}.mean" in file.tensors]
    others = {
        f"{name}.{part}": Tensor("F64", (columns[name],))
        for name in present
        for part in ("mean", "scale")
    }
    flat, arrays = persistence.read_tensors(file, description, others)
    if not all((arrays[f"{name}.scale"] > 0).all() for name in present):
        raise ModelFileError(f"{file.path} contains a scale that is not positive")
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
    if not set(ALWAYS) <= set(stored["records"]) <= set(RECORDS):
        raise ValueError("records are missing, or this version does not know some of them")
    if parameters.get("dtype") is not None:  # predictions do not depend on the others
        find(dict.fromkeys(DTYPES), parameters["dtype"], "dtype")
    estimator = kind(**parameters)
    for name, values in stored["records"].items():
        value = from_json(values)
        if not RECORDS[name](value):
            raise ValueError(f"{name} is {value!r}")
        setattr(estimator, name, value)
    estimator.blocks_ = _blocks(stored.get("blocks"))  # absent in older files
    sizes = estimator.n_features_in_, estimator.n_outputs_
    if sizes != (description.sizes[0], description.sizes[-1]):
        raise ValueError("network and estimator differ in size")
    names = stored["feature_names"]
    if names is not None:
        are_texts = isinstance(names, list) and all(isinstance(name, str) for name in names)
        if not are_texts or len(names) != sizes[0]:
            raise ValueError("the names of the features do not fit the network")
        estimator.feature_names_in_ = np.array(names, dtype=object)
    if is_classifier(estimator) != (stored["labels"] is not None):
        raise ValueError("a classifier has classes, a regressor has none")
    if stored["labels"] is not None:
        labels = _labels(stored["labels"], description)
        estimator.__setstate__({"_labels": labels, "classes_": labels.classes})
    return estimator


def _blocks(stored: Any) -> dict[str, int | None] | None:
    """Return the record of blocks. Raises any error if it is not one."""
    if stored is None:
        return None
    found = {"block_size": stored["block_size"], "window": stored["window"]}
    if not (_or_none(_is_count)(found["block_size"]) and _is_count(found["window"])):
        raise ValueError(f"blocks are {stored!r}")
    return found


def _labels(stored: Mapping[str, Any], description: Description) -> Labels:
    """Return the labels. Raises any error if they do not fit the network."""
    classes, found = stored["classes"], TYPE_OF_LABELS.fullmatch(stored["dtype"])
    if found is None or not isinstance(classes, list) or not isinstance(stored["sparse"], bool):
        raise ValueError("the classes are not a list with a type")
    dtype = stored["dtype"]
    if int(found[1] or 0) > LONGEST_CLASS:
        dtype = f"<U{max(LONGEST_CLASS, *map(len, classes))}"
    labels = Labels(np.array(classes, dtype), stored["kind"], stored["sparse"])
    if labels.classes.ndim != 1 or labels.classes.tolist() != classes or not is_plain(classes):
        raise ValueError(f"the classes are not of type {dtype}")
    if not all(one < other for one, other in pairwise(classes)):
        raise ValueError("the classes are not sorted, or one occurs twice")
    kinds = {1: ["binary"], 2: ["binary"]}.get(len(classes), ["multiclass"])
    if classes == list(range(len(classes))):
        kinds = [*kinds, "multilabel-indicator"]
    output = description.sizes[-1], description.activations[-1], description.cost
    if labels.kind not in kinds or output != (
        labels.outputs, labels.output_activation, labels.cost
    ):  # fmt: skip
        raise ValueError("the classes do not fit the network")
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
