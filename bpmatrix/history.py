"""The record of a training run, epoch by epoch."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from bpmatrix.markup import curves, table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["METRICS", "TABLE", "EpochInfo", "Epochs", "History", "badness", "row_of"]

# What an epoch can be judged by, in order of preference: a cost responds to a change of any output,
# an accuracy only to a different class, so it may not change for many epochs.
METRICS = ("validation_cost", "validation_accuracy", "cost", "accuracy")
FIGURES = (
    "cost", "accuracy", "validation_cost", "validation_accuracy", "learning_rate", "seconds",
)  # fmt: skip
COLUMNS = ("epoch", *FIGURES)

# A row of `Epochs`. Its flags mark figures that are None, stored as NaN, and an epoch that was the
# best so far.
TABLE = np.dtype(
    [("epoch", "<i8"), ("last_epoch", "<i8"), *((name, "<f8") for name in FIGURES), ("flags", "u1")]
)
ROW, EPOCH = struct.Struct("<2q6dB"), struct.Struct("<q")
NO_ACCURACY, NO_VALIDATION_COST, NO_VALIDATION_ACCURACY, BEST = 1, 2, 4, 8
NONE = {
    "accuracy": NO_ACCURACY,
    "validation_cost": NO_VALIDATION_COST,
    "validation_accuracy": NO_VALIDATION_ACCURACY,
}
COLUMN = {name: k for k, name in enumerate(TABLE.names or ())}


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


class Epochs(Sequence[EpochInfo]):
    """The entries of a `History`: a sequence that takes 65 bytes per epoch.

    Parameters
    ----------
    entries : iterable of EpochInfo
        The first entries.

    Attributes
    ----------
    rows : bytearray
        The memory of a structured array with the columns of `TABLE`.

    Examples
    --------
    >>> epochs = Epochs([EpochInfo(1, 2, 0.5, None, None, None, 3.0, 0.25)])
    >>> epochs.append(EpochInfo(2, 2, 0.25, None, None, None, 3.0, 0.25))
    >>> len(epochs), epochs[-1].cost, [entry.epoch for entry in epochs]
    (2, 0.25, [1, 2])
    """

    def __init__(self, entries: Iterable[EpochInfo] = ()) -> None:
        self.rows = bytearray()
        for entry in entries:
            self.append(entry)

    def append(self, entry: EpochInfo) -> None:
        """Add an entry."""
        self.rows += self.ending_with(entry, is_best=entry.is_best)[1]

    def ending_with(
        self, entry: EpochInfo, every: int = 1, *, is_best: bool = False
    ) -> tuple[int, bytes]:
        """Return how adding an entry changes `rows`: the first byte that changes, and the new end.

        Of the earlier entries, each `every`-th and the best so far are kept. `is_best` replaces
        the entry's own.
        """
        rows, start = self.rows, len(self.rows)
        row = row_of(
            entry.epoch, entry.last_epoch, entry.cost, entry.accuracy, entry.validation_cost,
            entry.validation_accuracy, entry.learning_rate, entry.seconds, is_best,
        )  # fmt: skip
        if every == 1:
            return start, row
        kept = [row]
        while start > 0:
            start -= ROW.size
            (epoch,), flags = EPOCH.unpack_from(rows, start), rows[start + ROW.size - 1]
            if epoch % every == 0 or (flags & BEST and not is_best):
                kept.append(bytes(rows[start : start + ROW.size]))
            # A new best entry replaces the one before it, which may be anywhere; otherwise only the
            # last entry may go.
            if flags & BEST or not is_best:
                break
        return start, b"".join(reversed(kept))

    def table(self) -> NDArray[Any]:
        """Return a copy as a structured array, one row per epoch."""
        return np.ndarray(len(self), TABLE, self.rows).copy()

    @classmethod
    def of_table(cls, table: NDArray[Any]) -> Epochs:
        """Return the entries of a structured array."""
        epochs = cls()
        epochs.rows += table.astype(TABLE, copy=False).tobytes()
        return epochs

    def __len__(self) -> int:
        """The number of entries."""
        return len(self.rows) // ROW.size

    @overload
    def __getitem__(self, place: int) -> EpochInfo: ...

    @overload
    def __getitem__(self, place: slice) -> list[EpochInfo]: ...

    def __getitem__(self, place: int | slice) -> EpochInfo | list[EpochInfo]:
        """Return an entry, or a list of entries for a slice."""
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        i = range(len(self))[place]
        values = list(ROW.unpack_from(self.rows, i * ROW.size))
        flags = values.pop()
        for name, flag in NONE.items():
            if flags & flag:
                values[COLUMN[name]] = None
        values.append(bool(flags & BEST))
        return EpochInfo(*values)

    def __add__(self, other: Sequence[EpochInfo]) -> list[EpochInfo]:
        """Return the entries of two runs as a list."""
        return [*self, *other]

    def __eq__(self, other: object) -> bool:
        """Whether the entries are equal to those of another sequence."""
        if isinstance(other, Epochs):
            return self.rows == other.rows
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show the entries like a list."""
        return repr(list(self))


