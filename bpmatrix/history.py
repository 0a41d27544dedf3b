"""The record of a training run, epoch by epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["METRICS", "EpochInfo", "History", "badness"]

# What an epoch can be judged by, in order of preference: a cost responds to a change of any output,
# an accuracy only to a different class, so it may not change for many epochs.
METRICS = ("validation_cost", "validation_accuracy", "cost", "accuracy")
COLUMNS = (
    "epoch", "cost", "accuracy", "validation_cost", "validation_accuracy", "learning_rate",
    "seconds",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EpochInfo:
    """The figures of one epoch, as passed to callbacks.

    Attributes
    ----------
    epoch, last_epoch : int
        Counted from 1 over all training of the network; the run ends after `last_epoch`.
    cost, accuracy : float, float or None
        Means over the epoch's mini-batches, each before its update. The accuracy is None if the
        targets are not classes.
    validation_cost, validation_accuracy : float or None
        After the epoch; None without validation data.
    learning_rate : float
        The optimizer's learning rate times the schedule's factor for this epoch.
    seconds : float
        The duration of the epoch, including validation.
    is_best : bool
        Whether this is the best epoch of the run so far, as `History.best_epoch` defines it.
    network : Network, MLPClassifier or MLPRegressor
        The model being trained, for callbacks. They may predict with it, save it or copy it, but
        not train it. None in a History.
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
    network: Any = field(default=None, repr=False, compare=False)


@dataclass
class History:
    """The record of a training run, epoch by epoch.

    Attributes
    ----------
    epochs : list of EpochInfo
        One entry for each completed epoch.
    stopped_by : str
        Why the run ended: ``"epochs"``, ``"callback"``, ``"early_stopping"``, ``"max_seconds"`` or
        ``"interrupt"``; in a `DivergenceError` and in `Network.trained` also ``"error"``.
    seed : int
        The seed of the network, given or drawn.
    metric : str or None
        The figure that `EarlyStopping` named for `best_epoch`, if any.

    Notes
    -----
    `cost`, `accuracy`, `validation_cost`, `validation_accuracy`, `learning_rate` and `seconds` are
    lists with one number per epoch, or empty if nothing was recorded.
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
        """Accuracy over each epoch's mini-batches, before their updates."""
        return self._column("accuracy")

    @property
    def validation_cost(self) -> list[float]:
        """Mean cost over the validation data after each epoch."""
        return self._column("validation_cost")

    @property
    def validation_accuracy(self) -> list[float]:
        """Accuracy on the validation data after each epoch."""
        return self._column("validation_accuracy")

    @property
    def learning_rate(self) -> list[float]:
        """The learning rate of each epoch."""
        return self._column("learning_rate")

    @property
    def seconds(self) -> list[float]:
        """Duration of each epoch in seconds, including validation."""
        return self._column("seconds")

    @property
    def best_epoch(self) -> int | None:
        """The best epoch by `metric`; the first one in case of a tie.

        If `metric` is None, the epoch with the lowest validation cost, or without validation data
        the lowest cost. None before the end of the first epoch.
        """
        if not self.epochs:
            return None
        return min(self.epochs, key=lambda entry: badness(entry, self.metric)).epoch

    def to_dict(self) -> dict[str, list[float]]:
        """Return the columns by name, "epoch" first, without empty ones.

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
            import pandas as pd  # noqa: PLC0415 - an optional package
        except ImportError:
            raise ImportError(  # `errors` imports this module, so this one cannot import `errors`
                "History.to_frame() needs pandas, which is not installed."
                " Install it with `pip install pandas`, or use History.to_dict()."
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
    """Return the figure to minimize; NaN ranks last."""
    if metric is None:
        metric = next(name for name in METRICS if getattr(entry, name) is not None)
    value = float(getattr(entry, metric))
    if math.isnan(value):
        return math.inf
    return -value if metric.endswith("accuracy") else value
