"""What an accuracy is worth where one class rules."""

from __future__ import annotations

import numpy as np
import pytest

from bpmatrix.cli.scores import RULES, accuracy_in_words, warn_of_a_ruling_class


@pytest.mark.parametrize(
    ("counts", "name"),
    [((490, 10), 0), ((10, 490), 1), ((5, 5, 190), 2), ((80, 20), 0)],
)
def test_the_share_of_the_largest_class_stands_beside_the_accuracy(counts, name, capsys):
    classes = np.repeat(np.arange(len(counts)), counts)
    share = f"{100 * max(counts) / sum(counts):.2f} %"

    assert accuracy_in_words(3, classes, "some").endswith(
        f"on some; {name} for all of them: {share}"
    )
    warn_of_a_ruling_class(classes)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        f"bpmatrix: warning: {share} of the training samples are of class {name},"
    )


def test_where_no_class_rules_there_is_nothing_to_say(capsys):
    rest = round(1000 * (1 - RULES)) + 1
    classes = np.repeat(["a", "b"], [1000 - rest, rest])

    assert accuracy_in_words(500, classes) == "50.00 % (500 of 1,000)"
    warn_of_a_ruling_class(classes)
    assert capsys.readouterr().err == ""


def test_a_class_with_a_strange_name_does_no_harm_to_the_terminal(capsys):
    warn_of_a_ruling_class(np.array(["\x1b[2J\n"] * 9))
    (line,) = capsys.readouterr().err.splitlines()
    assert "\x1b" not in line
