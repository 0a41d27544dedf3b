"""Early stopping: when training no longer improves."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bpmatrix.checks import find, real_number, whole_number
from bpmatrix.foreign import EARLY_STOPPING, TRAIN, knowing
from bpmatrix.history import METRICS

__all__ = ["EarlyStopping", "Patience", "check_patience"]


@knowing(EARLY_STOPPING, "network.train(X, targets, {})", TRAIN)
@dataclass(frozen=True, slots=True)
class EarlyStopping:
    """End a run after `patience` epochs in a row without improvement; keep the best weights.

    Nielsen, ch. 3, "How to choose a neural network's hyper-parameters?": no-improvement-in-n. An
    epoch is an improvement if it is better by more than `least_change` than the last improvement.
    The network gets the weights of `History.best_epoch`, however the run ended. Each run counts its
    own epochs.

    Parameters
    ----------
    patience : int, default 10
        The number of epochs without improvement that ends the run, at least 1.
    least_change : float, default 0.0
        Only a larger change of the metric counts as an improvement.
    metric : str, optional
        ``"cost"``, ``"accuracy"``, ``"validation_cost"`` or ``"validation_accuracy"``. None takes
        the validation cost.

    Raises
    ------
    ArgumentError
        If an argument is out of range.

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
        """Check the arguments."""
        check_patience(self)


class Patience:
    """Counts epochs in a row without improvement."""

    def __init__(self, patience: int, least_change: float) -> None:
        self.patience, self.least_change = patience, least_change
        self.epochs = 0
        self._reference = math.inf

    def runs_out(self, badness: float) -> bool:
        """Count an epoch; return whether patience has run out, and if so start again."""
        if badness < self._reference - self.least_change:
            self._reference, self.epochs = badness, 0
        else:
            self.epochs += 1
        is_over = self.epochs == self.patience
        if is_over:
            self.epochs = 0
        return is_over


def check_patience(description: object) -> None:
    """Check and convert the fields `patience`, `least_change` and `metric`.

    Raises
    ------
    ArgumentError
        If one of them is out of range.
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
