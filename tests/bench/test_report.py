"""Reports of known figures; README and docs agree with the committed figures."""

from pathlib import Path

import pytest
from bench.surveys import default_survey, full_survey, point, survey

from bpmatrix.bench import report
from bpmatrix.bench.plots import signature
from bpmatrix.bench.survey import from_json

ROOT = Path(__file__).resolve().parents[2]


def test_the_headline():
    assert report.headline(survey(point())) == (
        "The matrix is 30 times as fast as the loop on this machine (784-30-10, mini-batches of "
        "10, float64, 95 % interval 30 to 30; written in NumPy, 6 times)."
    )


def test_without_the_loop_there_is_no_headline():
    assert report.headline(survey(point(names=["bpmatrix", "numpy"]))) is None


def test_tables_over_mini_batch_sizes():
    gains, times = report.tables(default_survey(noise=0))

    assert gains.headings == ("784-30-10, mini-batch of", "10", "100")
    shown = {name: list(map(str, cells)) for name, cells in gains.rows}
    assert shown["bpmatrix"] == ["30 [30, 30]"] * 2
    assert shown["JAX"] == ["15 [15, 15]", "-"]
    assert "per-sample loop" not in shown
    shown = {name: list(map(str, cells)) for name, cells in times.rows}
    assert shown["per-sample loop"] == ["300 [1t]"] * 2
    assert shown["matrix in NumPy"] == ["50.0 [1t]"] * 2


def test_a_grid_has_a_row_for_each_point():
    (table,) = report.tables(full_survey())

    assert len(table.rows) == 4
    name, cells = table.rows[1]
    assert name == "784-2048-10 / 10 float64"
    shown = dict(zip(table.headings[1:], map(str, cells), strict=True))
    assert shown["per-sample loop"] == "-"
    assert shown["JAX"] == "2 [2, 2]"


def test_markdown_is_complete():
    text = report.markdown(default_survey())

    assert text.startswith("**The matrix is ")
    for part in ("| JAX | ", "- a note\n", "processor an abacus", "numpy 9.9", "2026-01-02"):
        assert part in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1


def test_a_survey_without_results():
    empty = survey(point(names=[]), notes=["bpmatrix: void"])

    assert report.tables(empty) == []
    assert "- bpmatrix: void" in report.markdown(empty)
    assert report.summary(empty)


@pytest.fixture(scope="module")
def committed():
    return from_json((ROOT / "docs" / "bench.json").read_text(encoding="utf-8"), "bench.json")


@pytest.mark.parametrize(
    ("page", "part"), [("README.md", "summary"), ("docs/benchmarks.md", "markdown")]
)
def test_the_pages_show_the_committed_figures(committed, page, part):
    text = (ROOT / page).read_text(encoding="utf-8")
    block = f"<!-- bench {part} -->\n{getattr(report, part)(committed)}<!-- end -->"

    assert block in text, "python docs/build.py writes it"


def test_the_picture_shows_the_committed_figures(committed):
    picture = (ROOT / "docs" / "speed-up.svg").read_text(encoding="utf-8")

    assert signature(committed) in picture, "python docs/build.py draws it"


def test_the_committed_figures_are_those_of_a_default_run(committed):
    assert committed.run == "default"
    assert committed.headline is not None
