"""More data (ch. 3): how good a network gets with more and more training images.

Each network takes as many steps as the others, so it sees few images often, or many of them seldom.
Where scikit-learn is installed, a support vector machine learns from the same images.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

import figure

from bpmatrix.nielsen import mnist_loader, network2

SIZES = {
    "digits": [50, 100, 200, 400, 800, 1200],
    "mnist": [100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000],
}


def network_accuracies(wanted: Namespace) -> list[float]:
    """Return the accuracy on the validation images, in per cent, for each size."""
    training_data, validation_data, _, n_inputs = figure.load(wanted.data)
    net = network2.Network([n_inputs, 30, 10], cost=network2.CrossEntropyCost())
    sizes, hits = SIZES[wanted.data], []
    for size in sizes:
        print(f"\n{size} images")
        net.large_weight_initializer()
        epochs = wanted.epochs * sizes[-1] // size
        net.SGD(training_data[:size], epochs, 10, 0.5, figure.LMBDA_OF_AN_IMAGE * size)
        hits.append(net.accuracy(validation_data))
    return figure.percent(hits, len(validation_data))


def svm_accuracies(data: str) -> list[float]:
    """Return the same of a support vector machine; nothing where there is none."""
    try:
        from sklearn.svm import SVC  # noqa: PLC0415 - another program's package
    except ImportError:
        return []
    (images, labels), (validation_images, validation_labels), _ = mnist_loader.load_data(data)
    machines = (SVC().fit(images[:size], labels[:size]) for size in SIZES[data])
    return [100 * machine.score(validation_images, validation_labels) for machine in machines]


def main(arguments: Sequence[str] | None = None) -> figure.Curves:
    """Train on more and more images; return the accuracies on the validation images."""
    wanted = figure.options(__doc__, arguments, digits=50, mnist=30)
    found = {"neural network": network_accuracies(wanted), "SVM": svm_accuracies(wanted.data)}
    curves = {name: accuracies for name, accuracies in found.items() if accuracies}
    title = f"Accuracy on the validation images of {wanted.data}, %"
    xlabel = "training images"
    return figure.finish(wanted, SIZES[wanted.data], curves, title, xlabel=xlabel, xscale="log")


if __name__ == "__main__":
    main()