@dataclass
class History:
    """The record of a training run, epoch by epoch.

    An epoch takes 65 bytes, a million of them 65 MB; `Network.train(record_every=...)` records
    fewer.

    Attributes
    ----------
    epochs : sequence of EpochInfo
        One entry for each recorded epoch.
    stopped_by : str
        Why the run ended: ``"epochs"``, ``"callback"``, ``"early_stopping"``, ``"max_seconds"``,
        ``"interrupt"``, or ``"converged"`` if no further step of a full-batch optimizer lowers the
        cost; in a `DivergenceError` and in `Network.trained` also ``"error"``.
    seed : int
        The seed of the network, given or drawn.
    metric : str or None
        The figure that `EarlyStopping` named for `best_epoch`, if any.
    groups : int or None
        The groups of columns that each mini-batch formed, if they were chosen.

    Notes
    -----
    `cost`, `accuracy`, `validation_cost`, `validation_accuracy`, `learning_rate` and `seconds` are
    lists with one number per recorded epoch, or empty if the figure was not recorded.
    """

    seed: int
    epochs: Epochs = field(default_factory=Epochs)
    stopped_by: str = "epochs"
    metric: str | None = None
    groups: int | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        """Convert the entries to `Epochs`."""
        if name == "epochs" and not isinstance(value, Epochs):
            value = Epochs(value)
        super().__setattr__(name, value)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Convert the list in pickles of 0.1.0, too."""
        for name, value in state.items():
            setattr(self, name, value)

    def _column(self, name: str) -> list[float]:
        table = self.epochs.table()
        found: list[float] = table[name][table["flags"] & NONE.get(name, 0) == 0].tolist()
        return found

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
        table, metric = self.epochs.table(), self.metric or _metric(self.epochs[0])
        found = -table[metric] if metric.endswith("accuracy") else table[metric]
        return int(table["epoch"][np.where(np.isnan(found), np.inf, found).argmin()])

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

    def _repr_html_(self) -> str:
        """Draw each figure by epoch beside its first, last and best number, for notebooks."""
        if not self.epochs:
            return table(repr(self), [], [])
        rows = []
        for name, values in self.to_dict().items():
            if name in {"epoch", "seconds"}:
                continue
            best = max(values) if name.endswith("accuracy") else min(values)
            shown = [f"{value:.4g}" for value in (values[0], values[-1], best)]
            if name == "learning_rate":
                shown[-1] = ""
            rows.append([name, curves(values), *shown])
        last, seconds = self.epochs[-1].epoch, sum(self.seconds)
        title = f"History: epoch {last}, best epoch {self.best_epoch}, {seconds:.3g} s"
        title += f", stopped by {self.stopped_by}"
        return table(title, ["", "by epoch", "first", "last", "best"], rows)


def row_of(
    epoch: int,
    last_epoch: int,
    cost: float,
    accuracy: float | None,
    validation_cost: float | None,
    validation_accuracy: float | None,
    learning_rate: float,
    seconds: float,
    is_best: bool,
) -> bytes:
    """Return the bytes of an `EpochInfo` in `Epochs.rows`."""
    flags = BEST if is_best else 0
    if accuracy is None:
        accuracy, flags = math.nan, flags | NO_ACCURACY
    if validation_cost is None:
        validation_cost, flags = math.nan, flags | NO_VALIDATION_COST
    if validation_accuracy is None:
        validation_accuracy, flags = math.nan, flags | NO_VALIDATION_ACCURACY
    return ROW.pack(
        epoch, last_epoch, cost, accuracy, validation_cost, validation_accuracy, learning_rate,
        seconds, flags,
    )  # fmt: skip


def badness(entry: EpochInfo, metric: str | None = None) -> float:
    """Return the figure to minimize; NaN ranks last."""
    metric = metric or _metric(entry)
    value = float(getattr(entry, metric))
    if math.isnan(value):
        return math.inf
    return -value if metric.endswith("accuracy") else value


def _metric(entry: EpochInfo) -> str:
    return next(name for name in METRICS if getattr(entry, name) is not None)
