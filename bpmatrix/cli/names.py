"""The names that options of ``bpmatrix train`` accept, looked up when they are needed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bpmatrix.training.optimizers import Optimizer


MOMENTUM = 0.9  # of --optimizer momentum


def optimizers() -> dict[str, Optimizer]:
    """Return the optimizers of the command line by name, with their default learning rates."""
    from bpmatrix.training.optimizers import OPTIMIZERS, SGD  # noqa: PLC0415 - loads NumPy

    kinds: dict[str, Any] = {name.lower(): kind for name, kind in OPTIMIZERS.items()}
    del kinds["sgd"]  # the only one without a default learning rate
    others = {name: kind() for name, kind in kinds.items()}
    return {"sgd": SGD(0.5), "momentum": SGD(0.05, momentum=MOMENTUM), **others}


class Listing(click.Option):
    """An option whose help lists names, which are looked up when the help is shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the option's lines of the help, with the names."""
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
