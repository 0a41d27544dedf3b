"""The lessons reach the known solutions, and it is detected if one does not."""

import pytest

from bpmatrix.reproduction import proofs
from bpmatrix.training.optimizers import SGD


@pytest.mark.parametrize("proof", proofs.PROOFS, ids=lambda proof: proof.name)
def test_a_lesson_reaches_the_solution(proof):
    assert proof.distance() <= proofs.LIMIT


def test_too_slow_a_training_is_detected(monkeypatch):
    monkeypatch.setattr(proofs, "SGD", lambda rate: SGD(rate / 1000))

    assert proofs.PROOFS[0].distance() > proofs.LIMIT
