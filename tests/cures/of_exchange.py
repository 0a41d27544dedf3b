"""The errors of `exchange`: models that cannot be written in another format, or read from one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from cures.table import Row

from bpmatrix import Network, OwnActivation

OWN = OwnActivation(lambda z: z * z, lambda z: 2 * z)


def exported(activation: str | OwnActivation = "tanh", change: float = 0.0) -> None:
    net = Network([2, 3, 1], activation=activation, output="sigmoid", seed=1)
    net.parameters[:] += change
    net._exported()


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
        "exchange/model.py: Model.rounded",
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
