"""Vanishing gradients (ch. 5): how fast each hidden layer learns, in deeper and deeper networks.

The speed of a layer is the length of the mean gradient by its biases. Early layers begin slower
than late ones, by a factor for each layer between them. `backprop` takes all images as one matrix,
where the book goes through them one by one.
"""

from __future__ import annotations

from collections.abc import Sequence

import figure
import numpy as np

from bpmatrix.nielsen import network2

FEW = 1000


def speeds(net: network2.Network, training_data: figure.Pairs) -> list[float]:
    """Return the length of the mean gradient by the biases of each hidden layer."""
    X, Y = (np.hstack(columns) for columns in zip(*training_data, strict=True))
    nabla_b, _ = net.backprop(X, Y)
    return [float(np.linalg.norm(nabla / len(training_data))) for nabla in nabla_b[:-1]]


def main(arguments: Sequence[str] | None = None) -> figure.Curves:
    """Train with 2, 3 and 4 hidden layers; return the speed of each layer before every epoch."""
    wanted = figure.options(__doc__, arguments, digits=100, mnist=500)
    curves: dict[str, Sequence[float]] = {}
    for layers in (2, 3, 4):
        training_data, _, _, n_inputs = figure.load(wanted.data)
        few = training_data[:FEW]
        net = network2.Network([n_inputs, *[30] * layers, 10])
        found = []
        for _ in range(wanted.epochs):
            found.append(speeds(net, few))
            net.SGD(few, 1, len(few), 0.1, lmbda=5.0)
        print(f"{layers} hidden layers begin with", *(f"{speed:.4f}" for speed in found[0]))
        for l, values in enumerate(zip(*found, strict=True), start=1):
            curves[f"hidden layer {l} of {layers}"] = values
    title = f"Speed of learning, {FEW} images of {wanted.data}"
    return figure.finish(wanted, range(wanted.epochs), curves, title, xlabel="epoch", yscale="log")


if __name__ == "__main__":
    main()
