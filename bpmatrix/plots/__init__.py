"""Plots of training runs and networks, with matplotlib (the extra ``plot``).

Each function returns a new `matplotlib.figure.Figure`, or draws into `ax`, and changes no global
state. Save it with
``figure.savefig("curves.svg")``; a notebook displays it.

The numbers are computed in lower layers; plots of benchmarks are in `bench/`.
"""

from bpmatrix.plots.pictures import (
    confusion_matrix,
    hidden_weights,
    images,
    learning_curves,
    misclassified,
)

__all__ = [
    "confusion_matrix",
    "hidden_weights",
    "images",
    "learning_curves",
    "misclassified",
]
