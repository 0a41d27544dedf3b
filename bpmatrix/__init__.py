"""bpmatrix: backpropagation over a whole mini-batch as one matrix, for multilayer perceptrons.

>>> from bpmatrix import Network, SGD, datasets
>>> digits = datasets.load("digits")
>>> net = Network([64, 30, 10], input_scale=digits.scale, seed=1)
>>> history = net.train(digits.train.X, digits.train.labels, epochs=5)
>>> bool(net.accuracy(digits.test.X, digits.test.labels) > 0.85)
True
"""

from bpmatrix import datasets, errors
from bpmatrix.errors import BpmatrixError
from bpmatrix.network import Network
from bpmatrix.optimizers import SGD
from bpmatrix.training import History

__version__ = "0.1.0"
__all__ = ["SGD", "BpmatrixError", "History", "Network", "datasets", "errors"]
