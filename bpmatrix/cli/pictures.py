"""The plots of ``bpmatrix train --plot``."""

from __future__ import annotations

import math

import numpy as np

from bpmatrix import History, Network, plots
from bpmatrix.datasets import DataSet
from bpmatrix.plots.figures import svg


def pictures(net: Network, data: DataSet, history: History) -> dict[str, bytes]:
    """Return the plots by file name; two of them only if the samples are images.

    A square number of bytes is an image; `datasets` scales bytes as pixels, too.
    """
    test, drawn = data.test, {}
    if history.epochs:
        drawn["learning-curves"] = plots.learning_curves(history)
    drawn["confusion-matrix"] = plots.confusion_matrix(net, test.X, test.labels)
    if test.X.dtype == np.uint8 and math.isqrt(len(test.X)) ** 2 == len(test.X):
        drawn["hidden-weights"] = plots.hidden_weights(net)
        drawn["misclassified"] = plots.misclassified(net, test.X, test.labels)
    return {f"{name}.svg": svg(figure) for name, figure in drawn.items()}
