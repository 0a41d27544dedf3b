"""Pictures of a training and of a network, drawn by matplotlib (the extra ``plot``).

Each function returns a `matplotlib.figure.Figure` of its own and touches no global state:
``figure.savefig("curves.svg")`` keeps it, a notebook shows it.

What is drawn is computed in the rooms below; benchmarks draw their own in `bench/`.
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
