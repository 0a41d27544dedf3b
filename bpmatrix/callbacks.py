"""Callbacks for the ``callbacks`` parameter of networks and estimators.

A callback is a function that takes an `EpochInfo` and is called after each epoch; if it returns
True, the run ends. If it is also a context manager, it is entered and exited with the run.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from bpmatrix.history import EpochInfo

__all__ = ["save_best"]


def save_best(path: str | os.PathLike[str]) -> Callable[[EpochInfo], None]:
    """Return a callback that saves the network or estimator after each best epoch so far.

    The best epoch is the one marked by `EpochInfo.is_best`, also in a run resumed from a
    checkpoint. The file is complete at every moment.

    Parameters
    ----------
    path : path
        The model file to write, for `bpmatrix.load`; an existing file is replaced.

    Returns
    -------
    callable
        For ``callbacks=[...]``.

    Examples
    --------
    >>> import tempfile
    >>> from bpmatrix import Network, save_best
    >>> net = Network([2, 1], seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     best = f"{folder}/best.safetensors"
    ...     history = net.train([[0.0, 1.0], [1.0, 1.0]], [0, 1], callbacks=[save_best(best)])
    ...     Network.load(best).epochs == history.best_epoch
    True
    """

    def save(info: EpochInfo) -> None:
        if info.is_best:
            info.network.save(path)

    return save
