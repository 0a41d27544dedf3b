"""Data sets for classification: digits in the package, MNIST, and a user's own files.

Every array here has samples as columns, and a sample is contiguous in memory, so that the network
takes it without a copy. `load` is the one entry. Nothing here knows of a network.
"""

from bpmatrix.datasets.dataset import DataSet, Split
from bpmatrix.datasets.loading import load

__all__ = ["DataSet", "Split", "load"]
