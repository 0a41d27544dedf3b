"""JSON that pytest-benchmark reads, and that gives the survey back."""

import json
import subprocess
import sys

import pytest
from bench.surveys import default_survey, full_survey
from pytest_benchmark.stats import Stats

from bpmatrix.bench.storage import from_json, to_json
from bpmatrix.errors import DataFileError


@pytest.mark.parametrize("made", [default_survey(), full_survey()], ids=["default", "full"])
def test_what_is_written_is_read(made):
    text = to_json(made)

    assert from_json(text, "file") == made
    assert to_json(from_json(text, "file")) == text


def test_pytest_benchmark_compares_two_files(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(to_json(default_survey()))
    code = "from pytest_benchmark.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "compare", "one.json", "two.json", "--group-by=group"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "784-30-10, mini-batch 10, float64" in done.stdout
    assert done.stdout.count("loop[784-30-10-10-float64]") == 2


def test_the_statistics_are_those_of_pytest_benchmark():
    for benchmark in json.loads(to_json(default_survey()))["benchmarks"]:
        judge = Stats()
        for seconds in benchmark["stats"]["data"]:
            judge.update(seconds)
        for field, value in judge.as_dict().items():
            if field in ("q1", "q3", "iqr", "iqr_outliers", "outliers", "ld15iqr", "hd15iqr"):
                continue  # quartiles have several definitions
            assert benchmark["stats"][field] == pytest.approx(value), field


def test_quartiles_lie_in_order():
    for benchmark in json.loads(to_json(default_survey()))["benchmarks"]:
        stats = benchmark["stats"]
        order = ["min", "ld15iqr", "q1", "median", "q3", "hd15iqr", "max"]
        values = [stats[field] for field in order]
        assert values == sorted(values)
        assert stats["iqr"] == stats["q3"] - stats["q1"]


def changed(change):
    content = json.loads(to_json(default_survey()))
    change(content)
    return json.dumps(content)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"benchmarks": []}',
        changed(lambda content: content.pop("bpmatrix")),
        changed(lambda content: content["bpmatrix"].update(schema=2)),
        changed(lambda content: content.update(benchmarks=[])),
        changed(lambda content: content["benchmarks"][0].update(stats=None)),
        changed(lambda content: content["benchmarks"][0]["params"].update(sizes=[784, 10])),
        changed(lambda content: content["benchmarks"][0]["stats"].update(data=[])),
        changed(lambda content: content["benchmarks"][1]["stats"].update(data=[-1.0])),
        changed(lambda content: content["benchmarks"][1]["extra_info"].update(log_ratios=[1.0])),
        changed(lambda content: content["benchmarks"][1]["extra_info"].update(log_ratios=[None])),
        to_json(default_survey())[:-9],
    ],
)
def test_another_file_is_refused(text):
    with pytest.raises(DataFileError, match=r"file\.json cannot be read as a benchmark"):
        from_json(text, "file.json")
