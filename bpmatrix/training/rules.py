"""What `train_epochs` asks of a run, and of an observer of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bpmatrix.array_types import Integers
from bpmatrix.engine.evaluation import Scores
from bpmatrix.history import EpochInfo, History
from bpmatrix.samples.windows import Pass
from bpmatrix.training.record import Callback

# (epochs, n): indices of the samples; or an epoch of samples that are read in windows.
Orders = Integers | Pass


class Rules(Protocol):
    """What `Network.train` and the estimators do differently in `train_epochs`.

    Attributes
    ----------
    history : History
        Its `stopped_by` is "epochs" until something else ends the run; a rule may set it.
    callbacks : sequence of functions
        Each is called with the `EpochInfo` of the last epoch.
    are_classes : pair of bool
        Whether the targets of training and validation samples are classes.
    last_epoch : int
        The number of the epoch after which the run ends.
    cure : str
        How to avoid divergence: a format string with the fields `rate`, the learning rate, and
        `largest`, the largest input.
    """

    history: History
    callbacks: Sequence[Callback]
    are_classes: tuple[bool, bool]
    last_epoch: int
    cure: str

    @property
    def done(self) -> int:
        """The number of the last complete epoch."""

    def ahead(self) -> int:
        """Return how many epochs to run before the next check; 0 ends the run."""

    def rate(self) -> float:
        """Return the learning rate of the next epochs."""

    def orders(self, epochs: int) -> Orders:
        """Return the order of the samples in each of the next epochs."""

    def steps(self, orders: Orders, rate: float) -> list[tuple[float, float]]:
        """Take a step for each mini-batch; return cost and accuracy of each epoch.

        They may be fewer than the orders, if ConvergedError is raised at the next call.
        If it raises NotFiniteError for several epochs, nothing has changed.
        """

    def validate(self) -> Scores | None:
        """Score the validation samples, if there are any."""

    def record(
        self, results: list[tuple[float, float]], scores: Scores | None, entry: EpochInfo
    ) -> EpochInfo:
        """Record complete epochs; return the entry of the last one, for the callbacks."""

    def end(self) -> None:
        """Clean up after the run, whatever ended it."""


class Watch(Protocol):
    """An observer of a run, such as the one that writes its checkpoints.

    Attributes
    ----------
    next_look : float
        The time, as in `time.perf_counter`, from which on `look` is to be called.
    """

    next_look: float

    def look(self) -> None:
        """Called after an epoch and its callbacks."""

    def end(self) -> None:
        """Called when the run has ended, before the best weights are restored."""
