"""Plots, if matplotlib is installed."""

import pytest
from bench.surveys import default_survey, full_survey, point, survey

from bpmatrix.bench import plots


def test_different_figures_have_different_signatures():
    assert plots.signature(default_survey()) == plots.signature(default_survey())
    assert plots.signature(default_survey()) != plots.signature(full_survey())


@pytest.fixture(scope="module")
def _matplotlib():
    pytest.importorskip("matplotlib")


@pytest.mark.usefixtures("_matplotlib")
class TestPictures:
    def test_a_default_run_has_the_speed_up(self):
        drawn = plots.pictures(default_survey())

        assert list(drawn) == ["speed-up.svg"]
        assert plots.signature(default_survey()).encode() in drawn["speed-up.svg"]

    def test_a_full_run_has_it_too(self):
        drawn = plots.pictures(full_survey())

        assert list(drawn) == ["speed-up.svg"]
        assert b"<svg" in drawn["speed-up.svg"]

    def test_the_same_figures_give_the_same_bytes(self):
        assert plots.pictures(full_survey()) == plots.pictures(full_survey())

    def test_without_the_loop_there_is_no_speed_up_to_draw(self):
        alone = point(names=["bpmatrix", "numpy"])

        assert plots.pictures(survey(alone)) == {}
        assert list(plots.pictures(survey(alone, point(100)))) == ["speed-up.svg"]
