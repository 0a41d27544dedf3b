"""Vanishing gradients (ch. 5): how fast each hidden layer learns, in networks of different depth.

The speed of a layer is the norm of the mean gradient with respect to its biases. Early layers start
slower than late ones, by a factor per layer in between. `backprop` is called with all images as one
matrix, where the book loops over them.
"""

from collections.abc import Sequence

import figure
import numpy as np

from bpmatrix.nielsen import network2

FEW = 1000


def speeds(net: network2.Network, training_data: figure.Pairs) -> list[float]:
    """Return the norm of the mean gradient with respect to the biases of each hidden layer."""
    X, Y = (np.hstack(columns) for columns in zip(*training_data, strict=True))
    nabla_b, _ = net.backprop(X, Y)
    return [float(np.linalg.norm(nabla / len(training_data))) for nabla in nabla_b[:-1]]


def main(arguments: Sequence[str] | None = None) -> figure.Curves:
    """Train with 2, 3 and 4 hidden layers; return the speed of each layer before every epoch."""
    args = figure.parse(__doc__, arguments, digits=100, mnist=500)
    curves: dict[str, Sequence[float]] = {}
    for layers in (2, 3, 4):
        training_data, _, _, n_inputs = figure.load(args.data)
        few = training_data[:FEW]
        net = network2.Network([n_inputs, *[30] * layers, 10])
        found = []
        for _ in range(args.epochs):
            found.append(speeds(net, few))
            net.SGD(few, 1, len(few), 0.1, lmbda=5.0)
        print(f"{layers} hidden layers start with", *(f"{speed:.4f}" for speed in found[0]))
        for l, values in enumerate(zip(*found, strict=True), start=1):
            curves[f"hidden layer {l} of {layers}"] = values
    title = f"Speed of learning, {FEW} images of {args.data}"
    return figure.finish(args, range(args.epochs), curves, title, xlabel="epoch", yscale="log")


if __name__ == "__main__":
    main()
