"""The errors of `training`: optimizers, schedules, when to stop, and runs that diverge."""

from __future__ import annotations

import sys
from unittest import mock

import numpy as np
from cures.table import Row

from bpmatrix import (
    LBFGS,
    SGD,
    Adam,
    Blocks,
    EarlyStopping,
    LevenbergMarquardt,
    Network,
    schedules,
)

X, LABELS = np.random.default_rng(4).standard_normal((2, 12)), np.arange(12) % 3
HALVES = np.full((3, 12), 0.5)

LEVENBERG = LevenbergMarquardt()


def trained(**keywords: object) -> None:
    Network([2, 4, 3], seed=1).train(**({"X": X, "targets": LABELS, "epochs": 1} | keywords))


def diverging(
    input_scale: float = 1.0, learning_rate: float = 0.5, activation: str = "relu"
) -> None:
    net = Network(
        [2, 4, 3], activation=activation, cost="quadratic", input_scale=input_scale, seed=1
    )
    net.train(1e3 * X, LABELS, epochs=30, optimizer=SGD(learning_rate=learning_rate))


def damped(
    hidden: int = 4, cost: str = "quadratic", optimizer: object = LEVENBERG, **keywords: object
) -> None:
    net = Network([2, hidden, 3], cost=cost, seed=1)
    net.train(**({"X": X, "targets": LABELS, "epochs": 1, "optimizer": optimizer} | keywords))


def without_scipy() -> None:
    with mock.patch.dict(sys.modules, {"scipy.optimize": None}):
        trained(optimizer=LBFGS())


