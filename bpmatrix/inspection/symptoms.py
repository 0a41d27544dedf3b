"""What keeps a network from learning: the limits, with their reasons, and the sentences.

Every limit is a rule of thumb; a finding is worth a look, not a proof. No two sentences ask for
opposite things: what is looked at later knows what was found before, and a finding that follows
from another one is left out, or said without a cure of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.engine.trace import LayerTrace

__all__ = ["FLAT", "SATURATED", "Finding", "LayerHealth"]

Array = NDArray[Any]

# Weights from N(0, 1 / n_in) make z about as large as the inputs' root mean square. From 4 on a
# sigmoid has 7 % of its steepest slope; scaled or standardized inputs give 1 or less (LeCun et al.
# 1998, Efficient BackProp, 4.3). Far below, z is the bias and all samples look alike.
LARGEST_INPUT, SMALLEST_INPUT = 4.0, 0.01
# (BP2) multiplies by sigma' once a layer. A unit whose slope averages below a tenth of the steepest
# learns at a tenth of the speed, and so does what feeds it. Where it is flat for every sample,
# nothing is ever changed.
SATURATED, FLAT = 0.1, 1e-3
FLAT_PARTS = {"dead_units", "saturated_units", "slow_outputs"}
# Nielsen, ch. 3: outputs that are wrong by so much and get back a twentieth of that.
WRONG, SLOWED_DOWN = 0.5, 0.05
# Shares of the units, or of the outputs, that a network does without.
DEAD_SHARE, SATURATED_SHARE, SLOW_SHARE = 0.1, 0.5, 0.1
# Karpathy, notes to Stanford CS231n, "Learning": a step should change weights by about a thousandth
# of their size. A step as large as the weights forgets what they were: on the digits, hidden layers
# of trainings that end well stay below 0.8 in their first ten steps, and those of trainings that
# fail exceed 2. Output layers make one such step and recover. Below 1e-5 a hundred thousand steps
# have to agree to change a weight.
LARGEST_UPDATE, SMALLEST_UPDATE = 1.0, 1e-5
# Against chance, a cost that still has to come down: saturated units and small steps of a network
# that has learned its samples are no fault.
POOR = 0.1
# Karpathy, "A recipe for training neural networks": verify the loss at the beginning. Of classes
# against outputs that say nothing; else against the best constant answer, which biases find by
# themselves unless it is far away.
LARGEST_COST, LARGEST_OFFSET = 3.0, 30.0
# Training should have become clearly better than one answer for all.
LEARNED = 0.95


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    Attributes
    ----------
    kind : str
        ``"large_inputs"``, ``"small_inputs"``, ``"dead_units"``, ``"saturated_units"``,
        ``"slow_outputs"``, ``"large_updates"``, ``"small_updates"``, ``"not_finite"``,
        ``"initial_cost"`` or ``"nothing_learned"``.
    layer : int or None
        The layer l = 1..L that it is about.
    value, limit : float
        What was measured, and from where on it is a finding.
    sentence : str
        What is wrong, and what may cure it.
    """

    kind: str
    layer: int | None
    value: float
    limit: float
    sentence: str

    @property
    def excess(self) -> float:
        """How many times the value is beyond its limit."""
        low, high = sorted((self.value, self.limit))
        return high / low if low > 0 else math.inf

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True, slots=True)
class LayerHealth:
    """What was measured in layer l.

    Attributes
    ----------
    l, n_units : int
        The layer, 1..L, and how many units it has.
    activation : str
        The name of its activation function.
    dead, saturated : float
        The share of units that are flat for every sample, and of the others whose slope sigma'
        averages below a tenth of the steepest. 0 in the output layer, where the cost decides.
    update, largest_update : float
        The size of a step against the size of the weights, both root mean squares: the median and
        the largest of some steps. Infinite where training diverges.
    """

    l: int
    n_units: int
    activation: str
    dead: float
    saturated: float
    update: float
    largest_update: float


def of_numbers(layers: Sequence[LayerTrace]) -> Iterator[Finding]:
    """Look for the first layer with numbers that are not finite."""
    for layer in layers:
        wrong = int((~np.isfinite(layer.z) | ~np.isfinite(layer.a)).sum())
        if wrong:
            yield Finding(
                "not_finite", layer.l, wrong, 0,
                f"Layer {layer.l}: {wrong} of {layer.a.size} numbers are NaN or infinite, so"
                " that whatever follows from them is no number. Weights that have grown too far do"
                " that: start anew with a smaller learning rate or scaled inputs. So does an"
                " activation function of your own that has no value everywhere.",
            )  # fmt: skip
            return


def of_inputs(X: Array) -> Iterator[Finding]:
    """Compare the inputs, as the first layer sees them, with the scale that it is made for."""
    size = np.sqrt((X**2).mean(axis=1))
    large, largest = int((size > LARGEST_INPUT).sum()), float(size.max())
    cure = "Divide them by their largest value (input_scale) or standardize each input."
    if large:
        yield Finding(
            "large_inputs", 1, largest, LARGEST_INPUT,
            f"The inputs are large: {large} of {size.size} have a root mean square above"
            f" {LARGEST_INPUT:g}, up to {largest:.3g}, so that units of layer 1 saturate, and only"
            f" very short steps do no harm. {cure}",
        )  # fmt: skip
    # Not the zeros: of one-hot inputs and of pixels most are zero, and that is no fault.
    typical = float(np.sqrt((X[X != 0] ** 2).mean())) if X.any() else 0.0
    if typical < SMALLEST_INPUT:
        yield Finding(
            "small_inputs", 1, typical, SMALLEST_INPUT,
            f"The inputs are small: where they are not zero, their root mean square is"
            f" {typical:.2g}, so that all samples look alike to the first layer. {cure}"
            " Are they scaled twice?",
        )  # fmt: skip


