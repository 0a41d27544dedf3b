"""What takes the steps of a run: mini-batches, or all samples at once."""

from __future__ import annotations

from bpmatrix.architecture.description import Description
from bpmatrix.array_types import Array
from bpmatrix.errors import ArgumentError
from bpmatrix.samples.samples import Samples
from bpmatrix.samples.windows import BlockSamples
from bpmatrix.training.full_batch import DampedSteps
from bpmatrix.training.optimizers import FullBatch, LevenbergMarquardt
from bpmatrix.training.quasi_newton import QuasiNewtonSteps
from bpmatrix.training.recipe import OptimizerState
from bpmatrix.training.record import Settings
from bpmatrix.training.slices import SliceRunner

Runner = SliceRunner | DampedSteps | QuasiNewtonSteps


def runner_of(
    description: Description,
    theta: Array,
    samples: Samples | BlockSamples,
    settings: Settings,
    state: OptimizerState,
    seed: int,
) -> Runner:
    """Return what takes the steps of an optimizer."""
    optimizer = settings.recipe.optimizer
    if not isinstance(optimizer, FullBatch):
        return SliceRunner(
            description, theta, samples.X, samples.targets, settings.mini_batch_size,
            settings.threads, recipe=settings.recipe, sample_weight=samples.weights,
            state=state, seed=seed, groups=settings.groups, ranks=settings.ranks,
        )  # fmt: skip
    if isinstance(samples, BlockSamples):
        raise ArgumentError(
            f"{type(optimizer).__name__} does not read Blocks: each step needs all samples at once",
            cure="Pass arrays, if the data fit into memory, or optimizer=Adam().",
        )
    if isinstance(optimizer, LevenbergMarquardt):
        decay = settings.weight_decay
        return DampedSteps(description, theta, samples, state, settings.threads, decay)
    return QuasiNewtonSteps(description, theta, samples, state, settings.weight_decay)
