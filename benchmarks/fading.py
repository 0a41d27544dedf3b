"""Compare the times of the first and the last steps of trainings whose numbers underflow.

If units are dead, errors vanish or a penalty is strong, numbers shrink with every step, until they
are subnormal. Some processors are a hundred times slower with subnormal numbers. Each case has a
twin: the same training without the cause of the underflow.

Only public names are imported, so ``python -m benchmarks.fading`` works on other revisions, too.
"""

import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.options import QUICK
from benchmarks.report import Report, verdict
from bpmatrix import SGD, Adam, AdamW, Network, RMSprop
from bpmatrix.bench import Comparison, compare

Array = NDArray[Any]

MOST_OVER_THE_TWIN = 1.05
MINI_BATCH = 32


@dataclass(frozen=True)
class Fading:
    """A training whose numbers underflow within some epochs, and the arguments of its twin."""

    sizes: tuple[int, ...]
    dtype: str
    training: Mapping[str, Any]
    twin: Mapping[str, Any]
    epochs: int
    activation: str = "relu"
    samples: int = 20_000

    @property
    def name(self) -> str:
        """Layers, optimizer, and the cause of the underflow."""
        first, *hidden, last = self.sizes
        inner = f"{len(hidden)}x{hidden[0]}" if len(hidden) > 1 else f"{hidden[0]}"
        optimizer, *others = [self.training["optimizer"], *self.training.keys() - {"optimizer"}]
        rule = type(optimizer).__name__ + (" momentum" if getattr(optimizer, "momentum", 0) else "")
        return ", ".join([f"{first}-{inner}-{last} {self.activation}", rule, *sorted(others)])

    @cached_property
    def data(self) -> tuple[Array, Array]:
        """Normally distributed inputs, and a smooth function of two of them."""
        X = np.random.default_rng(0).standard_normal((self.samples, self.sizes[0])).T
        return X.astype(self.dtype), (2 * X[:1] + np.sin(X[1:2])).astype(self.dtype)

    def network(self) -> Network:
        """Return the untrained network."""
        return Network(
            self.sizes, activation=self.activation, output="identity", cost="quadratic",
            dtype=self.dtype, seed=1,
        )  # fmt: skip

    def train(self, net: Network, epochs: int, *, twin: bool) -> None:
        """Continue the training of a network, on one thread."""
        how = {**self.training, **(self.twin if twin else {})}
        net.train(*self.data, epochs=epochs, mini_batch_size=MINI_BATCH, n_threads=1, **how)

    def subnormal(self, net: Network) -> tuple[float, float]:
        """Return the fractions of subnormal weights and of subnormal errors of a mini-batch."""
        layers = net.trace(*(matrix[:, :MINI_BATCH] for matrix in self.data)).layers
        errors = np.concatenate([layer.delta.ravel() for layer in layers])
        return fraction_subnormal(net.parameters), fraction_subnormal(errors)


def fraction_subnormal(numbers: Array) -> float:
    """Return the fraction of subnormal numbers."""
    sizes = np.abs(numbers)
    return float(((sizes > 0) & (sizes < np.finfo(sizes.dtype).tiny)).mean())


DECAY, NONE = "weight_decay", {"weight_decay": 0.0}
WIDE, CHAIN = (10, 100, 1), {"samples": 4000}
CASES = (
    Fading(WIDE, "float64", {"optimizer": Adam(0.001), DECAY: 3e-6}, NONE, 100),
    Fading((14, 90, 1), "float64", {"optimizer": Adam(0.001), DECAY: 1e-5}, NONE, 100),
    Fading(WIDE, "float32", {"optimizer": RMSprop(0.001), DECAY: 1e-5}, NONE, 100),
    Fading(
        WIDE, "float64", {"optimizer": AdamW(0.003, weight_decay=30)},
        {"optimizer": AdamW(0.003, weight_decay=0)}, 40,
    ),
    Fading(WIDE, "float64", {"optimizer": SGD(0.1), DECAY: 0.3}, NONE, 100),
    Fading(WIDE, "float32", {"optimizer": SGD(0.1), DECAY: 0.3}, NONE, 100),
    Fading(WIDE, "float64", {"optimizer": SGD(0.01, momentum=0.9), DECAY: 0.3}, NONE, 100),
    Fading(
        WIDE, "float32",
        {"optimizer": SGD(0.005, momentum=0.9, nesterov=True), DECAY: 1.0, "clip_norm": 5.0},
        NONE, 100,
    ),
    Fading(
        (10, *[16] * 20, 1), "float32", {"optimizer": SGD(0.05, momentum=0.9), DECAY: 0.3}, NONE,
        20, "sigmoid", **CHAIN,
    ),
    Fading(
        (10, *[16] * 12, 1), "float32", {"optimizer": SGD(0.01), "l1": 0.01}, {"l1": 0.0},
        100, "tanh", **CHAIN,
    ),
    Fading(
        (10, *[16] * 100, 1), "float64", {"optimizer": SGD(0.01), "l1": 0.02}, {"l1": 0.0},
        60, "tanh", **CHAIN,
    ),
)  # fmt: skip


@click.command()
@QUICK
def fading(quick: bool) -> None:
    """Training that underflows: the time of the last steps over the first ones, and the twin's.

    Times are process times on one thread; the last and the first steps take turns.
    """
    report = Report("The time of the last steps over that of the first")
    report.columns(
        "case", "type", "subnormal weights", "errors", "times [95 %]", "twin", "over it", "target"
    )
    slowness = _slowness(quick=quick)
    for case in CASES:
        weights, errors, last = _last_over_first(case, twin=False, quick=quick)
        *nothing, twins = _last_over_first(case, twin=True, quick=quick)
        if any(nothing):
            raise click.ClickException(f"the twin of {case.name} underflows, too")
        over = last.ratio.median / twins.ratio.median
        shown = (str(each.ratio) for each in (last, twins))
        judged = verdict(over, MOST_OVER_THE_TWIN, at_most=True)
        parts = f"{weights:.0%}", f"{errors:.0%}"
        report.row(case.name, case.dtype, *parts, *shown, f"{over:.3f}", judged)
    seen = "errors are those of a mini-batch after the training, from a trace"
    slow = f"a subnormal product takes {slowness:.3g} times as long as a normal one on this machine"
    report.finish([seen, f"{slow}: if this is near 1, the times show nothing"])


def _last_over_first(case: Fading, *, twin: bool, quick: bool) -> tuple[float, float, Comparison]:
    """Return the subnormal fractions at the end, and the time of an epoch then over the first."""
    first, last = case.network(), case.network()
    case.train(last, case.epochs, twin=twin)

    def epoch(net: Network) -> Callable[[], None]:
        return lambda: case.train(copy.deepcopy(net), 1, twin=twin)

    quads, seconds = (4, 0.01) if quick else (30, 0.03)
    clock = time.process_time
    found = compare(epoch(last), epoch(first), quads=quads, block_seconds=seconds, clock=clock)
    return (*case.subnormal(last), found)


def _slowness(*, quick: bool) -> float:
    """Return the time of subnormal products in NumPy over that of normal ones."""
    x, out = np.full(4096, 1e-150), np.empty(4096)
    found = compare(
        lambda: np.multiply(x, 1e-160, out=out), lambda: np.multiply(x, 1e-140, out=out),
        quads=4 if quick else 30, clock=time.process_time,
    )  # fmt: skip
    return found.ratio.median


if __name__ == "__main__":
    fading(prog_name="python -m benchmarks.fading")
