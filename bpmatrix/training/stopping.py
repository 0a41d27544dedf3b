"""Early stopping: when training no longer improves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from bpmatrix.checks import NOT_NEGATIVE, find, set_number, set_whole_number
from bpmatrix.foreign import EARLY_STOPPING, TRAIN, knowing
from bpmatrix.history import METRICS


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


@dataclass(frozen=True, slots=True)
class Patience:
    """The number of epochs in a row without improvement.

    Attributes
    ----------
    patience, least_change : int, float
        As in `EarlyStopping`.
    epochs : int
        The number. After patience has run out, the next epoch starts a new count.
    reference : float
        The badness of the last improvement.
    """

    patience: int
    least_change: float
    epochs: int = 0
    reference: float = math.inf

    @property
    def is_over(self) -> bool:
        """Whether patience has run out with the last epoch."""
        return self.epochs >= self.patience

    def after(self, badness: float) -> Patience:
        """Return the count after another epoch."""
        epochs, reference = 1 if self.is_over else self.epochs + 1, self.reference
        if badness < reference - self.least_change:
            epochs, reference = 0, badness
        return Patience(self.patience, self.least_change, epochs, reference)


def check_patience(owner: Any) -> None:
    """Check and convert the fields `patience`, `least_change` and `metric`.

    Raises
    ------
    ArgumentError
        If one of them is out of range.
    """
    if owner.metric is not None:
        find(dict.fromkeys(METRICS), owner.metric, "metric")
    set_whole_number(owner, "patience")
    set_number(owner, "least_change", NOT_NEGATIVE)
