"""The errors of the book's programs."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
from cures.table import Row

from bpmatrix import datasets
from bpmatrix.nielsen import bridge, network2
from bpmatrix.nielsen.convert import convert
from bpmatrix.nielsen.mnist_loader import load_data_wrapper, vectorized_result

__all__ = ["ROWS"]

x, y = np.ones((2, 1)), np.ones((1, 1))
# Twelve images of 2 x 2 bytes, ten of them for training.
PIXELS = np.arange(48).reshape(12, 4)
DIGITS = np.arange(12) % 10


def net(*sizes: int, **options: object) -> network2.Network:
    """Return a network; by default with two inputs and one output."""
    return network2.Network(list(sizes) or [2, 3, 1], **options)


def train(network: network2.Network, *pairs: tuple, eta: float = 0.5, **options: object) -> object:
    """Train for an epoch."""
    return network.SGD(list(pairs) or [(x, y)], 1, 1, eta, **options)


class AbsoluteCost:
    """A custom cost whose delta has the right shape."""

    fn = staticmethod(lambda a, y: np.abs(a - y).sum())
    delta = staticmethod(lambda z, a, y: np.sign(a - y) * a * (1 - a))


class Flat(AbsoluteCost):
    """Its delta is flat."""

    delta = staticmethod(lambda z, a, y: AbsoluteCost.delta(z, a, y).ravel())


def with_weights(*shapes: tuple[int, int]) -> object:
    """Train a network with weights and biases of these shapes."""
    network = net()
    network.weights = [np.ones(shape) for shape in shapes]
    network.biases = [np.ones((shape[0], 1)) for shape in shapes]
    return train(network)


def save(folder: Path, weight: float = 0.5) -> Path:
    """Save a network with this number as a weight."""
    network = net()
    network.weights[0][0, 0] = weight
    network.save(folder / "net.json")
    return folder / "net.json"


def saved_with(old: str, new: str, **options: object) -> Callable[[Path], object]:
    """Return a function that saves a network, replaces text in the file, and loads it."""

    def load(folder: Path) -> object:
        path = save(folder)
        path.write_text(path.read_text().replace(old, new))
        return network2.load(path, **options)

    return load


def again_with_a_smaller_eta() -> None:
    """Follow the cure with the network that diverged, and with a new one."""
    network = net()
    try:
        train(network, eta=1e308, lmbda=1e3)
    except ArithmeticError:
        train(network, eta=0.5)
    train(net(), eta=0.5)


def book(*parts: tuple, name: str = "new") -> Callable[[Path], object]:
    """Return a function that converts pairs of images and labels, as in the book's file."""

    def write(folder: Path) -> object:
        (folder / "mnist.pkl").write_bytes(pickle.dumps(parts))
        return convert(folder / "mnist.pkl", folder / name)

    return write


PARTS = [(PIXELS[part] / 256, DIGITS[part]) for part in (slice(10), slice(10, 12), slice(5))]


def unreadable(folder: Path) -> object:
    """Convert a pickle of something else."""
    (folder / "mnist.pkl").write_bytes(pickle.dumps([1, 2, 3]))
    return convert(folder / "mnist.pkl", folder / "new")


