"""How many compilations have begun: no clock may run while one does."""

from __future__ import annotations

from numba.core import event

__all__ = ["Compilations"]


class Compilations(event.Listener):  # type: ignore[misc]  # numba ships no types
    """Counts the compilations of numba from now on; machine code from disk is none."""

    def __init__(self) -> None:
        self.begun = 0
        event.register("numba:compile", self)

    def on_start(self, event: object) -> None:  # noqa: ARG002 - numba's interface
        """Count one."""
        self.begun += 1

    def on_end(self, event: object) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Count no more."""
        event.unregister("numba:compile", self)
