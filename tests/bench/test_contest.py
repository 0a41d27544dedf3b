"""Results are checked before the timing; contenders that cannot take part are named."""

from dataclasses import replace
from functools import partial

import pytest
from bench.fakes import Dying, Missing, Single, Unsuited, Wrong, small_task

from bpmatrix.bench.contenders import ROSTER, Family
from bpmatrix.bench.contenders.book import Loop, Matrix
from bpmatrix.bench.contest import LEAST_QUADS, Effort, hold
from bpmatrix.bench.workers import Crew

EFFORT = Effort(quads=3, block_seconds=0.002, check_steps=7)


Once = partial(Family, threads=(1,))  # a single variant, to save processes
Twice = partial(Family, threads=(1, 2))


@pytest.fixture(scope="module")
def crew():
    """Workers for all contests: starting one takes most of the time."""
    with Crew() as workers:
        yield workers


@pytest.fixture
def contest(crew):
    def held(*families, champion=ROSTER["bpmatrix"].make, task=None):
        roster = {"bpmatrix": Once(champion)}
        roster |= {make.__name__: Once(make) for make in families}
        return hold(task or small_task(), roster, EFFORT, roster=roster, crew=crew)

    return held


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_correct_contenders_are_timed(contest, dtype):
    found = contest(Loop, Matrix, task=small_task(dtype))

    assert found.notes == []
    assert list(found.figures) == ["bpmatrix", "Loop", "Matrix"]
    assert found.figures["bpmatrix"].against is None
    assert found.figures["Loop"].against.median > 0
    assert len(found.figures["Loop"].log_ratios) == EFFORT.quads
    assert all(figure.seconds > 0 for figure in found.figures.values())


def test_a_wrong_result_is_not_timed(contest):
    found = contest(Wrong, Matrix)

    assert list(found.figures) == ["bpmatrix", "Matrix"]
    assert len(found.notes) == 1
    assert found.notes[0].startswith("Wrong: excluded, its cost is ")


def test_bpmatrix_itself_may_be_excluded(contest):
    found = contest(Matrix, champion=Wrong)

    assert found.figures == {}
    assert found.notes[0].startswith("bpmatrix: excluded")


def test_missing_and_unsuited_contenders_are_named(contest):
    found = contest(Missing, Unsuited)

    assert list(found.figures) == ["bpmatrix"]
    assert found.notes == [
        "Missing: no_such_library is not installed",
        "Unsuited: has no such network",
    ]


def test_a_crashed_contender_is_named_and_the_others_go_on(contest):
    found = contest(Dying, Matrix)

    assert list(found.figures) == ["bpmatrix", "Matrix"]
    assert found.notes == ["Dying: its process ended with exit status 7"]


def test_only_the_faster_variant_of_a_peer_is_timed(crew):
    roster = {"bpmatrix": Once(Matrix), "peer": Twice(Matrix)}
    found = hold(small_task(), ["peer"], EFFORT, roster=roster, crew=crew)

    assert list(found.figures) == ["bpmatrix", "peer"]
    assert found.figures["peer"].threads in {1, 2}


def test_after_the_time_no_round_begins_and_no_library_is_prepared(crew):
    effort = replace(EFFORT, quads=1000, seconds=0.0)
    roster = {
        "bpmatrix": Once(Matrix),
        "own": Once(Loop),
        "library": Once(Matrix, library="numpy"),
    }
    told = []
    found = hold(small_task(), roster, effort, roster=roster, crew=crew, tell=told.append)

    assert list(found.figures) == ["bpmatrix", "own"]
    assert found.notes == ["library: left out for lack of time"]
    assert len(found.figures["own"].times) == LEAST_QUADS
    assert told.count("measuring") == 1 + LEAST_QUADS


def test_a_family_may_have_its_own_dtype():
    roster = {"bpmatrix": Once(Matrix), "single": Once(Single, dtype="float32")}
    found = hold(small_task(), roster, EFFORT, roster=roster)

    assert found.notes == []
    assert list(found.figures) == ["bpmatrix", "single"]


def test_a_crew_serves_several_contests():
    roster = {"bpmatrix": Once(Matrix), "Dying": Once(Dying)}
    with Crew() as crew:
        worker = crew.hire("bpmatrix", 1)
        for _ in range(2):
            found = hold(small_task(), roster, EFFORT, roster=roster, crew=crew)
            assert found.notes == ["Dying: its process ended with exit status 7"]
        assert crew.hire("bpmatrix", 1) is worker


def test_a_peer_that_crashes_while_its_variants_are_compared_is_named(crew):
    roster = {"bpmatrix": Once(Matrix), "peer": Twice(Dying)}
    found = hold(small_task(), roster, EFFORT, roster=roster, crew=crew)

    assert list(found.figures) == ["bpmatrix"]
    assert found.notes == ["peer: its process ended with exit status 7"]
