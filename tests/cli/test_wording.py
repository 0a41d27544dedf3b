"""Errors of the library in the words of the command line."""

from __future__ import annotations

import re

import click
import pytest

import bpmatrix
from bpmatrix.cli import group, main
from bpmatrix.cli.wording import ESTIMATOR_PARAMETERS, in_options
from bpmatrix.datasets.sources import SOURCES

TRAIN = group.commands["train"]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("learning_rate is wrong: got -1.", "--learning-rate is wrong: got -1."),
        ("Pass mini_batch_size=40 or less.", "Pass --mini-batch-size 40 or less."),
        ("Lower learning_rate=0.5.", "Lower --learning-rate 0.5."),
        ('Take cost="quadratic", output="identity".', "Take --cost quadratic, --output identity."),
        ("(or pass folder=, which names it)", "(or pass --folder, which names it)"),
        ("hidden_layer_sizes and n_threads=2", "--hidden and --threads 2"),
        ("batch_size=32 is more", "--mini-batch-size 32 is more"),
        # No argument, or none of this command.
        ("the cost, the folder, an output", "the cost, the folder, an output"),
        ("pass standardize=True", "pass standardize=True"),
        ("set BPMATRIX_DATA", "set BPMATRIX_DATA"),
        # Text that may come from a file.
        ("no column 'learning_rate'", "no column 'learning_rate'"),
        ('got "learning_rate"', 'got "learning_rate"'),
        ("learning_rate.csv contains no rows", "learning_rate.csv contains no rows"),
        ("no folder data/learning_rate", "no folder data/learning_rate"),
        ("my-learning_rate or learning_rates", "my-learning_rate or learning_rates"),
    ],
)
def test_arguments_become_options(message, expected):
    assert in_options(message, TRAIN) == expected


@pytest.mark.parametrize("command", [None, group.commands["info"], group.commands["warmup"]])
def test_a_command_without_options_changes_nothing(command):
    assert in_options("learning_rate=0.1, folder", command) == "learning_rate=0.1, folder"


@pytest.mark.parametrize("name", group.commands)
def test_messages_name_only_options_that_exist(name):
    """All commands that read MNIST say where it is looked for, but not all have --folder."""
    command = group.commands[name]
    said = in_options(SOURCES["mnist"].alternatives("mnist"), command)
    options = {opt for p in command.params for opt in p.opts if isinstance(p, click.Option)}

    assert "folder=" not in said
    assert set(re.findall(r"--[a-z-]+", said)) <= options
    assert "BPMATRIX_DATA" in said


def test_the_renamed_parameters_are_those_of_the_estimators():
    pytest.importorskip("sklearn", reason="the estimators need scikit-learn")
    parameters = bpmatrix.MLPClassifier().get_params()
    assert set(ESTIMATOR_PARAMETERS.values()) <= set(parameters)
    assert set(ESTIMATOR_PARAMETERS) <= {p.name for p in TRAIN.params}


def test_errors_and_warnings_name_options(tmp_path, monkeypatch, capsys):
    """MNIST is missing without a network; a batch is larger than a table."""
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--mini-batch-size", "1201"]) == 2
    assert "got --mini-batch-size 1201 for 1200 samples. Pass" in capsys.readouterr().err
    assert main(["train", "mnist", "--folder", "nowhere"]) == 2
    assert "there is no folder nowhere" in capsys.readouterr().err
    assert main(["verify", "model", "digits", "--label-column", "x"]) == 2
    assert "bpmatrix verify model digits --target x" in capsys.readouterr().err


def test_without_mnist_a_command_names_its_own_option(tmp_path, monkeypatch, capsys):
    from bpmatrix.datasets import download  # noqa: PLC0415 - loads network code

    def fail(*_, **__):
        raise ConnectionError

    monkeypatch.setattr(download.pooch, "retrieve", fail)
    monkeypatch.setenv("BPMATRIX_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path))
    monkeypatch.setattr(download.pooch, "os_cache", lambda name: tmp_path)
    for command, has_it in (("train", True), ("reproduce", False)):
        assert main([command, *(["mnist"] if has_it else ["chapter1"])]) == 2
        error = capsys.readouterr().err
        assert "folder=" not in error
        assert ("--folder" in error) == has_it
        assert "BPMATRIX_DATA" in error
