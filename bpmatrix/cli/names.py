"""Names that the options of ``bpmatrix train`` take: looked up when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bpmatrix.training.optimizers import Optimizer

__all__ = ["MOMENTUM", "Listing", "optimizers"]

# That of --optimizer momentum.
MOMENTUM = 0.9


def optimizers() -> dict[str, Optimizer]:
    """Return the optimizers by their names here, each with its defaults here."""
    from bpmatrix.training.optimizers import OPTIMIZERS, SGD  # noqa: PLC0415 - loads NumPy

    kinds: dict[str, Any] = {name.lower(): kind for name, kind in OPTIMIZERS.items()}
    del kinds["sgd"]  # alone it has no default
    others = {name: kind() for name, kind in kinds.items()}
    return {"sgd": SGD(0.5), "momentum": SGD(0.05, momentum=MOMENTUM), **others}


class Listing(click.Option):
    """An option whose help lists names, which are looked up when it is shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return what stands in the help, with the names."""
        from bpmatrix.architecture.activations import ACTIVATIONS  # noqa: PLC0415 - loads NumPy
        from bpmatrix.architecture.costs import COSTS  # noqa: PLC0415 - likewise
        from bpmatrix.architecture.initializers import INITIALIZERS  # noqa: PLC0415 - likewise

        by_rate: dict[float, list[str]] = {}
        for name, optimizer in optimizers().items():
            by_rate.setdefault(optimizer.learning_rate, []).append(name)
        self.help = str(self.help).format(
            activations=_or(name for name, record in ACTIVATIONS.items() if record.elementwise),
            costs=_or(COSTS),
            initializers=_or(INITIALIZERS),
            optimizers=_or(optimizers()),
            rates=", ".join(f"{rate:g} for {_or(names)}" for rate, names in by_rate.items()),
        )
        return super().get_help_record(ctx)


def _or(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