def of_units(
    layer: LayerHealth, found: Sequence[Finding], *, poor: bool, trained: bool
) -> Iterator[Finding]:
    """Look for units that pass no gradient on; `found` is what was found of the inputs."""
    l, n, name = layer.l, layer.n_units, layer.activation
    rate = ["a smaller learning rate"] if trained else []  # no step has brought the units there
    scaling = _scaling(found)
    if layer.dead > DEAD_SHARE:
        cures = [*scaling, *rate, "smaller weights and biases"]
        yield Finding(
            "dead_units", l, layer.dead, DEAD_SHARE,
            f"Layer {l}: {round(layer.dead * n)} of {n} {name} units are dead: their slope is zero"
            " for every sample, so that they never change."
            f" {'Start anew' if trained else 'Begin'} with {_or(cures)}; leaky_relu cannot die.",
        )  # fmt: skip
    if poor and layer.saturated > SATURATED_SHARE:
        cures = [*scaling, "smaller weights (another initializer)", *rate]
        yield Finding(
            "saturated_units", l, layer.saturated, SATURATED_SHARE,
            f"Layer {l}: {round(layer.saturated * n)} of {n} {name} units are saturated: their"
            f" slope averages below {SATURATED:.0%} of its steepest, so that they and all layers"
            f" below learn slowly. {'Start anew' if trained else 'Begin'} with {_or(cures)}.",
        )  # fmt: skip


def of_outputs(l: int, slope: Array, gap: Array, delta: Array) -> Iterator[Finding]:
    """Look for outputs that are wrong and flat, where the cost does not make up for it.

    `slope` is sigma'(z) against the steepest, `gap` is a - y, `delta` is dC/dz of the output layer.
    """
    slow = (np.abs(gap) > WRONG) & (slope < SATURATED)
    slow &= np.abs(delta) < SLOWED_DOWN * np.abs(gap)
    wrong = int((np.abs(gap) > WRONG).sum())
    share = int(slow.sum()) / max(1, wrong)
    if share > SLOW_SHARE and slow.any(axis=0).mean() > SLOW_SHARE:
        yield Finding(
            "slow_outputs", l, share, SLOW_SHARE,
            f"Layer {l}: {share:.0%} of the wrong outputs are saturated, so that the error hardly"
            " gets back into the network. Take the cost that belongs to the output (cross_entropy"
            " with sigmoid, log_likelihood with softmax), or begin with smaller weights.",
        )  # fmt: skip


def of_updates(
    layers: Sequence[LayerHealth], found: Sequence[Finding], *, poor: bool, trained: bool
) -> Iterator[Finding]:
    """Compare steps with weights; `found` is what was found of inputs, units and outputs.

    Where units of a layer or above it are flat, (BP2) makes its steps short at any learning rate,
    and where training has made them flat, it starts anew: then the steps are measured anew, too. A
    rate that is too large for one layer is too large, however short the steps of another.
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
            "steps end in numbers that are not finite"
            if math.isinf(layer.largest_update)
            else f"a step changes the weights by {layer.largest_update:.2g} times their size"
        )
        cures = ["a smaller learning rate", "larger mini-batches", *_scaling(found)]
        yield Finding(
            "large_updates", layer.l, layer.largest_update, LARGEST_UPDATE,
            f"Layer {layer.l}: {length}; about 0.001 is usual. Take {_or(cures)}.",
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
                " size; about 0.001 is usual."
                f" Take {_or(cures)}.",
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
    """Compare the cost with that of one answer for all, and of outputs that say nothing.

    `found` is whatever else was found, which may be the reason.
    """
    base, limit = (nothing, LARGEST_COST) if classes else (chance, LARGEST_OFFSET)
    if epochs and cost > LEARNED * chance:
        cure = (
            "Cure first what else is found."
            if found
            else "Do targets and samples belong together? If so, try another learning rate, and"
            " train on ten samples alone, which every network can learn."
        )
        yield Finding(
            "nothing_learned", None, cost / chance if chance else math.inf, LEARNED,
            f"After {epochs} epoch{'s' * (epochs > 1)} the cost is {cost:.4g}; one and the same"
            f" answer for every sample has {chance:.4g}. {cure}",
        )  # fmt: skip
    elif not epochs and cost > limit * base > 0:
        cure = (
            f"Begin with {_or([*_scaling(found), 'smaller weights (another initializer)'])}."
            if classes
            else "Bring the targets near 0 and 1 in size: subtract their mean, divide by their"
            " standard deviation."
        )
        yield Finding(
            "initial_cost", None, cost / base, limit,
            f"The untrained network has a cost of {cost:.4g}, {cost / base:.2g} times that of"
            f" {'outputs that say nothing' if classes else 'the best single answer'}, so that"
            f" training begins with unlearning. {cure}",
        )  # fmt: skip


def _scaling(found: Sequence[Finding]) -> list[str]:
    """Return the scaling of the inputs as a cure, where they are what is large."""
    return ["scaled inputs"] if any(f.kind == "large_inputs" for f in found) else []


def _or(cures: Sequence[str]) -> str:
    """Return cures as a list in a sentence."""
    return " or ".join(filter(None, [", ".join(cures[:-1]), cures[-1]]))
