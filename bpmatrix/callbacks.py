"""Callbacks for ``callbacks=[...]``, of networks and estimators.

A callback is a function of an `EpochInfo`, called after each epoch; one that returns True ends the
run. One that is also a context manager is entered when the run begins and left when it ends.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from bpmatrix.history import EpochInfo

__all__ = ["save_best"]


def save_best(path: str | os.PathLike[str]) -> Callable[[EpochInfo], None]:
    """Return a callback that saves the network, or estimator, after each epoch that is the best.

    What is best is `EpochInfo.is_best`, also in a run that goes on from a checkpoint. The file is
    whole at each moment.

    Parameters
    ----------
    path : path
        The model file, which `bpmatrix.load` reads; an older one is replaced.

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
