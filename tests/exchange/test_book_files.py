"""The book's JSON: read as a Network, written by one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bpmatrix import Huber, Network
from bpmatrix.errors import ArgumentError, DataError, ModelFileError
from bpmatrix.nielsen import network2

X = np.random.default_rng(2).normal(size=(3, 20))


@pytest.mark.parametrize("cost", [network2.QuadraticCost, network2.CrossEntropyCost])
def test_a_network_of_the_book_and_back(tmp_path: Path, cost: type) -> None:
    """Bit for bit, with its cost."""
    book = network2.Network([3, 4, 2], cost=cost)
    book.save(tmp_path / "book.json")
    net = Network.from_book(tmp_path / "book.json", seed=3)
    assert net.seed == 3
    for ours, theirs in zip((net.weights, net.biases), (book.weights, book.biases), strict=True):
        assert all(map(np.array_equal, ours, theirs))
    labels = np.arange(20) % 2
    pairs = list(zip(X.T[:, :, None], np.eye(2)[labels][:, :, None], strict=True))
    assert net.cost(X, labels) == pytest.approx(book.total_cost(pairs, 0.0), rel=1e-14)
    net.to_book(tmp_path / "net.json")
    assert (tmp_path / "net.json").read_bytes() == (tmp_path / "book.json").read_bytes()


def test_a_network_goes_to_the_book(tmp_path: Path) -> None:
    net = Network([3, 4, 2], input_scale=0.25, bias=False, dtype="float32", seed=1)
    net.to_book(tmp_path / "net.json")
    book = network2.load(tmp_path / "net.json")
    assert book.cost is network2.CrossEntropyCost
    assert [b.tolist() for b in book.biases] == [[[0.0]] * 4, [[0.0]] * 2]
    # The network computes in float32: sums of at most 4 terms.
    np.testing.assert_allclose(book.feedforward(X), net.feedforward(X), rtol=2e-6)


def test_what_the_book_does_not_have(tmp_path: Path) -> None:
    for net in (
        Network([2, 3, 1], activation="tanh"),
        Network([2, 3, 1], output="softmax", cost="log_likelihood"),
        Network([2, 1], output="sigmoid", cost=Huber()),
    ):
        with pytest.raises(ArgumentError, match="the book's programs do not have"):
            net.to_book(tmp_path / "net.json")
    net = Network([2, 1])
    net.parameters[0] = np.nan
    with pytest.raises(DataError, match="not finite"):
        net.to_book(tmp_path / "net.json")
    assert not list(tmp_path.iterdir())


def test_costs_of_scripts_and_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    content = {"sizes": [2, 1], "weights": [[[1, 2]]], "biases": [[[0.5]]], "cost": "MyCost"}
    path.write_text(json.dumps(content))
    with pytest.raises(ModelFileError, match=r"'MyCost'.*cost=\"quadratic\""):
        Network.from_book(path)
    assert Network.from_book(path, cost="quadratic").weights[0].tolist() == [[1.0, 2.0]]
    with pytest.raises(ArgumentError, match="cannot be combined"):
        Network.from_book(path, cost="poisson")
    for change in (
        {"biases": [[[0.5, 0.5]]]}, {"biases": [[0.5]]}, {"biases": []}, {"weights": [[[1], [2]]]},
        {"weights": [[[1, 2]], [[1]]], "biases": [[[1]], [[1]]]}, {"sizes": [2, 1, 1]},
        {"weights": [1], "biases": [1]}, {"weights": [[[]]]},
    ):  # fmt: skip
        path.write_text(json.dumps(content | change))
        with pytest.raises(ModelFileError, match="is not a network of the book"):
            Network.from_book(path)
    with pytest.raises(FileNotFoundError):
        Network.from_book(tmp_path / "another.json")
