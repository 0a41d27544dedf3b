"""The errors of `exchange`: models that cannot be written in another format, or read from one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from cures.table import Row

from bpmatrix import MLPClassifier, Network, OwnActivation
from bpmatrix.exchange import onnx_writer

OWN = OwnActivation(lambda z: z * z, lambda z: 2 * z)


def exported(activation: str | OwnActivation = "tanh", change: float = 0.0) -> None:
    net = Network([2, 3, 1], activation=activation, output="sigmoid", seed=1)
    net.parameters[:] += change
    net._exported()


def to_onnx(folder: Path, change: float = 0.0, **options: Any) -> None:
    net = Network([2, 3, 1], seed=1)
    net.parameters[0] += change
    net.to_onnx(folder / "net.onnx", **options)


def to_large_onnx(folder: Path, dtype: str) -> None:
    """Thirteen parameters are too many in float64."""
    with patch.object(onnx_writer, "MOST_BYTES", 80):
        to_onnx(folder, dtype=dtype)


def of_classes(folder: Path, classes: list[Any]) -> None:
    model = MLPClassifier(2, random_state=1).partial_fit([[0.0], [1.0]], classes, classes=classes)
    model.to_onnx(folder / "model.onnx")


def converted(**options: Any) -> None:
    import skl2onnx  # noqa: PLC0415 - an optional package

    rows = np.array([[0.0], [1.0]])
    model = MLPClassifier(2, random_state=1).partial_fit(rows, [0, 1], classes=[0, 1])
    skl2onnx.to_onnx(model, rows, options={id(model): options})


def without_onnx(folder: Path) -> None:
    with patch.dict(sys.modules, {"onnx": None}):
        to_onnx(folder)


def to_c(
    folder: Path, name: str = "net", *, weight: float = 1, bias: float = 1, dtype: str = "float32"
) -> None:
    net = Network([2, 1], cost="poisson", seed=1)
    net.weights[0][:], net.biases[0][:] = weight, bias
    net.to_c(folder / "net.h", name=name, dtype=dtype)


ROWS = [
    Row(
        "exchange/model.py: Model.__post_init__",
        "a model with an activation function of your own cannot be exported",
        lambda _: exported(OWN),
        "Use one of the built-in activation functions.",
        lambda _: exported("relu"),
    ),
    Row(
        "exchange/model.py: Model.__post_init__",
        "a model with parameters that are not finite cannot be exported",
        lambda _: exported(change=np.inf),
        "Train it again with a lower learning rate.",
        lambda _: exported(),
    ),
    Row(
        "exchange/onnx_operators.py: _decode",
        "these classes cannot be written to an ONNX file",
        lambda folder: of_classes(folder, ["fine", "half a pair \ud800"]),
        "Fit the model to labels of another type.",
        lambda folder: of_classes(folder, [0, 1]),
        needs="onnx",
    ),
    Row(
        "exchange/sklearn_onnx.py: convert",
        "skl2onnx cannot convert this estimator with an option",
        lambda _: converted(zipmap="columns"),
        "Leave it out",
        lambda _: (converted(), converted(zipmap=False)),
        needs="skl2onnx",
    ),
    Row(
        "exchange/onnx_writer.py: to_bytes",
        "to_onnx",
        without_onnx,
        "to_onnx needs onnx, which is missing or too old. In a clone of bpmatrix: pip install"
        " '.[onnx]'",
        why="a test cannot install a package",
    ),
    Row(
        "exchange/onnx_writer.py: to_bytes",
        "opset is not valid",
        lambda folder: to_onnx(folder, opset=12),
        "expected 13 to",
        lambda folder: to_onnx(folder, opset=13),
        needs="onnx",
    ),
    Row(
        "exchange/onnx_writer.py: to_bytes",
        "the network is too large for one ONNX file",
        lambda folder: to_large_onnx(folder, "float64"),
        'Pass dtype="float32".',
        lambda folder: to_large_onnx(folder, "float32"),
        needs="onnx",
    ),
    Row(
        "exchange/model.py: check_range",
        "a number of the model is outside the range of {}",
        lambda folder: to_c(folder, weight=1e39),
        'Pass dtype="float64".',
        lambda folder: to_c(folder, weight=1e39, dtype="float64"),
    ),
    Row(
        "exchange/c_words.py: check_name",
        "name must be an identifier of C",
        lambda folder: to_c(folder, "my-net"),
        'Pass name="my_net".',
        lambda folder: to_c(folder, "my_net"),
    ),
    Row(
        "exchange/c_samples.py: self_test_samples",
        "the outputs of the model are not finite",
        lambda folder: to_c(folder, bias=100),
        'Pass dtype="float64", or train again with a lower learning rate.',
        lambda folder: to_c(folder, bias=100, dtype="float64"),
    ),
]
