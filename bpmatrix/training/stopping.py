"""When training no longer improves: early stopping as a frozen description."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bpmatrix.checks import find, real_number, whole_number
from bpmatrix.foreign import EARLY_STOPPING, TRAIN, knowing
from bpmatrix.history import METRICS

__all__ = ["EarlyStopping", "Waiting", "check_waiting"]


@knowing(EARLY_STOPPING, "network.train(X, targets, {})", TRAIN)
@dataclass(frozen=True, slots=True)
class EarlyStopping:
    """End a run when `patience` epochs in a row have not improved, with the best epoch's weights.

    Nielsen, ch. 3, "How to choose a neural network's hyper-parameters?": no-improvement-in-n. An
    epoch improves if it is better than the last one that did by more than `least_change`. The
    network ends with the weights of `History.best_epoch`, whatever ended the run. Each run counts
    anew.

    Parameters
    ----------
    patience : int, default 10
        How many epochs without improvement end the run, at least 1.
    least_change : float, default 0.0
        The change of the metric that does not yet count as an improvement.
    metric : str, optional
        ``"cost"``, ``"accuracy"``, ``"validation_cost"`` or ``"validation_accuracy"``: what the
        epochs are judged by. None takes the validation cost, and without validation data the cost.

    Raises
    ------
    ArgumentError
        If an argument has another value.

    Examples
    --------
    >>> from bpmatrix import EarlyStopping, Network, datasets
    >>> digits = datasets.load("digits")
    >>> net = Network([64, 30, 10], input_scale=digits.scale, seed=1)
    >>> history = net.train(
    ...     digits.train.X,
    ...     digits.train.labels,
    ...     epochs=500,
    ...     validation=(digits.validation.X, digits.validation.labels),
    ...     early_stopping=EarlyStopping(patience=5),
    ... )
    >>> history.stopped_by, len(history.epochs) - history.best_epoch
    ('early_stopping', 5)
    """

    patience: int = 10
    least_change: float = 0.0
    metric: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no run could be stopped by."""
        check_waiting(self)


class Waiting:
    """How many epochs in a row have not improved on the last one that did."""

    def __init__(self, patience: int, least_change: float) -> None:
        self.patience, self.least_change = patience, least_change
        self.epochs = 0
        self._reference = math.inf

    def in_vain(self, badness: float) -> bool:
        """Return whether patience ends with one more epoch; the count then begins anew."""
        if badness < self._reference - self.least_change:
            self._reference, self.epochs = badness, 0
        else:
            self.epochs += 1
        is_over = self.epochs == self.patience
        if is_over:
            self.epochs = 0
        return is_over


def check_waiting(description: object) -> None:
    """Check, and bring to their types, the three fields that tell what is waited for.

    Raises
    ------
    ArgumentError
        If one of them has a value that it cannot have.
    """
    patience, change, metric = (
        getattr(description, name) for name in ("patience", "least_change", "metric")
    )
    if metric is not None:
        find(dict.fromkeys(METRICS), metric, "metric")
    checked = {
        "patience": whole_number(patience, "patience", least=1),
        "least_change": real_number(
            change, "least_change", "a finite number, 0 or more", lambda change: change >= 0
        ),
    }
    for name, value in checked.items():
        object.__setattr__(description, name, value)
