"""The darkness of a digit (ch. 1): a baseline classifier that uses nothing else.

It predicts the digit whose training images have the mean darkness closest to that of the image.
"""

from collections.abc import Sequence

import figure
import numpy as np
from numpy.typing import NDArray

from bpmatrix.nielsen import mnist_loader


def mean_darkness(images: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean darkness of the images (n, n_0) of each digit: (10,)."""
    darkness = images.sum(axis=1, dtype=np.float64)
    return np.bincount(labels, weights=darkness, minlength=10) / np.bincount(labels, minlength=10)


def guess(images: NDArray[np.float32], means: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the digit with the closest mean darkness for each image."""
    darkness = images.sum(axis=1, dtype=np.float64)
    return np.abs(darkness[:, None] - means).argmin(axis=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Learn from the training images, and count correctly classified test images."""
    args = figure.parse(__doc__, arguments, digits=0, mnist=0)
    training, _, (images, labels) = mnist_loader.load_data(args.data)
    hits = int((guess(images, mean_darkness(*training)) == labels).sum())
    print(f"Darkness alone: {hits} of {len(labels)} test images of {args.data} are right.")
    return hits


if __name__ == "__main__":
    main()
