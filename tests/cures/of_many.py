"""The errors of `network/many.py`: networks and settings of `train_many`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from cures.table import Row

from bpmatrix import Network, train_many

X, LABELS = np.eye(2), [0, 2]


def nets(count: int = 2) -> list[Network]:
    return [Network([2, 3], seed=seed) for seed in range(count)]


def trained(networks: Network | list[Network], **keywords: Any) -> None:
    train_many(networks, X, LABELS, **({"epochs": 1} | keywords))


def with_results(folder: Path, name: str) -> None:
    (folder / "letter.txt").write_text("Dear Sir\n", encoding="utf-8")
    trained(nets(), results=folder / name)


ROWS = [
    Row(
        "network/many.py: _checked_jobs",
        "one network needs settings to be trained with",
        lambda _: trained(nets()[0]),
        'Pass settings=[{"weight_decay": 0.0}, ...], or a list of networks.',
        lambda _: (trained(nets()[0], settings=[{"weight_decay": 0.0}]), trained(nets())),
    ),
    Row(
        "network/many.py: _checked_jobs",
        "settings must have one entry for each network",
        lambda _: trained(nets(), settings=[{}]),
        "expected 2",
        lambda _: trained(nets(), settings=[{}, {}]),
    ),
    Row(
        "network/many.py: _checked_jobs",
        "a network stands in the list more than once",
        lambda _: trained(nets(1) * 2),
        "Pass copies made with copy.deepcopy, or one network and settings.",
        lambda _: trained(nets(1)[0], settings=[{}, {}]),
    ),
    Row(
        "network/many.py: _checked_job",
        "{} is not an argument of each network",
        lambda folder: trained(nets(), settings=[{"checkpoint": folder}, {}]),
        "results= records which networks are done, so that a second call skips them",
        lambda folder: trained(nets(), results=folder / "lines.json"),
    ),
    Row(
        "network/many.py: _checked_job",
        "the seed belongs to the network, whose initial weights it determines",
        lambda _: trained(nets()[0], settings=[{"seed": 1}, {"seed": 2}]),
        "Pass [Network(sizes, seed=seed) for seed in seeds] as networks.",
        lambda _: trained([Network([2, 3], seed=seed) for seed in (1, 2)]),
    ),
    Row(
        "network/many.py: _checked_job",
        "Network.train has no argument {}",
        lambda _: trained(nets(), weightdecay=0.1),
        "weight_decay",
        lambda _: trained(nets(), weight_decay=0.1),
    ),
    Row(
        "network/many.py: _read",
        "{} is not a file of results",
        lambda folder: with_results(folder, "letter.txt"),
        "Name a new file.",
        lambda folder: with_results(folder, "new.json"),
    ),
]
