"""The line that each epoch writes."""

from __future__ import annotations

import io

import pytest

from bpmatrix import progress
from bpmatrix.history import EpochInfo


def entry(epoch: int = 1, last_epoch: int = 30, **figures: float | None) -> EpochInfo:
    known = {"cost": 0.5, "validation_cost": 0.25, "validation_accuracy": 0.875, "seconds": 1.5}
    return EpochInfo(epoch, last_epoch, accuracy=0.9, learning_rate=3.0, **(known | figures))


def written(*entries: EpochInfo, **options: str) -> str:
    stream = io.StringIO()
    write = progress.lines(stream, **options)
    for one in entries:
        assert write(one) is None, "a callback that returns True would end the run"
    return stream.getvalue()


def test_a_line_for_each_epoch_below_one_heading():
    assert written(entry(1), entry(12, cost=0.0421, validation_accuracy=1.0)) == (
        "epoch       cost  validation accuracy  seconds\n"
        " 1/30     0.5000              87.50 %     1.50\n"
        "12/30     0.0421             100.00 %     1.50\n"
    )


def test_columns_stay_where_they_are():
    extremes = [
        entry(1, 1000, cost=12345678.9),
        entry(10, 1000, cost=0.0),
        entry(1000, 1000, cost=1.5e-7, seconds=1234.5),
    ]

    assert {len(line) for line in written(*extremes).splitlines()} == {50}


def test_the_heading_says_which_samples_are_monitored():
    assert "  test accuracy  " in written(entry(), monitored="test")


def test_without_classes_the_cost_is_shown():
    heading, line = written(entry(validation_accuracy=None)).splitlines()

    assert heading.split("  ")[-2:] == ["validation cost", "seconds"]
    assert line.split() == ["1/30", "0.5000", "0.2500", "1.50"]


def test_without_validation_nothing_stands_in_its_place():
    line = written(entry(validation_accuracy=None, validation_cost=None)).splitlines()[1]

    assert line.split() == ["1/30", "0.5000", "1.50"]


def test_standard_output_is_the_one_of_the_moment(capsys: pytest.CaptureFixture[str]):
    progress.lines()(entry())

    assert capsys.readouterr().out == written(entry())


def test_each_line_is_flushed():
    class Watched(io.StringIO):
        flushed = ""

        def flush(self):
            self.flushed = self.getvalue()

    stream = Watched()
    progress.lines(stream)(entry())

    assert stream.flushed == stream.getvalue() != ""
