"""Digests: equal for equal numbers, and different for different ones."""

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import digests
from benchmarks.__main__ import main
from benchmarks.digests import Run, by_the_book, cases, digest, line

RUN = Run("a network")


@pytest.fixture
def two_cases(monkeypatch):
    """A network and a program of the book instead of all cases."""
    few = {"a network": lambda threads: RUN.train("float64", threads),
           "book": lambda threads: by_the_book("network", threads)}  # fmt: skip
    monkeypatch.setattr(digests, "cases", lambda: iter(few.items()))
    return few


def said():
    result = CliRunner().invoke(main, ["digests"])
    return result.exit_code, result.output.splitlines()


def test_the_same_numbers_give_the_same_lines(two_cases):
    status, lines = said()
    assert status == 0
    assert lines == said()[1]
    assert list(two_cases) == [text[:72].rstrip() for text in lines]
    assert all(len(text.split()[-3:]) == 3 for text in lines)


def test_the_last_bit_of_a_weight_changes_a_digest():
    (parameters,), *_ = RUN.train("float64", 1)
    before = digest([parameters])
    assert digest([parameters.copy()]) == before
    parameters[7] = np.nextafter(parameters[7], np.inf)
    assert digest([parameters]) != before
    assert len({digest([a]) for a in (np.zeros(4), np.zeros((2, 2)), np.zeros(8, "f4"))}) == 3


def test_a_change_changes_its_line_only(two_cases):
    before = said()[1]
    two_cases["a network"] = lambda threads: RUN.train("float32", threads)
    after = said()[1]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, True]


def test_bits_that_depend_on_threads_are_an_error(two_cases):
    two_cases["a network"] = lambda threads: ([threads], [], [])
    status, lines = said()
    assert status == 1
    assert lines[0].startswith("Error: a network: ")


def test_an_error_names_its_case(two_cases):
    two_cases["a network"] = lambda threads: Run("", {"sizes": [64]}).train("float64", threads)
    status, lines = said()
    assert status == 1
    assert lines[0].startswith("Error: a network: ")


def test_case_names_are_unique_and_fit_their_column():
    names = [name for name, _ in cases()]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 72


@pytest.mark.parametrize("looked_at", [name for name, _ in cases() if "at: sigmoid" in name])
def test_gradients_and_traces_have_a_line(looked_at):
    assert line(looked_at, dict(cases())[looked_at]).startswith(looked_at)
