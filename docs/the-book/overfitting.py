"""Overfitting (ch. 3): from few images a network also learns their noise.

The cost on the training images falls until all of them are classified correctly. On the test images
the cost starts to rise, while the accuracy stays the same. A penalty on the weights, lambda = 0.1,
helps.
"""

from collections.abc import Sequence

import figure

from bpmatrix.nielsen import network2

# The number of training images.
FEW = {"digits": 100, "mnist": 1000}


def main(arguments: Sequence[str] | None = None) -> figure.Curves:
    """Train on few images without and with the penalty; return the four figures of both."""
    args = figure.parse(__doc__, arguments, digits=200, mnist=400)
    curves: dict[str, list[float]] = {}
    for lmbda in (0.0, 0.1):
        training_data, _, test_data, n_inputs = figure.load(args.data)
        few = training_data[: FEW[args.data]]
        net = network2.Network([n_inputs, 30, 10], cost=network2.CrossEntropyCost())
        net.large_weight_initializer()
        test_cost, test_accuracy, training_cost, training_accuracy = net.SGD(
            few, args.epochs, 10, 0.5, lmbda,
            evaluation_data=test_data,
            monitor_evaluation_cost=True,
            monitor_evaluation_accuracy=True,
            monitor_training_cost=True,
            monitor_training_accuracy=True,
        )  # fmt: skip
        curves |= {
            f"training cost, lambda {lmbda}": training_cost,
            f"test cost, lambda {lmbda}": test_cost,
            f"training accuracy, %, lambda {lmbda}": figure.percent(training_accuracy, len(few)),
            f"test accuracy, %, lambda {lmbda}": figure.percent(test_accuracy, len(test_data)),
        }
    title = f"Overfitting: {len(few)} images of {args.data}"
    return figure.finish(args, range(args.epochs), curves, title, xlabel="epoch", yscale="log")


if __name__ == "__main__":
    main()
