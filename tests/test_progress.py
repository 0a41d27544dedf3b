"""The progress callbacks: lines and a bar."""

from __future__ import annotations

import builtins
import io
import sys
import types
import warnings
from contextlib import suppress
from types import SimpleNamespace

import pytest

from bpmatrix import Network, progress
from bpmatrix.errors import ArgumentError
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


def test_one_line_per_epoch_below_one_heading():
    assert written(entry(1), entry(12, cost=0.0421, validation_accuracy=1.0)) == (
        "epoch       cost  validation accuracy  seconds\n"
        " 1/30     0.5000              87.50 %     1.50\n"
        "12/30     0.0421             100.00 %     1.50\n"
    )


def test_columns_are_aligned():
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


def test_without_validation_the_column_is_left_out():
    line = written(entry(validation_accuracy=None, validation_cost=None)).splitlines()[1]

    assert line.split() == ["1/30", "0.5000", "1.50"]


def test_standard_output_is_looked_up_at_each_epoch(capsys: pytest.CaptureFixture[str]):
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


# ---------------------------------------------------------------------------------------- the bar


class Terminal(io.StringIO):
    """A terminal, which overwrites a line after a carriage return."""

    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        lines = []
        for line in self.getvalue().split("\n"):
            lines.append("")
            for text in line.split("\r"):
                lines[-1] = text + lines[-1][len(text) :]
        return [line.rstrip() for line in lines]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal()


def test_a_bar_is_one_line_that_ends_with_the_run(terminal: Terminal):
    with progress.bar(terminal) as draw:
        for epoch in (1, 2, 3):
            assert draw(entry(epoch, last_epoch=4)) is None
            assert terminal.getvalue().count("\n") == 0
    line = "3/4 [###############     ] cost 0.5000, validation accuracy 87.50 %, 2 s left"
    assert terminal.screen() == [line, ""]


def test_a_bar_counts_the_epochs_of_its_run(terminal: Terminal):
    """A second run of a network starts with an empty bar, also if the bar is reused."""
    draw = progress.bar(terminal, monitored="test")
    for first in (5, 9):
        with draw:
            for epoch in range(first, first + 4):
                draw(entry(epoch, last_epoch=first + 3, seconds=60))
                if epoch == first:
                    assert "[#####               ]" in terminal.screen()[-1]
                    assert terminal.screen()[-1].endswith("test accuracy 87.50 %, 180 s left")
    assert [line[:28] for line in terminal.screen()] == [
        "8/8 [####################] c", "12/12 [####################]", "",
    ]  # fmt: skip


def test_a_shorter_line_covers_a_longer_one(terminal: Terminal):
    with progress.bar(terminal) as draw:
        draw(entry(1, cost=1e-300))
        draw(entry(2, cost=1.0))
    assert terminal.screen()[0].endswith(" s left")
    assert terminal.screen()[0].count("left") == 1


def test_a_bar_stays_within_the_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "20")
    with progress.bar(terminal) as draw:
        draw(entry())
    assert [len(line) for line in terminal.getvalue().rstrip("\n").split("\r")] == [0, 19, 19]


def test_a_bar_is_not_drawn_more_often_than_ten_times_a_second(terminal: Terminal):
    with progress.bar(terminal) as draw:
        for epoch in range(1, 1001):
            draw(entry(epoch, last_epoch=1000, seconds=0.001))
    assert terminal.getvalue().count("\r") <= 12
    assert "1000/1000 [####################]" in terminal.screen()[0]


@pytest.mark.parametrize("forced", [False, True])
def test_a_file_and_a_pipe_stay_empty(monkeypatch: pytest.MonkeyPatch, forced: bool):
    """Also if the environment forces colors, and within a notebook."""
    if forced:
        monkeypatch.setenv("FORCE_COLOR", "1")
        shell = type("ZMQInteractiveShell", (), {})()
        monkeypatch.setattr(builtins, "get_ipython", lambda: shell, raising=False)
    stream = io.StringIO()
    with progress.bar(stream) as draw:
        draw(entry())
    assert stream.getvalue() == ""


def test_a_stream_without_isatty_stays_empty():
    written = []
    stream = SimpleNamespace(write=written.append, flush=lambda: None)
    with progress.bar(stream) as draw:
        draw(entry())
    assert not written


def test_a_bar_is_drawn_in_a_notebook(monkeypatch: pytest.MonkeyPatch):
    """Its standard output is not a terminal, but supports carriage returns."""
    stream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setattr(builtins, "get_ipython", lambda: shell, raising=False)
    with progress.bar(stream) as draw:
        draw(entry())
    assert stream.getvalue().startswith("\r 1/30 [")


@pytest.mark.parametrize("name", ["bar", "lines"])
def test_a_callback_that_was_not_called_raises_an_error(name: str):
    """callbacks=[progress.bar] calls it with the first epoch."""
    with pytest.raises(ArgumentError, match=rf"got EpochInfo.*callbacks=\[progress\.{name}\(\)\]"):
        getattr(progress, name)(entry())


@pytest.mark.parametrize("stop", ["epochs", "callback", "max_seconds", "interrupt", "error"])
def test_a_bar_ends_its_line_however_the_run_ends(terminal: Terminal, stop: str):
    def end(info: EpochInfo) -> bool:
        if stop == "interrupt":
            raise KeyboardInterrupt
        if stop == "error":
            raise ZeroDivisionError
        return stop == "callback"

    limit = 1e-9 if stop == "max_seconds" else None
    with warnings.catch_warnings(), suppress(ZeroDivisionError):
        warnings.simplefilter("ignore")
        Network([1, 1], seed=1).train(
            [[0.0, 1.0]], [0.0, 1.0], epochs=1, max_seconds=limit,
            callbacks=[progress.bar(terminal), end],
        )  # fmt: skip
    drawn = terminal.screen()
    assert drawn[-1] == ""
    assert len(drawn) == (1 if stop == "max_seconds" else 2)


def test_a_curve_is_redrawn_in_one_cell_of_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for IPython: one display, then updates; the last one is complete."""
    pages: list[tuple[str, str]] = []

    class Cell:
        def update(self, page: str) -> None:
            pages.append(("update", page))

    def display(page: str, *, display_id: bool) -> Cell:
        assert display_id
        pages.append(("display", page))
        return Cell()

    shell = types.SimpleNamespace(kernel=None)
    fake = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(
        sys.modules, "IPython.display", types.SimpleNamespace(HTML=str, display=display)
    )
    drawn = progress.curve()
    for _ in range(2):  # a second run gets a cell of its own
        pages.clear()
        with drawn:
            for epoch in range(1, 5):
                drawn(EpochInfo(epoch, 9, 1.0 / epoch, None, 0.5, None, 0.1, 0.3))
        assert [kind for kind, _ in pages] == ["display", "update", "update"]
        assert "epoch 4/9, 1 s" in pages[-1][1]
        assert pages[-1][1].count("<polyline") == 2
    shell.__dict__.clear()
    assert isinstance(progress.curve(), progress.Bar)  # IPython in a terminal
