"""Symptoms of a network that does not learn: limits, with their reasons, and messages.

Every limit is a rule of thumb: a finding is a hint, not a proof. Advice never conflicts: later
checks see earlier findings, and a finding that follows from another one is omitted, or has no cure
of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bpmatrix.array_types import Array
from bpmatrix.engine.trace import LayerTrace

# Weights from N(0, 1 / n_in) make z about as large as the root mean square of the inputs. At z = 4
# the slope of a sigmoid is 7 % of its maximum; scaled or standardized inputs give 1 or less (LeCun
# et al. 1998, Efficient BackProp, 4.3). With tiny inputs, z is the bias and all samples look alike.
LARGEST_INPUT, SMALLEST_INPUT = 4.0, 0.01
# (BP2) multiplies by sigma' in each layer. If the mean slope of a unit is below a tenth of the
# maximum, it learns at a tenth of the speed, and so do the layers below. If it is flat for every
# sample, it never changes.
SATURATED, FLAT = 0.1, 1e-3
FLAT_PARTS = {"dead_units", "saturated_units", "slow_outputs"}
# Nielsen, ch. 3: |a - y| > WRONG, but |delta| < SLOWED_DOWN |a - y|.
WRONG, SLOWED_DOWN = 0.5, 0.05
# Shares of the units, or of the outputs, that a network can do without.
DEAD_SHARE, SATURATED_SHARE, SLOW_SHARE = 0.1, 0.5, 0.1
# Karpathy, notes to Stanford CS231n, "Learning": a step should change weights by about a thousandth
# of their size. A step as large as the weights overwrites them: on the digits, hidden layers stay
# below 0.8 in the first ten steps of successful runs, and exceed 2 in runs that fail. Output layers
# recover from one such step. Below 1e-5, changing a weight takes a hundred thousand steps in the
# same direction.
LARGEST_UPDATE, SMALLEST_UPDATE = 1.0, 1e-5
# Below this fraction of chance the network has learned its samples; then saturated units and small
# steps are normal.
POOR = 0.1
# Karpathy, "A recipe for training neural networks": verify the loss at the beginning. For classes,
# compared with the cost at z = 0; otherwise with the best constant output, which the biases learn
# by themselves unless it is far away.
LARGEST_COST, LARGEST_OFFSET = 3.0, 30.0
# A trained network should be clearly better than the best constant output.
LEARNED = 0.95


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem that `diagnose` found.

    Attributes
    ----------
    kind : str
        ``"large_inputs"``, ``"small_inputs"``, ``"dead_units"``, ``"saturated_units"``,
        ``"slow_outputs"``, ``"large_updates"``, ``"small_updates"``, ``"not_finite"``,
        ``"initial_cost"`` or ``"nothing_learned"``.
    layer : int or None
        The layer concerned, l = 1..L.
    value, limit : float
        What was measured, and the limit that it exceeds.
    sentence : str
        What is wrong, and what may help.
    """

    kind: str
    layer: int | None
    value: float
    limit: float
    sentence: str

    @property
    def excess(self) -> float:
        """By what factor the value is beyond its limit."""
        low, high = sorted((self.value, self.limit))
        return high / low if low > 0 else math.inf

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True, slots=True)
class LayerHealth:
    """The measurements of layer l.

    Attributes
    ----------
    l, n_units : int
        The layer, 1..L, and its number of units.
    activation : str
        The name of its activation function.
    dead, saturated : float
        The shares of units that are flat for every sample, and of other units whose mean slope is
        below a tenth of the maximum. 0 in the output layer, where the cost matters, too.
    update, largest_update : float
        The size of a step divided by the size of the weights, both root mean squares: the median
        and the largest of some steps. Infinite if training diverges.
    """

    l: int
    n_units: int
    activation: str
    dead: float
    saturated: float
    update: float
    largest_update: float


