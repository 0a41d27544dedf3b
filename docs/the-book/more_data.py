"""More data (ch. 3): accuracy with more and more training images.

Each network takes the same number of steps: few images are used often, many rarely. If scikit-learn
is installed, a support vector machine learns from the same images.
"""

from argparse import Namespace
from collections.abc import Sequence

import figure

from bpmatrix.nielsen import mnist_loader, network2

SIZES = {
    "digits": [50, 100, 200, 400, 800, 1200],
    "mnist": [100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000],
}


def network_accuracies(args: Namespace) -> list[float]:
    """Return the accuracy on the validation images, in percent, for each size."""
    training_data, validation_data, _, n_inputs = figure.load(args.data)
    net = network2.Network([n_inputs, 30, 10], cost=network2.CrossEntropyCost())
    sizes, hits = SIZES[args.data], []
    for size in sizes:
        print(f"\n{size} images")
        net.large_weight_initializer()
        epochs = args.epochs * sizes[-1] // size
        net.SGD(training_data[:size], epochs, 10, 0.5, figure.LMBDA_PER_IMAGE * size)
        hits.append(net.accuracy(validation_data))
    return figure.percent(hits, len(validation_data))


def svm_accuracies(data: str) -> list[float]:
    """Return the same for a support vector machine, or nothing without scikit-learn."""
    try:
        from sklearn.svm import SVC  # noqa: PLC0415 - an optional package
    except ImportError:
        return []
    (images, labels), (validation_images, validation_labels), _ = mnist_loader.load_data(data)
    machines = (SVC().fit(images[:size], labels[:size]) for size in SIZES[data])
    return [100 * machine.score(validation_images, validation_labels) for machine in machines]


def main(arguments: Sequence[str] | None = None) -> figure.Curves:
    """Train on more and more images; return the accuracies on the validation images."""
    args = figure.parse(__doc__, arguments, digits=50, mnist=30)
    found = {"neural network": network_accuracies(args), "SVM": svm_accuracies(args.data)}
    curves = {name: accuracies for name, accuracies in found.items() if accuracies}
    title = f"Accuracy on the validation images of {args.data}, %"
    xlabel = "training images"
    return figure.finish(args, SIZES[args.data], curves, title, xlabel=xlabel, xscale="log")


if __name__ == "__main__":
    main()
