"""Workers that stay."""

import pytest
from bench.fakes import Plain

from bpmatrix.bench.crew import Crew
from bpmatrix.bench.workers import WorkerError


def test_a_contender_keeps_its_process():
    with Crew() as crew:
        worker = crew.hire("a", 1)
        assert crew.hire("a", 1) is worker
        assert crew.hire("a", 2) is not worker
        worker.make(Plain)
        assert worker.call("variable", "OMP_NUM_THREADS") == "1"


def test_who_rests_has_forgotten_its_contender_and_stays():
    with Crew() as crew:
        worker = crew.hire("a", 1)
        worker.make(Plain)
        crew.rest(worker)
        with pytest.raises(WorkerError, match="no attribute 'echo'"):
            worker.call("echo", 1)
        assert crew.hire("a", 1) is worker


def test_who_is_dismissed_comes_back_as_a_new_process():
    with Crew() as crew:
        worker = crew.hire("a", 1)
        crew.dismiss(worker)
        assert crew.hire("a", 1) is not worker
        crew.hire("a", 1).make(Plain)


def test_at_the_end_all_have_gone():
    with Crew() as crew:
        worker = crew.hire("a", 1)
        worker.make(Plain)
    with pytest.raises(WorkerError):
        worker.call("echo", 1)
