"""The descriptions of the costs agree with the reference and with the kernels."""

from __future__ import annotations

import math

import pytest

from bpmatrix import Huber, Network, Quantile, reference
from bpmatrix.architecture.activations import ACTIVATIONS
from bpmatrix.architecture.costs import COSTS, find_cost
from bpmatrix.errors import ArgumentError
from bpmatrix.kernels import codes
from bpmatrix.kernels.functions import distances


def test_names_and_codes_agree() -> None:
    """Each cost is found by its own name and has a code of its own."""
    robust = {"absolute", "huber", "quantile", "poisson"}
    assert set(COSTS) >= {"quadratic", "cross_entropy", "log_likelihood", *robust}
    for name, record in COSTS.items():
        assert find_cost(name) is record
        assert record.name == name
        assert record.code == getattr(codes, name.upper(), None)
        assert (record.code is None) == hasattr(distances, f"{name}_slope")
        assert (record.partner is None) == (name in reference.COST_PRIME)
    known = [record.code for record in COSTS.values() if record.code is not None]
    assert len(set(known)) == len(known)
    assert set(reference.COST) == set(COSTS)


@pytest.mark.parametrize(
    ("name", "partner", "interval"),
    [
        ("quadratic", None, (None, None)),
        ("cross_entropy", "sigmoid", (0, 1)),
        ("log_likelihood", "softmax", (0, 1)),
        ("absolute", None, (None, None)),
        (Huber(2.0), None, (None, None)),
        (Quantile(0.1), None, (None, None)),
        ("poisson", "exp", (0, None)),
    ],
)
def test_partners_and_targets(name: str, partner: str | None, interval: tuple) -> None:
    """Cross-entropy belongs with sigmoid, log-likelihood with softmax; both want targets 0 to 1."""
    record = find_cost(name)
    assert record.partner == partner
    assert (record.lowest_target, record.highest_target) == interval
    assert partner is None or partner in ACTIVATIONS


@pytest.mark.parametrize(
    ("cost", "output", "a", "by_hand"),
    [
        # Two outputs; z = 0 and z = ln 3 make round activations.
        ("quadratic", "identity", None, (0**2 + (math.log(3) - 1) ** 2) / 2),
        ("cross_entropy", "sigmoid", (1 / 2, 3 / 4), -math.log(1 / 2) - math.log(3 / 4)),
        ("log_likelihood", "softmax", (1 / 4, 3 / 4), -math.log(3 / 4)),
        # The targets are 0 and 1.
        ("absolute", "identity", (0, math.log(3)), math.log(3) - 1),
        (Huber(0.5), "exp", (1, 3), 0.5 * (1 - 0.25) + 0.5 * (2 - 0.25)),
        ("huber", "exp", (1, 3), 0.5 + (2 - 0.5)),
        (Quantile(0.9), "sigmoid", (1 / 2, 3 / 4), 0.1 * 0.5 + 0.9 * 0.25),
        ("quantile", "sigmoid", (1 / 2, 3 / 4), (0.5 + 0.25) / 2),
        ("poisson", "exp", (1, 3), 1 + (3 - 1 - math.log(3))),
    ],
)
def test_cost_of_one_sample_by_hand(cost: str, output: str, a: tuple, by_hand: float) -> None:
    """The cost of a sample is what the formula gives on paper, summed over its outputs."""
    net = Network([1, 2], output=output, activation="identity", cost=cost, seed=1)
    net.weights[0][:] = 0
    net.biases[0][:] = [[0.0], [math.log(3)]]
    if a:
        assert net.feedforward([[1.0]])[:, 0] == pytest.approx(a, rel=1e-15)
    # About ten operations on numbers below 2, each rounded by half an eps of 2.2e-16.
    assert net.cost([[1.0]], [1]) == pytest.approx(by_hand, rel=0, abs=1e-14)


@pytest.mark.parametrize("name", ["mse", "", None, 1, ["quadratic"]])
def test_an_unknown_name_lists_the_known_ones(name: object) -> None:
    """The error repeats the unknown name and lists the known ones."""
    with pytest.raises(ArgumentError) as caught:
        find_cost(name)
    assert repr(name) in str(caught.value)
    assert all(known in str(caught.value) for known in COSTS)