def as_npz(folder: Path) -> object:
    """Load the same samples from another file."""
    np.savez(folder / "mnist.npz", X=PIXELS, y=DIGITS // 6)
    return datasets.load(folder / "mnist.npz")


ROWS = [
    Row("nielsen/base.py: BookNetwork.backprop", "x and y must have one column per sample",
        lambda _: net().backprop(np.ones((2, 3)), y), "must have one column per sample",
        lambda _: net().backprop(np.ones((2, 3)), np.ones((1, 3)))),
    Row("nielsen/base.py: BookNetwork._output_errors",
        "the cost's delta must have one row per output",
        lambda _: train(net(cost=Flat)), "expected (1, 1)",
        lambda _: train(net(cost=AbsoluteCost))),
    # --------------------------------------------------------------------------------- bridge
    Row("nielsen/bridge.py: _describe", "weights and biases do not fit together",
        lambda _: with_weights((4, 2), (1, 3)), "expected weights (n_1, n_0), (n_2, n_1), ...",
        lambda _: with_weights((4, 2), (1, 4))),
    Row("nielsen/bridge.py: as_pairs", "{} is empty",
        lambda _: net().accuracy([]), "expected one pair (x, y) or more",
        lambda _: net().accuracy([(x, 1)])),
    Row("nielsen/bridge.py: _no_pairs", "{} must be a list of pairs (x, y)",
        lambda _: net(64, 10).accuracy(load_data_wrapper("digits")),
        "Pass one of the three lists that mnist_loader.load_data_wrapper() returns.",
        lambda _: (train(net(64, 10), *load_data_wrapper("digits")[0]),
                   net(64, 10).accuracy(load_data_wrapper("digits")[2]))),
    Row("nielsen/bridge.py: as_columns", "the data are empty, so there is no {}",
        lambda _: bridge.as_columns([], 2, "x"), "expected one pair or more",
        lambda _: bridge.as_columns([x], 2, "x")),
    Row("nielsen/bridge.py: as_columns", "{} does not hold real numbers",
        lambda _: train(net(), (x + 1j, y)), "Pass x.real of complex numbers, and x.astype(float)",
        lambda _: (train(net(), ((x + 1j).real, y)),
                   train(net(), (x.astype(str).astype(float), y)))),
    Row("nielsen/bridge.py: _no_column", "{} must be a column vector that fits the network",
        lambda _: train(net(), (x.ravel(), y)), "Reshape it: numpy.reshape(x, (2, 1)).",
        lambda _: (train(net(), (np.reshape(x.ravel(), (2, 1)), y)),
                   train(net(2, 10), (x, vectorized_result(3))),  # instead of the label 3
                   train(net(5, 1), (np.ones((5, 1)), y)))),  # made for five inputs
    Row("nielsen/bridge.py: as_labels", "y must be a label",
        lambda _: net(64, 10).accuracy(load_data_wrapper("digits")[0]),
        "Pass test or validation data of load_data_wrapper",
        lambda _: [net(64, 10).accuracy(data) for data in load_data_wrapper("digits")[1:]]),
    Row("nielsen/bridge.py: as_outputs", "y has numbers outside the range of the cost",
        lambda _: train(net(), (x, 4 * y)), "create the network with cost=network2.QuadraticCost",
        lambda _: (train(net(), (x, y)), train(net(cost=network2.QuadraticCost), (x, 4 * y)))),
    Row("training/endings.py: diverged",
        "training diverged in epoch {}, mini-batch {}: {} is not finite",
        lambda _: train(net(), eta=1e308, lmbda=1e3), "Lower eta (it is 1e+308).",
        lambda _: again_with_a_smaller_eta()),
    # ---------------------------------------------------------------------------------- files
    Row("nielsen/convert.py: convert", "the folder {} {}",
        book(*PARTS, name="."), "Name a new folder.",
        lambda folder: (book(*PARTS)(folder), (folder / "above").mkdir(),
                        book(*PARTS, name="above/new")(folder))),
    Row("nielsen/convert.py: _unfit", "{} does not hold the book's data",
        book(*PARTS[:2]), "expected training, validation (a fifth as many) and test images",
        book(*PARTS)),
    Row("nielsen/pickled.py: read_pickled_arrays", "{} is not a file of pickled arrays",
        unreadable, "Other data load as IDX, CSV or npz files.",
        lambda folder: (book(*PARTS)(folder), as_npz(folder))),
    # ------------------------------------------------------------------------------- network2
    Row("nielsen/costs.py: checked_cost",
        "cost must have the functions fn(a, y) and delta(z, a, y)",
        lambda _: net(cost="cross_entropy"),
        "Pass network2.CrossEntropyCost, network2.QuadraticCost, or a class with both.",
        lambda _: [net(cost=cost) for cost in (
            network2.CrossEntropyCost, network2.QuadraticCost, AbsoluteCost)]),
    Row("nielsen/mnist_loader.py: vectorized_result", "j must be a digit",
        lambda _: vectorized_result(10), "expected 0 to 9", lambda _: vectorized_result(9)),
    Row("nielsen/network2.py: Network._evaluation", "there are no evaluation data to monitor",
        lambda _: train(net(), monitor_evaluation_cost=True), "Pass evaluation_data.",
        lambda _: train(net(2, 3, 10), (x, np.eye(10)[:, :1]), monitor_evaluation_cost=True,
                        evaluation_data=[(x, 0)])),
    Row("nielsen/network2.py: load", "{} names a cost that network2 does not have",
        saved_with("CrossEntropy", "Absolute"), "Pass your own: load(filename, cost=...).",
        saved_with("CrossEntropy", "Absolute", cost=AbsoluteCost)),
]  # fmt: skip
