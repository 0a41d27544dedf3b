"""Accuracies if one class dominates."""

from __future__ import annotations

import numpy as np
import pytest

from bpmatrix.cli.scores import DOMINANT, accuracy_in_words, warn_of_imbalance


@pytest.mark.parametrize(
    ("counts", "name"),
    [((490, 10), 0), ((10, 490), 1), ((5, 5, 190), 2), ((80, 20), 0)],
)
def test_a_dominant_class_is_reported(counts, name, capsys):
    classes = np.repeat(np.arange(len(counts)), counts)
    share = f"{100 * max(counts) / sum(counts):.2f} %"

    assert accuracy_in_words(3, classes, "some").endswith(f"on some; always {name}: {share}")
    warn_of_imbalance(classes)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        f"bpmatrix: warning: {share} of the training samples are of class {name}:"
    )


def test_balanced_classes_are_not_reported(capsys):
    rest = round(1000 * (1 - DOMINANT)) + 1
    classes = np.repeat(["a", "b"], [1000 - rest, rest])

    assert accuracy_in_words(500, classes) == "50.00 % (500 of 1,000)"
    warn_of_imbalance(classes)
    assert capsys.readouterr().err == ""


def test_control_characters_in_a_class_name(capsys):
    warn_of_imbalance(np.array(["\x1b[2J\n"] * 9))
    (line,) = capsys.readouterr().err.splitlines()
    assert "\x1b" not in line
