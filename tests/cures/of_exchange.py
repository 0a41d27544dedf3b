"""The errors of `exchange`: models that cannot be written in another format, or read from one."""

from __future__ import annotations

import numpy as np
from cures.table import Row

from bpmatrix import Network, OwnActivation

OWN = OwnActivation(lambda z: z * z, lambda z: 2 * z)


def exported(activation: str | OwnActivation = "tanh", change: float = 0.0) -> None:
    net = Network([2, 3, 1], activation=activation, output="sigmoid", seed=1)
    net.parameters[:] += change
    net._exported()


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
]
