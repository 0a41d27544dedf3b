"""A run of `Network.train` that can be saved to checkpoints and resumed from them.

The counters of early stopping and of `ReduceOnPlateau` are not saved: they are recomputed from the
History.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.errors import ArgumentError
from bpmatrix.history import badness
from bpmatrix.storage import persistence
from bpmatrix.training.checkpoint import (
    EPOCHS_BETWEEN_NOTES,
    Snapshot,
    check_arrays,
    columns_of,
    digest_of,
    digests_of_samples,
    entries_of,
    place_of,
    put_place,
    words_of_description,
    words_of_settings,
)
from bpmatrix.training.course import LARGEST_COUNT, Course, course_of, in_words
from bpmatrix.training.run import Run
from bpmatrix.training.slices import SliceRunner

__all__ = ["ResumableRun"]


class ResumableRun(Run):
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
        self._best_theta = self._best_weights = self._runner.theta.copy()
        self._before = self.course.epochs
        self._began_with = digest_of(self._runner.theta)
        self._trained_before = list(self._trained)
        self._noted = self.course.epochs, self.course.shuffler.bit_generator.state
        self._columns: dict[str, NDArray[Any]] = {}
        self._epoch_of_place, self._steps = -1, self._runner.steps_of(1, self._n)
        self._can_be_saved = _can_be_saved(self._runner.description)

    @property
    def runner(self) -> SliceRunner:
        """The `SliceRunner` of the run."""
        return self._runner

    def orders(self, epochs: int) -> NDArray[np.int64]:
        """Draw the orders; from time to time note the generator's state before drawing."""
        done = self.course.epochs
        runner = self._runner
        is_long = runner.steps_of_a_slice < self._steps
        if is_long or done - self._noted[0] >= EPOCHS_BETWEEN_NOTES:
            self._noted = done, self.course.shuffler.bit_generator.state
        runner.place = None
        self._epoch_of_place = done
        return super().orders(epochs)

    def end(self) -> None:
        """Restore the best weights only if requested."""
        if not self.settings.restore_best:
            self._best_theta = None
        super().end()

    # ------------------------------------------------- the interface for Checkpoints

    def identity(self) -> dict[str, Any]:
        """Return all that must be unchanged for the run to resume, by names that users know."""
        description = words_of_description(self._runner.description)
        words = {f"the network's {name}": value for name, value in description.items()}
        words |= {"seed of the network": self.history.seed}
        words |= digests_of_samples(self.samples, "")
        if self.validation is not None:
            words |= digests_of_samples(self.validation, "validation ")
        return words | words_of_settings(self.settings)

    def is_beginning_of(self, snapshot: Snapshot) -> bool:
        """Whether the weights are the initial or the current ones of the snapshot's run.

        If the seed was drawn, not chosen, the initial weights are those of the checkpoint.
        """
        course = self.course
        if course.is_seed_drawn and not course.epochs and self.history.seed != course.seed:
            return True
        ours = self._began_with
        known = (snapshot.arrays["theta"], snapshot.arrays["best.theta"])
        return ours == snapshot.words["began_with"] or ours in map(digest_of, known)

    def snapshot(self) -> Snapshot:
        """Return the state of the run between two slices."""
        runner, course = self._runner, self.course
        words = in_words(course) | {
            "seed": self.history.seed,
            "shuffler": self._stream(),
            "epochs_before": self._before,
            "began_with": self._began_with,
            "trained": self._trained_before,
            "stopped_by": self.history.stopped_by,
            "state": {"steps": runner.state.steps},
            "optimizer": None,
        }
        is_within = self._epoch_of_place == course.epochs
        place_words, arrays = place_of(runner.begun or (runner.place if is_within else None))
        arrays |= {"theta": runner.theta, "best.theta": self._best_weights}
        arrays |= {"moments": runner.state.moments}
        return Snapshot(words | place_words, arrays | self._columns_so_far())

    def _columns_so_far(self) -> dict[str, NDArray[Any]]:
        """Return the History as columns, converting only the epochs since the last checkpoint."""
        epochs, known = self.history.epochs, self._columns
        found = columns_of(epochs[len(known.get("history.epoch", ())) :])
        new = {f"history.{name}": column for name, column in found.items()}
        if new:  # all columns at once, so that Ctrl-C leaves all of them equally long
            self._columns = {
                name: np.concatenate([known.get(name, column[:0]), column])
                for name, column in new.items()
            }
        return self._columns

    def restore(self, snapshot: Snapshot) -> None:
        """Resume from a snapshot. Raises any error if it is invalid, before any change."""
        words, arrays = snapshot
        course = course_of({**words, "state": None})
        steps, before = words["state"]["steps"], words["epochs_before"]
        if not (isinstance(steps, int) and 0 <= steps <= LARGEST_COUNT and isinstance(before, int)):
            raise TypeError("a count is not valid")
        if not all(isinstance(run, dict) for run in words["trained"]):
            raise TypeError("the records of earlier runs are not valid")
        place = put_place(words, arrays, self._runner, self._n)
        self._before, self.last_epoch = before, before + self.settings.epochs
        self.history.epochs[:] = entries_of(arrays, self.last_epoch)
        if course.epochs != before + len(self.history.epochs):
            raise ValueError("the number of epochs does not match the history")
        self._replay(before)
        if words["stopped_by"] in {"early_stopping", "callback"}:
            self.history.stopped_by = words["stopped_by"]
        theta, moments = self._runner.theta, self._runner.state.moments
        check_arrays(arrays, theta, moments)
        # From here on nothing can fail.
        theta[:], moments[:] = arrays["theta"], arrays["moments"]
        self._best_weights[:] = arrays["best.theta"]
        self._runner.state.steps, self._runner.begun = steps, place
        self.course.seed, self.course.epochs = course.seed, course.epochs
        self.course.shuffler.bit_generator.state = words["shuffler"]
        self._noted = course.epochs, words["shuffler"]
        self._began_with, self._trained_before = words["began_with"], words["trained"]
        self._trained[:], self._place = self._trained_before, len(self._trained_before)

    def best_epoch(self) -> int | None:
        """Return the best epoch so far, or None if the network cannot be saved."""
        return None if self._best is None or not self._can_be_saved else self._best.epoch

    def save_best(self, path: Path) -> None:
        """Save the network of the best epoch to a model file, without the optimizer's state."""
        description = self._runner.description
        epoch = self._best.epoch if self._best is not None else self._before
        generator = np.random.default_rng(0)
        generator.bit_generator.state = self._stream()
        course = Course(self.history.seed, generator, epoch, self.course.optimizer)
        self._update_trained({"stopped_by": None})
        parameters = Parameters.of(self._best_weights, description.layout)
        persistence.save(path, description, parameters, course, self._trained)

    def _replay(self, before: int) -> None:
        """Process the recorded epochs again, as `record` did, and recompute their rates."""
        for entry in self.history.epochs:
            bad = badness(entry, self.history.metric)
            if entry.is_best:
                self._best = entry
            self._least = min(bad, self._least)
            is_over = self._patience is not None and self._patience.runs_out(bad)
            self.history.stopped_by = "early_stopping" if is_over else "epochs"
        self._rates = self._all_rates(before + 1)
        recorded = self.history.learning_rate
        asked = list(islice(self._rates, len(recorded)))
        if asked != recorded:
            epoch = next(e for e, (a, b) in enumerate(zip(asked, recorded, strict=True)) if a != b)
            raise ArgumentError(
                f"the schedule differs from that of the checkpoint: it gives the rate"
                f" {asked[epoch]:g} for epoch {before + epoch + 1}",
                expected=f"{recorded[epoch]:g}",
                cure="Pass the same schedule, which must depend on the epoch alone, or another"
                " folder.",
            )

    def _stream(self) -> Any:
        """Return the generator's state before the order of the next epoch is drawn."""
        epoch, state = self._noted
        if not self.settings.shuffle or epoch == self.course.epochs:
            return state
        generator = np.random.default_rng(0)
        generator.bit_generator.state = state
        for _ in range(self.course.epochs - epoch):
            generator.permutation(self._n)
        return generator.bit_generator.state


def _can_be_saved(description: Description) -> bool:
    try:
        persistence.described(description)
    except ArgumentError:  # custom functions
        return False
    return True
