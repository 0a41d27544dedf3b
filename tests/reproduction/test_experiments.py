"""The table of experiments: each can be built, and each claim has a source."""

import numpy as np
import pytest

from bpmatrix.reproduction.experiments import EXPERIMENTS
from bpmatrix.reproduction.running import STATISTICS, build

JUDGED = {"test", "validation", "test at best validation"}


def name_of(experiment):
    return f"{experiment.table}: {experiment.name}"


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=name_of)
def test_an_experiment_can_be_built(experiment):
    net = build(experiment, 0, 1 / 255)

    assert net.description.sizes == experiment.sizes
    assert (experiment.sizes[0], experiment.sizes[-1]) == (784, 10)


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=name_of)
def test_its_claims_can_be_judged(experiment):
    assert experiment.judged in JUDGED
    for claim in experiment.claims:
        low, high = claim.band(experiment.runs)
        assert claim.statistic in STATISTICS
        assert claim.source
        assert 0 <= low <= claim.published <= high <= 100


def test_names_are_unique():
    assert len({name_of(e) for e in EXPERIMENTS}) == len(EXPERIMENTS)


def test_network3_has_its_own_initial_weights():
    """N(0, 1 / n_out), not 1 / n_in: 0.1 for 100 units, within five standard errors."""
    (experiment,) = (e for e in EXPERIMENTS if e.like_network3)
    first, last = build(experiment, 0, 1 / 255).weights

    assert abs(first.std() - 0.1) < 5 * 0.1 / np.sqrt(2 * first.size)
    assert not last.any()
