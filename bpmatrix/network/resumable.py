"""A run of `Network.train` that can be saved to checkpoints and resumed from them.

The schedule is not saved: it has to give the learning rates of the History again.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.architecture.parameters import Parameters
from bpmatrix.array_types import Floats
from bpmatrix.engine.ranks import Ranks
from bpmatrix.errors import ArgumentError
from bpmatrix.history import badness
from bpmatrix.storage import persistence
from bpmatrix.storage.checkpoints import Checkpoints
from bpmatrix.training.checkpoint import (
    Resumable,
    Snapshot,
    description_as_text,
    digest_of,
    digests_of_samples,
    epochs_of,
    settings_as_text,
)
from bpmatrix.training.record import Settings
from bpmatrix.training.run import Run
from bpmatrix.training.schedules import ReduceOnPlateau, rate_of
from bpmatrix.training.state import TrainingState
from bpmatrix.training.stopping import Patience


class ResumableRun(Run, Resumable):
    """A run of `Network.train` that can be saved to checkpoints and resumed from them.

    Parameters
    ----------
    arguments : tuple
        The arguments of `Run`.
    seed : int
        The seed of the run: the one in the checkpoint if the network's seed was drawn.
    """

    def __init__(self, *arguments: Any, seed: int) -> None:
        super().__init__(*arguments, seed=seed)
        self._best_theta = self._best_weights = self.runner.theta.copy()
        self._begin()

    def end(self) -> None:
        """Restore the best weights only if requested."""
        if not self.settings.restore_best:
            self._best_theta = None
        super().end()

    # ------------------------------------------------- the interface for Checkpoints

    def identity(self) -> dict[str, Any]:
        """Return all that must be unchanged for the run to resume, by names that users know."""
        description = description_as_text(self.runner.description)
        values: dict[str, Any] = {"seed of the network": self.history.seed}
        values |= {f"the network's {name}": value for name, value in description.items()}
        values |= digests_of_samples(self.samples, "") | self.samples.record
        if self.validation is not None:
            values |= digests_of_samples(self.validation, "validation ")
        return values | settings_as_text(self.settings)

    def is_beginning_of(self, snapshot: Snapshot) -> bool:
        """Whether the weights are the initial or the current ones of the snapshot's run.

        If the seed was drawn, not chosen, the initial weights are those of the checkpoint.
        """
        training = self.training
        if training.is_seed_drawn and not training.epochs and self.history.seed != training.seed:
            return True
        return super().is_beginning_of(snapshot)

    def snapshot(self) -> Snapshot:
        """Return the state of the run between two slices."""
        values, arrays = self._common_snapshot(self._best_weights)
        values |= self._training_now().to_json()
        values |= {"epochs_before": self._before, "trained": self._trained_before}
        if self._patience is not None:
            arrays["patience"] = _counted(self._patience)
        if self._plateau is not None:
            arrays["plateau"] = _counted(self._plateau.patience, self._plateau.factor)
        return Snapshot(values, arrays)

    def _training_now(self) -> TrainingState:
        """Return the state of training before the next order is drawn."""
        generator = np.random.default_rng(0)
        generator.bit_generator.state = self._stream()
        return TrainingState(self.history.seed, generator, self.training.epochs)

    def restore(self, snapshot: Snapshot) -> None:
        """Resume from a snapshot. Raises any error if it is invalid, before any change."""
        values, arrays = snapshot
        training, progress = TrainingState.from_json(values), self._check_common(snapshot)
        before, trained = values["epochs_before"], values["trained"]
        if not (type(before) is int and before >= 0 and type(trained) is list):
            raise TypeError("the epochs and records of earlier runs are not valid")
        if not all(isinstance(run, dict) for run in trained):
            raise TypeError("the records of earlier runs are not valid")
        self._before, self.last_epoch = before, before + self.settings.epochs
        self.history.epochs = epochs_of(arrays, before + 1, self.last_epoch)
        if training.epochs != (self.history.epochs[-1].epoch if self.history.epochs else before):
            raise ValueError("the number of epochs does not match the history")
        self._recount(arrays)
        self._check_schedule()
        self._rates = self._all_rates(training.epochs + 1)
        # From here on nothing can fail.
        self._best_weights[:] = arrays["best.theta"]
        self.training.seed, self.training.epochs = training.seed, training.epochs
        self.training.shuffler.bit_generator.state = values["shuffler"]
        self._trained_before = trained
        self._trained[:] = trained
        self._resume(snapshot, progress)
        self.training.take(self.runner.state)

    def best_epoch(self) -> int | None:
        """Return the best epoch so far."""
        return None if self._best is None else self._best.epoch

    def save_best(self, path: Path) -> None:
        """Save the network of the best epoch to a model file, without the optimizer's state."""
        description = self.runner.description
        epoch = self._best.epoch if self._best is not None else self._before
        training = replace(self._training_now(), epochs=epoch, optimizer=self.training.optimizer)
        self._update_trained({"stopped_by": None})
        parameters = Parameters.of(self._best_weights, description.layout)
        persistence.save(path, description, parameters, training, self._trained)

    def _recount(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Restore the best epoch, and the counters of early stopping and of the schedule."""
        self._best = next((entry for entry in reversed(self.history.epochs) if entry.is_best), None)
        if self._best is not None:
            self._least = badness(self._best, self.history.metric)
        if self._patience is not None:
            self._patience = _restored(self._patience, *arrays["patience"].tolist())
            if self._patience.is_over:  # Ctrl-C may have come before the run noted it
                self.history.stopped_by = "early_stopping"
        if self._plateau is not None:
            *counted, factor = arrays["plateau"].tolist()
            if not 0 <= factor <= 1:
                raise ValueError("the factor of the schedule is not valid")
            patience = _restored(self._plateau.patience, *counted)
            self._plateau = replace(self._plateau, patience=patience, factor=factor)

    def _check_schedule(self) -> None:
        """Check that the schedule gives the learning rates of the recorded epochs."""
        base, schedule = self.settings.recipe.optimizer.learning_rate, self.settings.schedule
        if schedule is None or isinstance(schedule, ReduceOnPlateau):
            return
        for entry in self.history.epochs:
            epoch, rate = entry.epoch, entry.learning_rate
            asked = rate_of(base, schedule(epoch), epoch)
            if asked != rate:
                raise ArgumentError(
                    f"the schedule differs from that of the checkpoint: it gives the rate"
                    f" {asked:g} for epoch {epoch}",
                    expected=f"{rate:g}",
                    cure="Pass the same schedule, which must depend on the epoch alone, or another"
                    " folder.",
                )

    def _generator_state(self) -> Any:
        return self.training.shuffler.bit_generator.state

    def _stream(self) -> Any:
        """Return the generator's state before the order of the next epoch is drawn."""
        epoch, state = self._noted
        if self.settings.shuffle and epoch < self.done:
            generator = np.random.default_rng(0)
            generator.bit_generator.state = state
            for _ in range(self.done - epoch):
                self.samples.skip(generator.permutation)
            self._noted = self.done, generator.bit_generator.state
        return self._noted[1]


def kept_in(
    training: TrainingState,
    folder: str | os.PathLike[str] | None,
    seconds: float,
    ranks: Ranks | None,
) -> tuple[Checkpoints | None, int]:
    """Return the checkpoints in a folder, and the seed: theirs, if the network's was drawn.

    Only rank 0 has checkpoints.
    """
    if folder is None or (ranks is not None and ranks.rank):
        return None, training.seed
    checkpoints = Checkpoints(folder, seconds)
    found = checkpoints.found
    is_free = training.is_seed_drawn and not training.epochs
    seed = found.values.get("seed") if found is not None and is_free else None
    return checkpoints, seed if isinstance(seed, int) and seed >= 0 else training.seed


def begun(checkpoints: Checkpoints | None, seed: int, *parts: Any) -> Run:
    """Return a new run, or one resumed from its newest checkpoint; on all ranks the same."""
    settings: Settings = parts[5]
    ranks = settings.ranks
    if ranks is None:
        if checkpoints is None:
            return Run(*parts)
        run = ResumableRun(*parts, seed=seed)
        checkpoints.begin(run)
        return run
    ranks.agree()  # all arguments are right
    seed = ranks.share(seed)
    found = ranks.share(checkpoints.found if checkpoints is not None else None)
    run = ResumableRun(*parts, seed=seed)
    given = {name: value for name, value in run.identity().items() if name != "callbacks"}
    theta = {"weights": digest_of(run.runner.theta), "epochs": settings.epochs}
    ranks.check_same(given | theta)
    if checkpoints is not None:
        checkpoints.begin(run)
    ranks.agree()
    if found is not None and ranks.rank:
        run.restore(found)
    return run


def _counted(patience: Patience, *more: float) -> Floats:
    return np.array([patience.epochs, patience.reference, *more], np.float64)


def _restored(patience: Patience, epochs: float, reference: float) -> Patience:
    """Return a count that `_counted` returned; ValueError if it did not."""
    if epochs not in range(patience.patience + 1) or math.isnan(reference):
        raise ValueError("the epochs without improvement are not valid")
    return replace(patience, epochs=int(epochs), reference=reference)
