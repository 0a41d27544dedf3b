"""Learning-rate schedules: the factor on the optimizer's learning rate, epoch by epoch.

``Network.train(schedule=...)`` takes any function of the epoch. Epochs are counted from 1 over all
training of the network, so that two runs with the same schedule equal one long run. The schedules
here are immutable; the rate of each epoch is in `History.learning_rate`.

>>> from bpmatrix import SGD, Network, schedules
>>> net = Network([1, 1], seed=1)
>>> halved = lambda epoch: 0.5 ** (epoch - 1)
>>> how = {"optimizer": SGD(learning_rate=2.0), "schedule": halved}
>>> net.train([[0.0, 1.0]], [0.0, 1.0], epochs=2, **how).learning_rate
[2.0, 1.0]
>>> net.train([[0.0, 1.0]], [0.0, 1.0], epochs=2, **how).learning_rate
[0.5, 0.25]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bpmatrix.checks import FRACTION, NOT_NEGATIVE, real_number, set_number, set_whole_number
from bpmatrix.errors import ArgumentError
from bpmatrix.foreign import SCHEDULE, knowing
from bpmatrix.history import EpochInfo, badness
from bpmatrix.training.stopping import Patience, check_patience


@knowing(SCHEDULE)
@dataclass(frozen=True, slots=True)
class Step:
    """Multiply the rate by `factor` after every `every` epochs.

    The factor is factor^floor((epoch - 1) / every).

    Parameters
    ----------
    every : int
        The number of epochs with the same rate, at least 1.
    factor : float, default 0.1
        From 0 to 1.

    Raises
    ------
    ArgumentError
        If an argument is out of range.

    Examples
    --------
    >>> [Step(every=2, factor=0.5)(epoch) for epoch in (1, 2, 3, 4, 5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        """Check the arguments."""
        set_whole_number(self, "every")
        set_number(self, "factor", FRACTION)

    def __call__(self, epoch: int) -> float:
        """Return the factor of an epoch."""
        return float(self.factor ** ((epoch - 1) // self.every))


@knowing(SCHEDULE)
@dataclass(frozen=True, slots=True)
class Cosine:
    """Lower the factor from 1 to `least` along half a period of the cosine, and keep it there.

    The factor is least + (1 - least) (1 + cos(pi (epoch - 1) / epochs)) / 2: Loshchilov and Hutter
    2017 (SGDR), eq. (5), without restarts.

    Parameters
    ----------
    epochs : int
        The number of epochs until the factor is `least`, at least 1.
    least : float, default 0.0
        From 0 to 1.

    Raises
    ------
    ArgumentError
        If an argument is out of range.

    Examples
    --------
    >>> [round(Cosine(epochs=4)(epoch), 3) for epoch in (1, 2, 3, 4, 5, 6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    epochs: int
    least: float = 0.0

    def __post_init__(self) -> None:
        """Check the arguments."""
        set_whole_number(self, "epochs")
        set_number(self, "least", FRACTION)

    def __call__(self, epoch: int) -> float:
        """Return the factor of an epoch."""
        done = min(1.0, (epoch - 1) / self.epochs)
        return self.least + (1 - self.least) * (1 + math.cos(math.pi * done)) / 2


@knowing(SCHEDULE)
@dataclass(frozen=True, slots=True)
class InverseScaling:
    """Divide the rate by a power of the epoch: the factor is 1 / epoch^power.

    scikit-learn's "invscaling", with epochs instead of samples.

    Parameters
    ----------
    power : float, default 0.5
        0 or more.

    Raises
    ------
    ArgumentError
        If it is negative or not finite.

    Examples
    --------
    >>> [InverseScaling()(epoch) for epoch in (1, 4, 16)]
    [1.0, 0.5, 0.25]
    """

    power: float = 0.5

    def __post_init__(self) -> None:
        """Check the argument."""
        set_number(self, "power", NOT_NEGATIVE)

    def __call__(self, epoch: int) -> float:
        """Return the factor of an epoch."""
        return float(epoch**-self.power)


@knowing(SCHEDULE)
@dataclass(frozen=True, slots=True)
class Warmup:
    """Raise the rate in equal steps to its full value, then follow another schedule.

    The factor is min(1, epoch / epochs) times that of the other schedule in the same epoch: the
    gradual warm-up of Goyal et al. 2017, section 2.2, with an epoch as the unit.

    Parameters
    ----------
    epochs : int
        The first epoch with the full rate, at least 1.
    then : callable, optional
        A schedule that is a function of the epoch; None is a constant rate.

    Raises
    ------
    ArgumentError
        If an argument is out of range.

    Examples
    --------
    >>> [Warmup(epochs=4)(epoch) for epoch in (1, 2, 3, 4, 5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    >>> [Warmup(epochs=2, then=Step(every=2))(epoch) for epoch in (1, 2, 3)]
    [0.5, 1.0, 0.1]
    """

    epochs: int
    then: Callable[[int], float] | None = None

    def __post_init__(self) -> None:
        """Check the arguments."""
        set_whole_number(self, "epochs")
        then: object = self.then
        if then is not None and (not callable(then) or isinstance(then, type)):
            raise ArgumentError(
                "then must be a function of the epoch",
                got=repr(then),
                expected="a callable such as Step(every=10)",
            )

    def __call__(self, epoch: int) -> float:
        """Return the factor of an epoch."""
        rest = 1.0 if self.then is None else self.then(epoch)
        factor = real_number(rest, "the factor of `then`")
        return min(1.0, epoch / self.epochs) * factor


@knowing(SCHEDULE)
@dataclass(frozen=True, slots=True)
class ReduceOnPlateau:
    """Multiply the rate by `factor` after `patience` epochs in a row without improvement.

    An improvement is defined as for `EarlyStopping`; after a reduction the count starts again. Each
    run of `train` starts with the full rate. Nielsen, ch. 3, "Learning rate schedules".

    Parameters
    ----------
    factor : float, default 0.1
        From 0 to 1.
    patience : int, default 10
        The number of epochs without improvement that reduces the rate, at least 1.
    least_change : float, default 0.0
        Only a larger change of the metric counts as an improvement.
    metric : str, optional
        ``"cost"``, ``"accuracy"``, ``"validation_cost"`` or ``"validation_accuracy"``. None takes
        that of `History.best_epoch`: the validation cost or, without validation data, the cost.
    least : float, default 0.0
        The smallest factor, from 0 to 1.

    Raises
    ------
    ArgumentError
        If an argument is out of range.

    Examples
    --------
    >>> past = [EpochInfo(1, 9, cost, None, None, None, 1.0, 0.1) for cost in (3.0, 2.0, 2.0, 2.0)]
    >>> [ReduceOnPlateau(factor=0.5, patience=2).after(past[:e]) for e in (0, 1, 2, 3, 4)]
    [1.0, 1.0, 1.0, 1.0, 0.5]
    """

    factor: float = 0.1
    patience: int = 10
    least_change: float = 0.0
    metric: str | None = None
    least: float = 0.0

    def __post_init__(self) -> None:
        """Check the arguments."""
        check_patience(self)
        set_number(self, "factor", FRACTION)
        set_number(self, "least", FRACTION)

    def after(self, past: Iterable[EpochInfo]) -> float:
        """Return the factor of the epoch after these epochs of a run."""
        plateau = Plateau.of(self)
        for entry in past:
            plateau = plateau.after(entry)
        return plateau.factor


@dataclass(frozen=True, slots=True)
class Plateau:
    """The state of a `ReduceOnPlateau` between two epochs.

    Attributes
    ----------
    schedule : ReduceOnPlateau
        The schedule.
    patience : Patience
        The number of epochs without improvement.
    factor : float
        The factor on the learning rate in the next epoch.
    """

    schedule: ReduceOnPlateau
    patience: Patience
    factor: float = 1.0

    @classmethod
    def of(cls, schedule: ReduceOnPlateau) -> Plateau:
        """Return the state before the first epoch."""
        return cls(schedule, Patience(schedule.patience, schedule.least_change))

    def after(self, entry: EpochInfo) -> Plateau:
        """Return the state after another epoch."""
        schedule, factor = self.schedule, self.factor
        patience = self.patience.after(badness(entry, schedule.metric))
        if patience.is_over:
            factor = max(schedule.least, factor * schedule.factor)
        return Plateau(schedule, patience, factor)


Schedule = Callable[[int], float] | ReduceOnPlateau


def rate_of(base: float, factor: float, epoch: int) -> float:
    """Return the learning rate of an epoch."""
    factor = real_number(
        factor,
        f"the factor of the schedule in epoch {epoch}",
        "a number, 0 or more, whose product with the learning rate is finite",
        lambda factor: factor >= 0 and math.isfinite(base * factor),
    )
    return base * factor