def of_numbers(layers: Sequence[LayerTrace]) -> Iterator[Finding]:
    """Find the first layer with numbers that are not finite."""
    for layer in layers:
        wrong = int((~np.isfinite(layer.z) | ~np.isfinite(layer.a)).sum())
        if wrong:
            yield Finding(
                "not_finite", layer.l, wrong, 0,
                f"Layer {layer.l}: {wrong} of {layer.a.size} numbers are NaN or infinite, and so is"
                " everything computed from them. If the weights have grown too large, start again"
                " with a smaller learning rate or scaled inputs. If you use a custom activation"
                " function, check that it is defined for all z.",
            )  # fmt: skip
            return


def of_inputs(X: Array) -> Iterator[Finding]:
    """Compare the scaled inputs with the range that suits the first layer."""
    size = np.sqrt((X**2).mean(axis=1))
    large, largest = int((size > LARGEST_INPUT).sum()), float(size.max())
    cure = "Divide them by their largest value (input_scale), or standardize each input."
    if large:
        yield Finding(
            "large_inputs", 1, largest, LARGEST_INPUT,
            f"The inputs are large: {large} of {size.size} have a root mean square above"
            f" {LARGEST_INPUT:g}, up to {largest:.3g}, so units of layer 1 saturate, and training"
            f" is only stable with very short steps. {cure}",
        )  # fmt: skip
    # Without zeros: one-hot inputs and pixels are mostly zero, which is normal.
    typical = float(np.sqrt((X[X != 0] ** 2).mean())) if X.any() else 0.0
    if typical < SMALLEST_INPUT:
        yield Finding(
            "small_inputs", 1, typical, SMALLEST_INPUT,
            f"The inputs are small: the root mean square of the nonzero ones is {typical:.2g}, so"
            f" all samples look alike to the first layer. {cure} Are they scaled twice?",
        )  # fmt: skip


def of_units(
    layer: LayerHealth, found: Sequence[Finding], *, poor: bool, trained: bool
) -> Iterator[Finding]:
    """Find units that pass hardly any gradient on; `found` are the findings on the inputs."""
    l, n, name = layer.l, layer.n_units, layer.activation
    rate = ["a smaller learning rate"] if trained else []  # without training it is not the reason
    scaling = _scaling(found)
    if layer.dead > DEAD_SHARE:
        cures = [*scaling, *rate, "smaller weights and biases"]
        yield Finding(
            "dead_units", l, layer.dead, DEAD_SHARE,
            f"Layer {l}: {round(layer.dead * n)} of {n} {name} units are dead: their slope is zero"
            " for every sample, so they never change."
            f" {'Start again' if trained else 'Start'} with {_or(cures)}; leaky_relu cannot die.",
        )  # fmt: skip
    if poor and layer.saturated > SATURATED_SHARE:
        cures = [*scaling, "smaller weights (another initializer)", *rate]
        yield Finding(
            "saturated_units", l, layer.saturated, SATURATED_SHARE,
            f"Layer {l}: {round(layer.saturated * n)} of {n} {name} units are saturated: their"
            f" mean slope is below {SATURATED:.0%} of its maximum, so they and all layers below"
            f" learn slowly. {'Start again' if trained else 'Start'} with {_or(cures)}.",
        )  # fmt: skip


def of_outputs(l: int, slope: Array, gap: Array, delta: Array) -> Iterator[Finding]:
    """Find outputs that are wrong and flat, unless the cost compensates for it.

    `slope` is sigma'(z) / max sigma', `gap` is a - y, `delta` is dC/dz of the output layer.
    """
    slow = (np.abs(gap) > WRONG) & (slope < SATURATED)
    slow &= np.abs(delta) < SLOWED_DOWN * np.abs(gap)
    wrong = int((np.abs(gap) > WRONG).sum())
    share = int(slow.sum()) / max(1, wrong)
    if share > SLOW_SHARE and slow.any(axis=0).mean() > SLOW_SHARE:
        yield Finding(
            "slow_outputs", l, share, SLOW_SHARE,
            f"Layer {l}: {share:.0%} of the wrong outputs are saturated, so hardly any error is"
            " propagated back. Use the cost that matches the output (cross_entropy with sigmoid,"
            " log_likelihood with softmax), or start with smaller weights.",
        )  # fmt: skip


