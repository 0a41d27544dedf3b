"""The errors of `network`: arguments of a network's methods."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from cures.table import Row

from bpmatrix import Network

X, LABELS = np.eye(2), [0, 2]
FROZEN = Network([2, 3], seed=1)


def trained(**keywords: object) -> None:
    Network([2, 3], seed=1).train(X, LABELS, **({"epochs": 1} | keywords))


def page_of(folder: Path, columns: int = 2, hidden: int = 2) -> None:
    net, array = Network([2, hidden, 3], seed=1), np.zeros((2, columns))
    net.show(array, np.zeros(columns, int), output=folder / "page.html")


def one_output() -> Network:
    return Network([2, 1], output="identity", cost="quadratic", seed=1)


def gradient(**keywords: object) -> np.ndarray:
    return Network([2, 3], seed=1).input_gradient(X, **keywords)


def frozen(*, writeable: bool) -> None:
    FROZEN.parameters.flags.writeable = writeable
    FROZEN.train(X, LABELS, epochs=1)


def scheduled(folder: Path, name: str, factor: float) -> None:
    where = folder / name
    trained(epochs=2, checkpoint=where, schedule=lambda epoch: 0.5 ** (epoch - 1))
    trained(epochs=3, checkpoint=where, schedule=lambda epoch: factor ** (epoch - 1))


ROWS = [
    Row(
        "network/resumable.py: ResumableRun._check_schedule",
        "the schedule differs from that of the checkpoint: it gives the rate {} for epoch {}",
        lambda folder: scheduled(folder, "run", 0.1),
        "Pass the same schedule, which must depend on the epoch alone, or another folder.",
        lambda folder: (scheduled(folder, "run", 0.5), scheduled(folder, "another", 0.5)),
    ),
    Row(
        "network/blocks.py: training_and_validation",
        "validation and validation_split cannot be combined",
        lambda _: trained(validation=(X, LABELS), validation_split=0.5),
        "Pass one of the two.",
        lambda _: (trained(validation=(X, LABELS)), trained(validation_split=0.5)),
    ),
    Row(
        "network/gate.py: validation_samples",
        "validation must be a pair",
        lambda _: trained(validation=X),
        "expected (X, targets) or (X, targets, sample_weight)",
        lambda _: (
            trained(validation=(X, LABELS)),
            trained(validation=(X, LABELS, [1.0, 2.0])),
        ),
    ),
    Row(
        "network/gate.py: check_predicts_classes",
        "a single {} output does not predict a class",
        lambda _: one_output().predict(X),
        "Use feedforward(X) for its values, or cost(X, targets) to judge them.",
        lambda _: (one_output().feedforward(X), one_output().cost(X, [1.0, 2.0])),
    ),
    Row(
        "network/network.py: Network.input_gradient",
        "input_gradient needs either targets or an output",
        lambda _: gradient(),
        "Pass targets for the gradient of the cost, output=k for that of output k.",
        lambda _: (gradient(targets=LABELS), gradient(output=2)),
    ),
    Row(
        "page/numbers.py: check_size",
        "the page shows one mini-batch",
        lambda folder: page_of(folder, columns=33),
        "Pass fewer columns: X[:, :10], targets[:10].",
        lambda folder: page_of(folder, columns=10),
    ),
    Row(
        "page/numbers.py: check_size",
        "the network is too large for a page",
        lambda folder: page_of(folder, hidden=50_000),
        "Show a network with smaller layers.",
        lambda folder: page_of(folder, hidden=50),
    ),
    Row(
        "network/gate.py: check_writeable",
        "the parameters are read-only",
        lambda _: frozen(writeable=False),
        "Set network.parameters.flags.writeable = True.",
        lambda _: frozen(writeable=True),
    ),
]
