"""Errors of top-level modules, and of the benchmarks."""

from __future__ import annotations

import pickle
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import numpy as np
from bench.surveys import point, survey
from cures.table import Row

from bpmatrix import SGD, LevenbergMarquardt, Network, OwnActivation, lessons, progress
from bpmatrix.bench.gate.command import gate, open_repository
from bpmatrix.bench.gate.report import conclude
from bpmatrix.bench.gate.repository import Repository
from bpmatrix.bench.survey import from_json, to_json
from bpmatrix.errors import DivergenceError

X, LABELS = np.eye(2), [0, 2]
LINE, SOUGHT = [[0.0, 1.0, 2.0]], [1.0, 3.0, 5.0]


def line(**keywords: object) -> Network:
    settings = {"activation": "identity", "cost": "quadratic", "seed": 1} | keywords
    return Network([1, 1], **settings)


def benchmarks(folder: Path, name: str = "speed.py") -> Path:
    (folder / name).write_text("def bench_a(): pass\n")
    return folder / name


def benchmarks_in_a_repository(folder: Path, name: str = "speed.py") -> Path:
    Repository(folder).git("init", "--quiet")
    return benchmarks(folder, name)


def gated(file: Path) -> None:
    gate.main([str(file), "--base", "HEAD"], standalone_mode=False)


def concluded(file: Path) -> None:
    with suppress(SystemExit):
        conclude(iter(()), None, strict=False, json_file=file, markdown_file=None)


def trained(**keywords: object) -> None:
    Network([2, 3], seed=1).train(X, LABELS, **({"epochs": 1} | keywords))


def in_sequence(learning_rate: float) -> None:
    lessons.train_in_sequence(line(), LINE, SOUGHT, epochs=900, learning_rate=learning_rate)


def diverged_elsewhere(learning_rate: float) -> None:
    """The error as returned from a process pool."""
    try:
        in_sequence(learning_rate)
    except DivergenceError as error:
        raise pickle.loads(pickle.dumps(error)) from None


def own(**keywords: object) -> OwnActivation:
    functions = {"sigma": lambda z: 2 * z, "sigma_prime": lambda z: 2.0 + 0 * z}
    return OwnActivation(**(functions | keywords))


def without(package: str, module: str) -> None:
    """Import one of our modules again with a package missing; leave sys.modules unchanged."""
    loaded = {name: None for name in sys.modules if name.partition(".")[0] == package}
    with patch.dict(sys.modules, loaded | {package: None}):
        for name in [name for name in sys.modules if name.startswith(module)]:
            del sys.modules[name]
        import_module(module)


def as_a_frame() -> None:
    with patch.dict(sys.modules, {"pandas": None}):
        Network([2, 3], seed=1).train(X, LABELS, epochs=1).to_frame()


