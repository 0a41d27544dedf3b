"""The lessons end at the known solutions, and a wrong end is seen."""

import pytest

from bpmatrix.reproduction import proofs
from bpmatrix.training.optimizers import SGD


@pytest.mark.parametrize("proof", proofs.PROOFS, ids=lambda proof: proof.name)
def test_a_lesson_ends_at_the_solution(proof):
    assert proof.distance() <= proofs.LIMIT


def test_training_too_slow_to_arrive_is_seen(monkeypatch):
    monkeypatch.setattr(proofs, "SGD", lambda rate: SGD(rate / 1000))

    assert proofs.PROOFS[0].distance() > proofs.LIMIT