ROWS = [
    Row(
        "training/arguments.py: checked_groups",
        "groups must be a power of two",
        lambda _: trained(groups=12),
        "Pass groups=16",
        lambda _: trained(groups=16),
    ),
    Row(
        "training/arguments.py: _checked_optimizer",
        "optimizer is not a bpmatrix optimizer",
        lambda _: trained(optimizer="adam"),
        "Write optimizer=Adam().",
        lambda _: trained(optimizer=Adam()),
    ),
    Row(
        "training/arguments.py: _checked_optimizer",
        "optimizer is not a bpmatrix optimizer",
        lambda _: trained(optimizer=0.1),
        "Write optimizer=SGD(learning_rate=0.5).",
        lambda _: trained(optimizer=SGD(learning_rate=0.5)),
    ),
    Row(
        "training/arguments.py: _check_full_batch",
        "{} takes all samples in each step, so it has no {}",
        lambda _: trained(optimizer=LBFGS(), mini_batch_size=4),
        "Leave out mini_batch_size, or train with mini-batches, such as optimizer=Adam().",
        lambda _: (trained(optimizer=LBFGS()), trained(optimizer=Adam(), mini_batch_size=4)),
    ),
    Row(
        "training/arguments.py: _check_full_batch",
        "{} takes all samples in each step, so it has no {}",
        lambda _: trained(optimizer=LBFGS(), groups=4),
        "Leave out groups, or train with mini-batches, such as optimizer=Adam().",
        lambda _: (trained(optimizer=LBFGS()), trained(optimizer=Adam(), groups=4)),
    ),
    Row(
        "training/arguments.py: _check_full_batch",
        "{} needs the quadratic cost",
        lambda _: damped(cost="cross_entropy"),
        'Pass cost="quadratic" to Network, or train with optimizer=LBFGS().',
        lambda _: (damped(), damped(cost="cross_entropy", optimizer=LBFGS())),
    ),
    Row(
        "training/arguments.py: _check_full_batch",
        "the network is too large for {}, whose matrices have the square of its size",
        lambda _: damped(hidden=900),
        "Train with optimizer=LBFGS(), or pass fewer units.",
        lambda _: (damped(hidden=900, optimizer=LBFGS()), damped(hidden=9)),
    ),
    Row(
        "training/quasi_newton.py: load_solver",
        "LBFGS",
        lambda _: without_scipy(),
        "pip install '.[sklearn]'",
        lambda _: trained(optimizer=LBFGS()),
        needs="scipy",
    ),
    Row(
        "training/runners.py: runner_of",
        "{} does not read Blocks: each step needs all samples at once",
        lambda _: trained(X=Blocks(X.T, LABELS), targets=None, optimizer=LBFGS()),
        "Pass arrays, if the data fit into memory, or optimizer=Adam().",
        lambda _: (
            trained(optimizer=LBFGS()),
            trained(X=Blocks(X.T, LABELS), targets=None, optimizer=Adam()),
        ),
    ),
    Row(
        "training/arguments.py: checked_mini_batch_size",
        "the mini-batch is larger than the data",
        lambda _: trained(mini_batch_size=32),
        "Pass mini_batch_size=12 or less.",
        lambda _: (trained(mini_batch_size=12), trained(mini_batch_size=5)),
    ),
    Row(
        "training/arguments.py: _regularization",
        "dropout has the wrong length",
        lambda _: trained(dropout=[0.1, 0.2, 0.3]),
        "one number for all hidden layers, or 2: one for the inputs and one for each hidden layer",
        lambda _: (trained(dropout=0.2), trained(dropout=[0.1, 0.2])),
    ),
    Row(
        "training/arguments.py: _check_stopping",
        "early_stopping is not an EarlyStopping",
        lambda _: trained(early_stopping=True, validation_split=0.25),
        "Write early_stopping=EarlyStopping().",
        lambda _: trained(early_stopping=EarlyStopping(), validation_split=0.25),
    ),
    Row(
        "training/arguments.py: _check_stopping",
        "early_stopping is not an EarlyStopping",
        lambda _: trained(early_stopping=False),
        "Write early_stopping=None.",
        lambda _: trained(early_stopping=None),
    ),
    Row(
        "training/arguments.py: _check_stopping",
        "{} needs validation data",
        lambda _: trained(early_stopping=EarlyStopping()),
        "Pass validation=(X, targets) or validation_split=0.1, or name the metric:"
        " EarlyStopping(metric='cost').",
        lambda _: (
            trained(early_stopping=EarlyStopping(), validation=(X, LABELS)),
            trained(early_stopping=EarlyStopping(), validation_split=0.1),
            trained(early_stopping=EarlyStopping(metric="cost")),
        ),
    ),
    Row(
        "training/arguments.py: _check_stopping",
        "{} needs validation data",
        lambda _: trained(restore_best=True),
        "Pass validation=(X, targets) or validation_split=0.1.",
        lambda _: (
            trained(restore_best=True, validation=(X, LABELS)),
            trained(restore_best=True, validation_split=0.1),
        ),
    ),
    Row(
        "training/arguments.py: _check_schedule",
        "schedule must be a function of the epoch",
        lambda _: trained(schedule=0.9),
        "expected one of bpmatrix.schedules, or a callable that returns a factor",
        lambda _: (
            trained(schedule=schedules.Step(every=2)),
            trained(schedule=lambda epoch: 0.9**epoch),
        ),
    ),
    Row(
        "training/arguments.py: _check_metric",
        "this run does not record the metric",
        lambda _: trained(early_stopping=EarlyStopping(metric="validation_cost")),
        "A validation metric needs validation=(X, targets) or validation_split=0.1",
        lambda _: (
            trained(early_stopping=EarlyStopping(metric="validation_cost"), validation_split=0.1),
            trained(early_stopping=EarlyStopping(metric="validation_cost"), validation=(X, LABELS)),
        ),
    ),
    Row(
        "training/arguments.py: _check_metric",
        "this run does not record the metric",
        lambda _: trained(targets=HALVES, early_stopping=EarlyStopping(metric="accuracy")),
        "an accuracy needs targets that are classes.",
        lambda _: trained(targets=LABELS, early_stopping=EarlyStopping(metric="accuracy")),
    ),
    Row(
        "training/arguments.py: _callbacks",
        "callbacks must be a sequence of functions",
        lambda _: trained(callbacks=print),
        "Pass callbacks=[function], even for a single one.",
        lambda _: trained(callbacks=[lambda info: None]),
    ),
    Row(
        "training/arguments.py: _callbacks",
        "a callback must be a function",
        lambda _: trained(callbacks=["print"]),
        "expected a function that takes the EpochInfo of an epoch",
        lambda _: trained(callbacks=[lambda info: info.cost]),
    ),
    Row(
        "training/optimizers.py: SGD.__post_init__",
        "nesterov must be True or False",
        lambda _: SGD(learning_rate=0.1, momentum=0.9, nesterov="yes"),
        "nesterov must be True or False: got 'yes'.",
        lambda _: SGD(learning_rate=0.1, momentum=0.9, nesterov=True),
    ),
    Row(
        "training/optimizers.py: SGD.__post_init__",
        "nesterov requires momentum",
        lambda _: SGD(learning_rate=0.1, nesterov=True),
        "Pass a momentum above 0, such as momentum=0.9.",
        lambda _: SGD(learning_rate=0.1, nesterov=True, momentum=0.9),
    ),
    Row(
        "training/endings.py: diverged",
        "training diverged in epoch {}, mini-batch {}: {} is not finite",
        lambda _: diverging(),
        "Lower the learning rate (it is 0.5), or scale the inputs with input_scale",
        lambda _: (diverging(learning_rate=1e-9), diverging(input_scale=1e-3, learning_rate=0.01)),
    ),
    Row(
        "training/schedules.py: Warmup.__post_init__",
        "then must be a function of the epoch",
        lambda _: schedules.Warmup(epochs=3, then=schedules.Step),
        "expected a callable such as Step(every=10)",
        lambda _: schedules.Warmup(epochs=3, then=schedules.Step(every=10)),
    ),
]
