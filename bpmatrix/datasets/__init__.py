"""Data sets for classification: the digits in the package, MNIST, and a user's own files.

Samples are columns and contiguous in memory, so that a network reads them without a copy. `load` is
the only entry point. Nothing here depends on networks.
"""

from bpmatrix.datasets.dataset import DataSet, Split
from bpmatrix.datasets.loading import load

__all__ = ["DataSet", "Split", "load"]
