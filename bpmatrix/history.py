"""What a training run records, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["EpochInfo", "History"]


@dataclass(frozen=True, slots=True)
class EpochInfo:
    """What is known at the end of an epoch; a callback gets one.

    Attributes
    ----------
    epoch, last_epoch : int
        Counted from 1 over all the network's training; the run ends after `last_epoch`.
    cost, accuracy : float, float or None
        Means over the epoch's mini-batches, each before its update. No accuracy where the targets
        name no classes.
    validation_cost, validation_accuracy : float or None
        After the epoch; None without validation data.
    learning_rate : float
        That of the epoch.
    seconds : float
        What the epoch took, validation included.
    """

    epoch: int
    last_epoch: int
    cost: float
    accuracy: float | None
    validation_cost: float | None
    validation_accuracy: float | None
    learning_rate: float
    seconds: float


@dataclass
class History:
    """What a training run recorded, epoch by epoch.

    Attributes
    ----------
    epochs : list of EpochInfo
        One entry for each epoch that was finished.
    stopped_by : str
        Why the run ended: ``"epochs"``, ``"callback"`` or ``"interrupt"``.
    seed : int
        The seed of the network, whether it was given or drawn.

    Notes
    -----
    `cost`, `accuracy`, `validation_cost`, `validation_accuracy`, `learning_rate` and `seconds` are
    lists with a number for each epoch, empty where there was nothing to record.
    """

    seed: int
    epochs: list[EpochInfo] = field(default_factory=list)
    stopped_by: str = "epochs"

    def _column(self, name: str) -> list[float]:
        values = (getattr(entry, name) for entry in self.epochs)
        return [value for value in values if value is not None]

    @property
    def cost(self) -> list[float]:
        """Mean cost over each epoch's mini-batches, before their updates."""
        return self._column("cost")

    @property
    def accuracy(self) -> list[float]:
        """Fraction of right answers over each epoch's mini-batches, before their updates."""
        return self._column("accuracy")

    @property
    def validation_cost(self) -> list[float]:
        """Mean cost over the validation data after each epoch."""
        return self._column("validation_cost")

    @property
    def validation_accuracy(self) -> list[float]:
        """Fraction of right answers on the validation data after each epoch."""
        return self._column("validation_accuracy")

    @property
    def learning_rate(self) -> list[float]:
        """The learning rate of each epoch."""
        return self._column("learning_rate")

    @property
    def seconds(self) -> list[float]:
        """Seconds that each epoch took, validation included."""
        return self._column("seconds")

    @property
    def best_epoch(self) -> int | None:
        """The epoch of the highest validation accuracy, else of the lowest validation cost.

        Without validation data that of the lowest cost; the first of equals; None before the end
        of the first epoch.
        """
        if not self.epochs:
            return None
        return min(self.epochs, key=badness).epoch

    def __repr__(self) -> str:
        """Show the number of epochs and the last figures."""
        if not self.epochs:
            return f"History(no epoch finished, stopped_by={self.stopped_by!r})"
        last = self.epochs[-1]
        shown = [f"{len(self.epochs)} epochs", f"cost {last.cost:.4g}"]
        if last.validation_accuracy is not None:
            shown.append(f"validation_accuracy {last.validation_accuracy:.4f}")
        return f"History({', '.join(shown)}, stopped_by={self.stopped_by!r})"


def badness(entry: EpochInfo) -> float:
    """What the best epoch has least of."""
    if entry.validation_accuracy is not None:
        return -entry.validation_accuracy
    return entry.cost if entry.validation_cost is None else entry.validation_cost
