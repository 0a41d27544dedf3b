"""The methods of `Network`, the book's networks and the estimators that write other formats."""

from __future__ import annotations

from bpmatrix.exchange.model import Model


class Exports:
    """A base class for all that can be written in other formats."""

    def _exported(self) -> Model:
        """Return the model as plain arrays."""
        raise NotImplementedError
