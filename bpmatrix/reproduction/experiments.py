"""The published experiments: networks, figures, sources and bands.

Chapters are those of M. A. Nielsen, *Neural Networks and Deep Learning*; fig/*.json are the raw
curves in its repository. Unless stated otherwise, networks train on the first 50,000 images of
MNIST in mini-batches of 10. Nielsen reports the best epoch, in chapters 1 and 6 of three runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bpmatrix.reproduction.bands import RULE, Band, band

# The book's weakest classifier uses only the mean darkness (ch. 1).
DARKNESS = 22.25
# 892 of MNIST's test images show a 5, the rarest digit: always predicting one digit gives at least
# this accuracy.
RAREST = 8.92
# The best plain feedforward network that the book cites (ch. 3).
CEILING = 98.4
# The best published figure for an MLP on Fashion-MNIST: 512-256 ReLU.
FASHION_CEILING = 88.63


@dataclass(frozen=True)
class Claim:
    """A published figure.

    Attributes
    ----------
    statistic : str
        ``"first"``, ``"best"`` or ``"last"`` epoch, the mean over our runs; ``"best of runs"``.
    published : float
        Percent.
    source : str
        Where it was published.
    limits : pair of float, optional
        The band, if the rule of `bands` does not apply; `reason` then justifies it.
    """

    statistic: str
    published: float
    source: str
    limits: Band | None = None
    reason: str = RULE

    def band(self, runs: int) -> Band:
        """Return the bounds for our figure."""
        return band(self.published, runs) if self.limits is None else self.limits


@dataclass(frozen=True)
class Experiment:
    """A network, how it is trained, and what was published about it.

    Attributes
    ----------
    table, name : str
        The group, an argument of the command, and the title of the row.
    settings : mapping
        Arguments of `Network`.
    lmbda : float
        The book's lambda; the penalty is lambda / 2n times the sum of squared weights.
    n_train : int, optional
        The number of training images, the first ones; 60,000 includes those for validation. None
        means 50,000.
    judged : str
        ``"test"``, ``"validation"``, or ``"test at best validation"``, which gives one figure per
        run.
    like_network3 : bool
        Whether initial weights and the order of samples are those of the book's network3.
    runs, quick_runs : int
        The number of seeds; 0 quick runs leave the experiment out of ``--quick``.
    """

    table: str
    name: str
    sizes: tuple[int, ...]
    learning_rate: float
    epochs: int
    claims: tuple[Claim, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: str = "mnist"
    lmbda: float = 0.0
    mini_batch_size: int = 10
    n_train: int | None = None
    judged: str = "test"
    like_network3: bool = False
    runs: int = 3
    quick_runs: int = 0


CHAPTER_1 = {"cost": "quadratic", "initializer": "standard_normal"}
LARGE = {"initializer": "standard_normal"}

FIRST = (
    Experiment(
        "chapter1", "30 hidden units", (784, 30, 10), 3.0, 30,
        (Claim("best of runs", 95.42, "ch. 1, best of three runs"),),
        CHAPTER_1, quick_runs=3,
    ),
    Experiment(
        "chapter1", "100 hidden units", (784, 100, 10), 3.0, 30,
        (Claim("best of runs", 96.59, "ch. 1, best of three runs; readers got lower figures"),),
        # Some runs never learn one of the digits; with six, it is likely that one run learns all.
        CHAPTER_1, runs=6,
    ),
    Experiment(
        "chapter1", "learning rate 0.001, must fail", (784, 100, 10), 0.001, 30,
        (Claim(
            "last", 21.42, "ch. 1",
            (10.9, 50.0),
            "better than chance by three standard errors, but less than half of the answers: the "
            "book shows one run, and initial weights are random",
        ),),
        CHAPTER_1, quick_runs=1,
    ),
    Experiment(
        "chapter1", "learning rate 100, must fail", (784, 30, 10), 100.0, 30,
        (Claim(
            "last", 9.82, "ch. 1",
            (RAREST, DARKNESS),
            "from the share of the rarest digit, the least that predicting a single digit gives, "
            "to the 22.25 % of the book's weakest classifier, which uses only the mean darkness",
        ),),
        CHAPTER_1, quick_runs=1,
    ),
)  # fmt: skip

THIRD = (
    Experiment(
        "chapter3", "cross-entropy, 30 hidden units", (784, 30, 10), 0.5, 30,
        (Claim("best", 95.49, "ch. 3; again 95.33 % in fig/overfitting_full.json"),),
        LARGE, quick_runs=1,
    ),
    Experiment(
        "chapter3", "cross-entropy, 100 hidden units", (784, 100, 10), 0.5, 30,
        (Claim("best", 96.82, "ch. 3"),), LARGE,
    ),
    Experiment(
        "chapter3", "1,000 images, overfitting", (784, 30, 10), 0.5, 400,
        (Claim("best", 82.27, "ch. 3, fig/overfitting.json"),
         Claim("last", 82.23, "fig/overfitting.json")),
        LARGE, n_train=1000, quick_runs=1,
    ),
    Experiment(
        "chapter3", "1,000 images, lambda 0.1", (784, 30, 10), 0.5, 400,
        (Claim("best", 87.10, "ch. 3, fig/regularized.json"),
         Claim("last", 86.95, "fig/regularized.json")),
        LARGE, lmbda=0.1, n_train=1000, quick_runs=1,
    ),
    Experiment(
        "chapter3", "lambda 5, 30 hidden units", (784, 30, 10), 0.5, 30,
        (Claim("best", 96.49, "ch. 3, fig/regularized_full.json"),),
        LARGE, lmbda=5.0, quick_runs=1,
    ),
    Experiment(
        "chapter3", "lambda 5, 100 hidden units", (784, 100, 10), 0.5, 30,
        (Claim("best", 97.92, "ch. 3"),),
        LARGE, lmbda=5.0, judged="validation", quick_runs=1,
    ),
    Experiment(
        "chapter3", "lambda 5, rate 0.1, 60 epochs", (784, 100, 10), 0.1, 60,
        (Claim("best", 98.04, "ch. 3"),), lmbda=5.0, judged="validation",
    ),
    Experiment(
        "chapter3", "old initial weights", (784, 30, 10), 0.1, 30,
        (Claim("first", 86.43, "ch. 3, fig/weight_initialization_30.json"),
         Claim("best", 96.48, "fig/weight_initialization_30.json")),
        LARGE, lmbda=5.0, judged="validation", quick_runs=1,
    ),
    Experiment(
        "chapter3", "new initial weights", (784, 30, 10), 0.1, 30,
        (Claim("first", 92.70, "ch. 3, fig/weight_initialization_30.json"),
         Claim("best", 96.53, "fig/weight_initialization_30.json")),
        lmbda=5.0, judged="validation", quick_runs=1,
    ),
    Experiment(
        "chapter3", "old initial weights, 100 hidden units", (784, 100, 10), 0.1, 30,
        (Claim("first", 89.94, "fig/weight_initialization_100.json"),
         Claim("best", 97.55, "fig/weight_initialization_100.json")),
        LARGE, lmbda=5.0, judged="validation",
    ),
    Experiment(
        "chapter3", "new initial weights, 100 hidden units", (784, 100, 10), 0.1, 30,
        (Claim("first", 92.95, "fig/weight_initialization_100.json"),
         Claim("last", 97.81, "fig/weight_initialization_100.json")),
        lmbda=5.0, judged="validation",
    ),
)  # fmt: skip

FIFTH = tuple(
    Experiment(
        "chapter5", f"{depth} hidden layers" if depth > 1 else "1 hidden layer",
        (784, *[30] * depth, 10), 0.1, 30,
        (Claim("best", published, "ch. 5"),),
        lmbda=5.0, judged="validation", quick_runs=int(depth == 2),
    )
    for depth, published in enumerate((96.48, 96.90, 96.57, 96.53), start=1)
)  # fmt: skip

SIXTH = (
    Experiment(
        "chapter6", "sigmoid and softmax", (784, 100, 10), 0.1, 60,
        (Claim("best of runs", 97.80, "ch. 6, best of three runs, at the best validation epoch"),),
        {"cost": "log_likelihood"}, judged="test at best validation", like_network3=True,
    ),
)  # fmt: skip

# H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST (2017), Table 3: Fashion-MNIST, MNIST.
PAPER = (
    ("relu", (100,), 87.1, 97.2),
    ("relu", (100, 10), 87.0, 97.2),
    ("tanh", (100,), 86.8, 96.2),
    ("tanh", (100, 10), 86.3, 95.7),
    ("relu", (10, 10), 85.0, 93.6),
    ("relu", (10,), 84.8, 93.3),
    ("tanh", (10, 10), 84.1, 92.1),
    ("tanh", (10,), 84.0, 92.1),
)


def _mlp(table: str, hidden: tuple[int, ...], activation: str, claim: Claim) -> Experiment:
    """Return a network of the paper; trained with SGD, where the paper used Adam."""
    return Experiment(
        table, f"{activation} {'-'.join(map(str, hidden))}", (784, *hidden, 10), 0.1, 20, (claim,),
        {"activation": activation, "output": "softmax", "cost": "log_likelihood",
         "initializer": "glorot"},
        data="fashion-mnist" if table == "fashion" else "mnist",
        mini_batch_size=32, n_train=60_000, quick_runs=int(table == "mlp" and hidden == (100,)),
    )  # fmt: skip


def _at_least(published: float, ceiling: float, source: str) -> Claim:
    """Return a claim that ours may exceed, since it is trained differently."""
    return Claim(
        "last",
        published,
        source,
        (band(published, 3)[0], max(band(published, 3)[1], ceiling)),
        "lower bound: the rule for three runs; upper bound: at least the best published figure for "
        f"such networks, {ceiling} %, since scikit-learn's Adam was replaced by SGD",
    )


SOURCE = "paper, Table 3"
ON_MNIST = tuple(
    _mlp("mlp", hidden, activation, _at_least(published, CEILING, SOURCE))
    for activation, hidden, _, published in PAPER
)
ON_FASHION = tuple(
    _mlp("fashion", hidden, activation, _at_least(published, FASHION_CEILING, SOURCE))
    for activation, hidden, published, _ in PAPER
)
README_OF_FASHION = (
    _mlp("fashion", (256, 128, 100), "relu",
         _at_least(88.33, FASHION_CEILING, "README of Fashion-MNIST")),
)  # fmt: skip

EXPERIMENTS = (*FIRST, *THIRD, *FIFTH, *SIXTH, *ON_MNIST, *ON_FASHION, *README_OF_FASHION)
