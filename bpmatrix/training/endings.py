"""How a run ends early: divergence, Ctrl-C, or a call from another thread."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable

from bpmatrix.errors import DivergenceError
from bpmatrix.history import History


class Worker(threading.local):
    """What a thread of `train_many` tells the runs in it; Ctrl-C reaches the main thread alone.

    Attributes
    ----------
    is_called_off : function or None
        Returns whether to end the run after the present slice. None in all other threads.
    """

    is_called_off: Callable[[], bool] | None = None


WORKER = Worker()


def diverged(what: str, epoch: int, step: int, history: History, cure: str) -> DivergenceError:
    """Return the error for a training run that diverged; `what` is not finite."""
    return DivergenceError(
        f"training diverged in epoch {epoch}, mini-batch {step}: {what} is not finite",
        epoch=epoch,
        step=step,
        history=history,
        cure=cure,
    )


def warn_of_interruption(epochs: int, consequence: str) -> None:
    """Warn of a Ctrl-C, at the line of the user, two calls above the caller."""
    warnings.warn(
        f"training was interrupted after {epochs} whole epochs; {consequence}",
        RuntimeWarning,
        stacklevel=5,
    )