ROWS = [
    Row(
        "bench/survey.py: from_json",
        "{} cannot be read as a benchmark",
        lambda _: from_json("{}", "figures.json"),
        "expected a file written by bpmatrix bench --json",
        lambda _: from_json(to_json(survey(point())), "figures.json"),
    ),
    Row(
        "checks.py: whole_number",
        "{} is not valid",
        lambda _: trained(epochs=2.5),
        "expected a whole number, 0 or more",
        lambda _: (trained(epochs=0), trained(epochs=2)),
    ),
    Row(
        "checks.py: real_number",
        "{} is not valid",
        lambda _: SGD(learning_rate=0.1, momentum=1),
        "expected a number from 0 to below 1",
        lambda _: (SGD(learning_rate=0.1, momentum=0), SGD(learning_rate=0.1, momentum=0.99)),
    ),
    Row(
        "checks.py: find",
        "unknown {}",
        lambda _: Network([2, 3], cost="MSELoss"),
        'Write "quadratic".',
        lambda _: Network([2, 3], cost="quadratic"),
    ),
    Row(
        "checks.py: find",
        "unknown {}",
        lambda _: Network([2, 3], cost="hinge"),
        "expected quadratic or cross_entropy or",
        lambda _: (Network([2, 3], cost="quadratic"), Network([2, 3], cost="cross_entropy")),
    ),
    Row(
        "checks.py: named_function",
        "{} must be a function",
        lambda _: own(sigma="tanh"),
        "Pass the function itself: sigma=function.",
        lambda _: own(sigma=np.tanh),
    ),
    Row(
        "checks.py: named_function",
        "a function's name must be a string",
        lambda _: own(name=1),
        'Pass name="..." or None.',
        lambda _: (own(name="twice"), own()),
    ),
    Row(
        "errors.py: _restore_divergence",
        "{}",
        lambda _: diverged_elsewhere(1e3),
        "Lower the learning rate (it is 1000).",
        lambda _: diverged_elsewhere(0.05),
    ),
    Row(
        "estimators/__init__.py: ",
        "an estimator of bpmatrix",
        lambda _: without("sklearn", "bpmatrix.estimators"),
        "scikit-learn, which is missing or too old. In a clone of bpmatrix: pip install"
        " '.[sklearn]'",
        lambda _: import_module("bpmatrix.estimators"),  # with the package installed
    ),
    Row(
        "foreign.py: missing_attribute",
        "Network has no attribute {}",
        lambda _: Network([2, 3]).fit(X, LABELS),
        "Write network.train(X, targets).",
        lambda _: Network([2, 3]).train(X, LABELS),
    ),
    Row(
        "foreign.py: _unknown",
        "{} has no argument{} {}",
        lambda _: trained(batch_size=2, lr=0.1),
        "Write mini_batch_size=2, optimizer=SGD(learning_rate=0.1).",
        lambda _: trained(mini_batch_size=2, optimizer=SGD(learning_rate=0.1)),
    ),
    Row(
        "history.py: History.to_frame",
        "History.to_frame() needs pandas, which is not installed."
        " Install it with `pip install pandas`, or use History.to_dict().",
        lambda _: as_a_frame(),
        "Install it with `pip install pandas`, or use History.to_dict().",
        lambda _: Network([2, 3], seed=1).train(X, LABELS, epochs=1).to_dict(),
    ),
    Row(
        "foreign.py: missing_attribute",
        "Network has no attribute {}",
        lambda _: Network([2, 3]).astype("float32"),
        why="The intended name is unknown; Python suggests one with a similar spelling.",
    ),
    Row(
        "foreign.py: _unknown",
        "{} has no argument{} {}",
        lambda _: trained(speed=2),
        "max_seconds",
        lambda _: trained(max_seconds=2),
    ),
    Row(
        "lessons.py: train_in_sequence",
        "training diverged in epoch {}: the cost or a weight is not finite",
        lambda _: in_sequence(1e3),
        "Lower the learning rate (it is 1000).",
        lambda _: in_sequence(0.05),
    ),
    Row(
        "lessons.py: gauss_newton_step",
        "the network is not a single neuron",
        lambda _: lessons.gauss_newton_step(Network([1, 2, 1], seed=1), LINE, [1.0, 2.0, 3.0]),
        "Train other networks with optimizer=LevenbergMarquardt().",
        lambda _: Network([1, 2, 1], cost="quadratic", seed=1).train(
            LINE, [0.1, 0.2, 0.3], optimizer=LevenbergMarquardt(), epochs=1
        ),
    ),
    Row(
        "lessons.py: regression_accuracy",
        "Y has shape {}",
        lambda _: lessons.regression_accuracy(line(), LINE, [1.0, 3.0]),
        "expected (1, 3), the shape of the outputs",
        lambda _: lessons.regression_accuracy(line(), LINE, [SOUGHT]),
    ),
    Row(
        "progress.py: _check_stream",
        "progress.{} needs a stream to write to",
        lambda _: trained(callbacks=[progress.bar]),
        "Call it: callbacks=[progress.bar()].",
        lambda _: trained(callbacks=[progress.bar()]),
    ),
    Row(
        "checks.py: check_in_type",
        "{} is 0 in {}",
        lambda _: Network([2, 3], dtype="float32", input_scale=1e-40),
        'Pass a larger one, or take dtype="float64".',
        lambda _: (
            Network([2, 3], dtype="float32", input_scale=1e-37),
            Network([2, 3], dtype="float64", input_scale=1e-40),
        ),
    ),
    Row(
        "checks.py: check_in_type",
        "{} is infinite in {}",
        lambda _: Network([2, 3], dtype="float32", input_scale=1e40),
        'Pass a smaller one, or take dtype="float64".',
        lambda _: (
            Network([2, 3], dtype="float32", input_scale=1e37),
            Network([2, 3], dtype="float64", input_scale=1e40),
        ),
    ),
    Row(
        "bench/gate/command.py: open_repository",
        "cannot read {}",
        lambda folder: open_repository(folder / "speed.py"),
        "Name one file",
        lambda folder: open_repository(benchmarks_in_a_repository(folder)),
    ),
    Row(
        "bench/gate/command.py: open_repository",
        "cannot take benchmarks from {}",
        lambda folder: open_repository(benchmarks_in_a_repository(folder, "speed.txt")),
        "into a file that ends in .py.",
        lambda folder: open_repository(benchmarks_in_a_repository(folder)),
    ),
    Row(
        "bench/gate/repository.py: Repository.around",
        "cannot compare {} with another revision",
        lambda folder: open_repository(benchmarks(folder)),
        "Run `git init`, and commit what to compare with.",
        lambda folder: open_repository(benchmarks_in_a_repository(folder)),
    ),
    Row(
        "bench/gate/command.py: gate",
        "{}",
        lambda folder: gated(benchmarks(folder)),
        "Run `git init`",
        lambda folder: open_repository(benchmarks_in_a_repository(folder)),
    ),
    Row(
        "bench/gate/report.py: conclude",
        "there is no folder {}: create it, or name another",
        lambda folder: concluded(folder / "no" / "a.json"),
        "create it, or name another",
        lambda folder: concluded(folder / "a.json"),
    ),
    Row(
        "bench/gate/report.py: conclude",
        "{}",
        concluded,
        why="the system's own message names the file",
    ),
]