def of_updates(
    layers: Sequence[LayerHealth], found: Sequence[Finding], *, poor: bool, trained: bool
) -> Iterator[Finding]:
    """Compare steps with weights; `found` are the findings on inputs, units and outputs.

    Below flat units, (BP2) makes steps short at any learning rate. If training made the units flat,
    the advice is to start again, so the current steps do not matter. A learning rate that is too
    large for one layer is too large, however short the steps of the others.
    """
    flat = [finding.layer or 0 for finding in found if finding.kind in FLAT_PARTS]
    long = [
        layer
        for layer in layers
        if math.isinf(layer.largest_update)
        or (layer.largest_update > LARGEST_UPDATE and (layer is not layers[-1] or len(layers) == 1))
    ]
    for layer in long:
        length = (
            "steps lead to numbers that are not finite"
            if math.isinf(layer.largest_update)
            else f"a step changes the weights by {layer.largest_update:.2g} times their size"
        )
        cures = ["a smaller learning rate", "larger mini-batches", *_scaling(found)]
        yield Finding(
            "large_updates", layer.l, layer.largest_update, LARGEST_UPDATE,
            f"Layer {layer.l}: {length}; about 0.001 is usual. Use {_or(cures)}.",
        )  # fmt: skip
    if trained and flat:
        return
    for layer in layers:
        if poor and 0 < layer.update < SMALLEST_UPDATE and layer.l > max(flat, default=0):
            cures = ["fewer layers", "Adam, whose steps are about as long in every layer"]
            if not long:
                first = "scaled inputs and then " if _scaling(found) else ""
                cures = [f"{first}a larger learning rate", *cures]
            yield Finding(
                "small_updates", layer.l, layer.update, SMALLEST_UPDATE,
                f"Layer {layer.l}: a step changes the weights by {layer.update:.2g} times their"
                f" size; about 0.001 is usual. Use {_or(cures)}.",
            )  # fmt: skip


def of_cost(
    cost: float,
    chance: float,
    nothing: float,
    found: Sequence[Finding],
    *,
    epochs: int,
    classes: bool,
) -> Iterator[Finding]:
    """Compare the cost with that of the best constant output, and with `nothing`, that of z = 0.

    `found` are all other findings, which may be the reason.
    """
    base, limit = (nothing, LARGEST_COST) if classes else (chance, LARGEST_OFFSET)
    if epochs and cost > LEARNED * chance:
        cure = (
            "Fix the other findings first."
            if found
            else "Do targets and samples belong together? If so, try another learning rate, and"
            " train on only ten samples, which every network can learn."
        )
        yield Finding(
            "nothing_learned", None, cost / chance if chance else math.inf, LEARNED,
            f"After {epochs} epoch{'s' * (epochs > 1)} the cost is {cost:.4g}; the best constant"
            f" output has {chance:.4g}. {cure}",
        )  # fmt: skip
    elif not epochs and cost > limit * base > 0:
        cure = (
            f"Start with {_or([*_scaling(found), 'smaller weights (another initializer)'])}."
            if classes
            else "Standardize the targets: subtract their mean, divide by their standard deviation."
        )
        yield Finding(
            "initial_cost", None, cost / base, limit,
            f"The untrained network has a cost of {cost:.4g}, {cost / base:.2g} times that of"
            f" {'outputs at z = 0' if classes else 'the best constant output'}, so training must"
            f" first undo this. {cure}",
        )  # fmt: skip


def _scaling(found: Sequence[Finding]) -> list[str]:
    """Return scaling of the inputs as a cure, if they are large."""
    return ["scaled inputs"] if any(f.kind == "large_inputs" for f in found) else []


def _or(cures: Sequence[str]) -> str:
    """Join cures with commas and "or"."""
    return " or ".join(filter(None, [", ".join(cures[:-1]), cures[-1]]))
