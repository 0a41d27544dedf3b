"""The proof that users run: it agrees for correct gradients, and it would notice wrong ones."""

import numpy as np
import pytest

from bpmatrix import Network
from bpmatrix.cli import main
from bpmatrix.parameters import Parameters
from bpmatrix.verify import verify

X, LABELS = np.random.default_rng(1).random((4, 6)), [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy", "log_likelihood"])
def test_the_gradient_agrees_and_the_network_is_not_changed(cost, bias):
    """Loop and differences agree to 1e-12 and 1e-6, and theta keeps its bits."""
    net = Network([4, 5, 3], cost=cost, bias=bias, seed=1)
    before = net.parameters.copy()

    agreement = verify(net, X, LABELS)

    assert agreement.loop < 1e-12
    assert agreement.differences < 1e-6
    assert (net.parameters == before).all()


def test_a_wrong_gradient_is_noticed(monkeypatch):
    """One wrong element of the engine's gradient shows in both figures."""
    net = Network([4, 5, 3], seed=1)
    right = net.gradient(X, LABELS)
    wrong = Parameters.of(right.flat.copy(), net.description.layout)
    wrong.flat[:] *= 1 + 1e-3
    monkeypatch.setattr(net, "gradient", lambda *_: wrong)

    agreement = verify(net, X, LABELS)

    assert agreement.loop > 1e-4
    assert agreement.differences > 1e-4


def test_the_command_shows_a_line_for_each_network_and_succeeds(capsys):
    """`bpmatrix verify` prints its table and ends with 0."""
    assert main(["verify"]) == 0
    assert capsys.readouterr().out.count("same gradient") == 5
