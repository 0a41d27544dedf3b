"""What a training run records, epoch by epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["METRICS", "EpochInfo", "History", "badness"]

# What an epoch can be judged by, the first choice first: a cost sees a change of any output, an
# accuracy only one that turns an answer, so that it stands still for epochs on end.
METRICS = ("validation_cost", "validation_accuracy", "cost", "accuracy")
COLUMNS = (
    "epoch", "cost", "accuracy", "validation_cost", "validation_accuracy", "learning_rate",
    "seconds",
)  # fmt: skip


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
        That of the epoch: the optimizer's, times the factor of the schedule.
    seconds : float
        What the epoch took, validation included.
    is_best : bool
        Whether the run had no better epoch before this one, in the sense of `History.best_epoch`.
    """

    epoch: int
    last_epoch: int
    cost: float
    accuracy: float | None
    validation_cost: float | None
    validation_accuracy: float | None
    learning_rate: float
    seconds: float
    is_best: bool = False


@dataclass
class History:
    """What a training run recorded, epoch by epoch.

    Attributes
    ----------
    epochs : list of EpochInfo
        One entry for each epoch that was finished.
    stopped_by : str
        Why the run ended: ``"epochs"``, ``"callback"``, ``"early_stopping"``, ``"max_seconds"`` or
        ``"interrupt"``; in a `DivergenceError` and in `Network.trained` also ``"error"``.
    seed : int
        The seed of the network, whether it was given or drawn.
    metric : str or None
        What `best_epoch` goes by, where `EarlyStopping` named it.

    Notes
    -----
    `cost`, `accuracy`, `validation_cost`, `validation_accuracy`, `learning_rate` and `seconds` are
    lists with a number for each epoch, empty where there was nothing to record.
    """

    seed: int
    epochs: list[EpochInfo] = field(default_factory=list)
    stopped_by: str = "epochs"
    metric: str | None = None

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
        """The epoch that was best by `metric`; the first of equals.

        Where that is None, the epoch of the lowest validation cost, and without validation data of
        the lowest cost. None before the end of the first epoch.
        """
        if not self.epochs:
            return None
        return min(self.epochs, key=lambda entry: badness(entry, self.metric)).epoch

    def to_dict(self) -> dict[str, list[float]]:
        """Return the columns by name, "epoch" first, without those that hold nothing.

        Examples
        --------
        >>> History(seed=1, epochs=[EpochInfo(1, 1, 0.5, None, None, None, 3.0, 0.25)]).to_dict()
        {'epoch': [1], 'cost': [0.5], 'learning_rate': [3.0], 'seconds': [0.25]}
        """
        columns = {name: self._column(name) for name in COLUMNS}
        return {name: values for name, values in columns.items() if values or not self.epochs}

    def to_frame(self) -> pd.DataFrame:
        """Return the columns of `to_dict` as a pandas DataFrame whose index is the epoch.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd  # noqa: PLC0415 - no dependency of ours
        except ImportError:
            raise ImportError(  # `errors` knows a History, so that a History knows no errors
                "History.to_frame() needs pandas, which is not installed."
                " Install it with `pip install pandas`, or take History.to_dict()."
            ) from None
        return pd.DataFrame(self.to_dict()).set_index("epoch")

    def __repr__(self) -> str:
        """Show the number of epochs and the last figures."""
        if not self.epochs:
            return f"History(no epoch finished, stopped_by={self.stopped_by!r})"
        last = self.epochs[-1]
        shown = [f"{len(self.epochs)} epochs", f"cost {last.cost:.4g}"]
        if last.validation_accuracy is not None:
            shown.append(f"validation_accuracy {last.validation_accuracy:.4f}")
        return f"History({', '.join(shown)}, stopped_by={self.stopped_by!r})"


def badness(entry: EpochInfo, metric: str | None = None) -> float:
    """Return what the best epoch has least of; what is no number is worst."""
    if metric is None:
        metric = next(name for name in METRICS if getattr(entry, name) is not None)
    value = float(getattr(entry, metric))
    if math.isnan(value):
        return math.inf
    return -value if metric.endswith("accuracy") else value
