"""Initial weights (ch. 3): with standard deviation 1, and 1 / sqrt(number of inputs).

With the large ones, hidden units start saturated, the more so the more inputs: on MNIST this delays
learning; on the digits, with a twelfth of the inputs, the final accuracy is lower.
"""

from collections.abc import Sequence

import figure

from bpmatrix.nielsen import network2


def main(arguments: Sequence[str] | None = None) -> figure.Curves:
    """Train from both; return the accuracies on the validation images."""
    args = figure.parse(__doc__, arguments, digits=30, mnist=30)
    curves = {}
    for name in ("default", "large"):
        training_data, validation_data, _, n_inputs = figure.load(args.data)
        net = network2.Network([n_inputs, 30, 10], cost=network2.CrossEntropyCost())
        if name == "large":
            net.large_weight_initializer()
        print(f"\nFrom the {name} weights")
        accuracy = net.SGD(
            training_data, args.epochs, 10, 0.1,
            lmbda=figure.LMBDA_PER_IMAGE * len(training_data),
            evaluation_data=validation_data,
            monitor_evaluation_accuracy=True,
        )[1]  # fmt: skip
        curves[f"{name} weights"] = figure.percent(accuracy, len(validation_data))
    title = f"Accuracy on the validation images of {args.data}, %"
    return figure.finish(args, range(args.epochs), curves, title, xlabel="epoch")


if __name__ == "__main__":
    main()
