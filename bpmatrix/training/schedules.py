"""Learning-rate schedules: the factor on the optimizer's learning rate, epoch by epoch.

``Network.train(schedule=...)`` takes any callable of the epoch, which is counted from 1 over all
the network's training, so that two runs with the same schedule are one long run. The ones here are
frozen descriptions; the rate of each epoch is in `History.learning_rate`.

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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from bpmatrix.checks import real_number, whole_number
from bpmatrix.errors import ArgumentError
from bpmatrix.foreign import SCHEDULE, knowing
from bpmatrix.history import EpochInfo, badness
from bpmatrix.training.stopping import Waiting, check_waiting

__all__ = ["Cosine", "InverseScaling", "ReduceOnPlateau", "Schedule", "Step", "Warmup", "factors"]


@knowing(SCHEDULE)
@dataclass(frozen=True, slots=True)
class Step:
    """Multiply the rate by `factor` after every so many epochs.

    The factor is factor^floor((epoch - 1) / every).

    Parameters
    ----------
    every : int
        Epochs with the same rate, at least 1.
    factor : float, default 0.1
        From 0 to 1.

    Raises
    ------
    ArgumentError
        If an argument has another value.

    Examples
    --------
    >>> [Step(every=2, factor=0.5)(epoch) for epoch in (1, 2, 3, 4, 5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what is no number of epochs, or no fraction."""
        _set(self, every=whole_number(self.every, "every", least=1))
        _set(self, factor=_fraction(self.factor, "factor"))

    def __call__(self, epoch: int) -> float:
        """Return the factor of an epoch."""
        return float(self.factor ** ((epoch - 1) // self.every))


@knowing(SCHEDULE)
@dataclass(frozen=True, slots=True)
class Cosine:
    """Let the rate fall from 1 to `least` in half a wave of the cosine, and stay there.

    The factor is least + (1 - least) (1 + cos(pi (epoch - 1) / epochs)) / 2: Loshchilov and Hutter
    2017 (SGDR), eq. (5), with a single period.

    Parameters
    ----------
    epochs : int
        The period, at least 1: as many as the network is to be trained for.
    least : float, default 0.0
        From 0 to 1.

    Raises
    ------
    ArgumentError
        If an argument has another value.

    Examples
    --------
    >>> [round(Cosine(epochs=4)(epoch), 3) for epoch in (1, 2, 3, 4, 5, 6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    epochs: int
    least: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no number of epochs, or no fraction."""
        _set(self, epochs=whole_number(self.epochs, "epochs", least=1))
        _set(self, least=_fraction(self.least, "least"))

    def __call__(self, epoch: int) -> float:
        """Return the factor of an epoch."""
        done = min(1.0, (epoch - 1) / self.epochs)
        return self.least + (1 - self.least) * (1 + math.cos(math.pi * done)) / 2


@knowing(SCHEDULE)
@dataclass(frozen=True, slots=True)
class InverseScaling:
    """Let the rate fall as a power of the epoch: 1 / epoch^power.

    scikit-learn's "invscaling", with epochs in the place of samples.

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
        """Refuse what is no power."""
        power = real_number(
            self.power, "power", "a finite number, 0 or more", lambda power: power >= 0
        )
        _set(self, power=power)

    def __call__(self, epoch: int) -> float:
        """Return the factor of an epoch."""
        return float(epoch**-self.power)


@knowing(SCHEDULE)
@dataclass(frozen=True, slots=True)
class Warmup:
    """Raise the rate in equal steps to its full size, as another schedule would have it.

    The factor is min(1, epoch / epochs) times that of the other schedule in the same epoch: the
    gradual warm-up of Goyal et al. 2017, section 2.2, with an epoch as the unit.

    Parameters
    ----------
    epochs : int
        The first epoch with the full rate, at least 1.
    then : callable, optional
        Another schedule that is a function of the epoch; None is constant.

    Raises
    ------
    ArgumentError
        If an argument has another value.

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
        """Refuse what is no number of epochs, or no function of the epoch."""
        _set(self, epochs=whole_number(self.epochs, "epochs", least=1))
        then: object = self.then
        if then is not None and (not callable(then) or isinstance(then, type)):
            raise ArgumentError(
                "then is no function of the epoch",
                got=repr(then),
                expected="a callable such as Step(every=10)",
            )

    def __call__(self, epoch: int) -> float:
        """Return the factor of an epoch."""
        rest = 1.0 if self.then is None else self.then(epoch)
        factor = real_number(rest, "the factor of `then`", "a finite number", lambda _: True)
        return min(1.0, epoch / self.epochs) * factor


@knowing(SCHEDULE)
@dataclass(frozen=True, slots=True)
class ReduceOnPlateau:
    """Multiply the rate by `factor` whenever `patience` epochs in a row have not improved.

    What improves is said in the words of `EarlyStopping`; after a reduction the count begins anew.
    The factor is a function of the epochs that the run has recorded, so each run of `train` begins
    with the full rate. Nielsen, ch. 3, "Learning rate schedules".

    Parameters
    ----------
    factor : float, default 0.1
        From 0 to 1.
    patience : int, default 10
        How many epochs without improvement reduce the rate, at least 1.
    least_change : float, default 0.0
        The change of the metric that does not yet count as an improvement.
    metric : str, optional
        ``"cost"``, ``"accuracy"``, ``"validation_cost"`` or ``"validation_accuracy"``. None takes
        that of `History.best_epoch`: of the validation data, where there are any.
    least : float, default 0.0
        No factor is smaller; from 0 to 1.

    Raises
    ------
    ArgumentError
        If an argument has another value.

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
        """Refuse what cannot be waited for, or is no fraction."""
        check_waiting(self)
        for name in ("factor", "least"):
            _set(self, **{name: _fraction(getattr(self, name), name)})

    def after(self, past: Sequence[EpochInfo]) -> float:
        """Return the factor of the epoch that follows these epochs of a run."""
        *_, last = self.factors(iter(past))
        return last

    def factors(self, past: Iterator[EpochInfo]) -> Iterator[float]:
        """Yield the factor of a run's first epoch, and one more after each epoch of `past`."""
        factor, waiting = 1.0, Waiting(self.patience, self.least_change)
        yield factor
        for entry in past:
            if waiting.in_vain(badness(entry, self.metric)):
                factor = max(self.least, factor * self.factor)
            yield factor


Schedule = Callable[[int], float] | ReduceOnPlateau


def factors(schedule: Schedule, epoch: int, past: Sequence[EpochInfo]) -> Iterator[float]:
    """Yield the factor of `epoch`, and of each one after it while `past` grows by those before.

    Examples
    --------
    >>> following = factors(Step(every=2), 2, [])
    >>> next(following), next(following)
    (1.0, 0.1)
    """
    if isinstance(schedule, ReduceOnPlateau):
        # The iterator of a list sees what is appended to it while it has not come to its end.
        return schedule.factors(iter(past))
    return map(schedule, count(epoch))


def _fraction(value: object, name: str) -> float:
    return real_number(value, name, "a number from 0 to 1", lambda number: 0 <= number <= 1)


def _set(description: object, **fields: object) -> None:
    """Set fields of a frozen description that is being made."""
    for name, value in fields.items():
        object.__setattr__(description, name, value)
