"""Test scores of `TableModel` with other ways to turn the numbers of a column into inputs."""

from unittest import mock

import click
import numpy as np

from benchmarks.options import QUICK
from benchmarks.quality import Split, Way, compare
from bpmatrix.array_types import Array
from bpmatrix.errors import MissingPackageError

SEEDS = 12  # the differences are small


@click.command()
@QUICK
def scaling(quick: bool) -> None:
    """Test scores of TableModel over 12 seeds, with other scales of the numbers."""
    try:
        found = ways(Split.score_of_table)
    except MissingPackageError as error:
        raise click.ClickException(str(error)) from error
    compare(found, seeds=2 if quick else SEEDS)


def ways(score_of_table: Way) -> dict[str, Way]:
    """Return what scores a split with each scale; `score_of_table` does so with the present one."""
    from bpmatrix.tables import columns  # noqa: PLC0415 - of the extra tables
    from bpmatrix.tables.columns import LINEAR, Scale  # noqa: PLC0415

    class Linear(Scale):
        def apply(self, numbers: Array) -> list[Array]:
            scaled, *indicator = super().apply(numbers)
            return [self.bounded(LINEAR * np.sinh(scaled / LINEAR)), *indicator]

        def bounded(self, x: Array) -> Array:
            return x

    class Limit(Linear):
        def bounded(self, x: Array) -> Array:
            return np.asarray(x / np.sqrt(1 + (x / LINEAR) ** 2))

    class Standardized(Linear):
        @classmethod
        def of(cls, numbers: Array) -> Scale:
            known = numbers[~np.isnan(numbers)]
            return cls(float(known.mean()), float(known.std()) or 1.0, known.size < numbers.size)

    def with_scale(kind: type[Scale]) -> Way:
        def score(split: Split) -> float:
            with mock.patch.object(columns, "Scale", kind):
                return score_of_table(split)

        return score

    return {
        "quartiles, logarithm": score_of_table,
        "quartiles, limit": with_scale(Limit),
        "quartiles": with_scale(Linear),
        "mean and deviation": with_scale(Standardized),
    }
