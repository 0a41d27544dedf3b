"""A fit that can be saved to checkpoints and resumed from them.

A fit without a `random_state` draws different initial weights in each process. The checkpoint
contains the generator's initial state, so the fit resumes with the same weights.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from bpmatrix.architecture.parameters import Parameters
from bpmatrix.array_types import Array, Integers
from bpmatrix.engine.evaluation import Scores
from bpmatrix.estimators import storage
from bpmatrix.estimators.rows import Rows
from bpmatrix.estimators.stochastic import Fit
from bpmatrix.history import EpochInfo
from bpmatrix.samples.windows import BlockSamples
from bpmatrix.storage.checkpoints import Checkpoints
from bpmatrix.training.checkpoint import (
    Resumable,
    Snapshot,
    description_as_text,
    digest_of,
    digests_of_samples,
    epochs_of,
)
from bpmatrix.training.record import stable_repr

# Parameters that do not affect the weights, or that are compared separately.
NO_DIFFERENCE = ("max_iter", "callbacks", "n_threads", "verbose", "random_state")
RECORDS = (
    "n_iter_", "t_", "loss_", "best_loss_", "loss_curve_", "validation_scores_",
    "best_validation_score_", "validation_loss_curve_", "_no_improvement_count",
)  # fmt: skip
NONE_OR_NOT = ("best_loss_", "validation_scores_", "best_validation_score_")  # by early_stopping
# The largest positions of generators in their blocks of numbers, which NumPy does not check.
POSITIONS = {"pos": 624, "buffer_pos": 4}
GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")


class ResumableFit(Fit, Resumable):
    """The rules of a fit that can be saved to checkpoints and resumed from them."""

    first_state: dict[str, Any]  # of the generator, before anything was drawn

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._samples = arguments[3]
        self._is_whole = True
        self._begin()

    def ahead(self) -> int:
        """Return how many epochs to run; as many as before if resumed within them."""
        if self.callbacks and not isinstance(self.model.random_state, numbers.Integral):
            self.note()  # the callbacks may have drawn from the same generator
        self._is_whole = False
        count = max(super().ahead(), 0)
        self._is_whole = True
        progress = self.runner.resume_from
        return len(progress.totals) if progress is not None and count else count

    def record(
        self, results: list[tuple[float, float]], scores: Scores | None, entry: EpochInfo
    ) -> EpochInfo:
        """Record; meanwhile no checkpoint is written, since the records are inconsistent."""
        self._is_whole = False
        entry = super().record(results, scores, entry)
        self.runner.progress = None
        self._is_whole = True
        return entry

    # -------------------------------------------------- the interface for Checkpoints

    def identity(self) -> dict[str, Any]:
        """Return all that must be unchanged for the fit to resume, by names that users know."""
        model, seed = self.model, self.model.random_state
        parameters = {
            name: storage.to_json(value) if storage.is_plain(value) else stable_repr(value)
            for name, value in storage.parameters_of(model).items()
            if name not in NO_DIFFERENCE
        }
        parameters["random_state"] = int(seed) if isinstance(seed, int | np.integer) else None
        labels = getattr(model, "_labels", None)
        classes = None if labels is None else [str(label) for label in labels.classes]
        values = {"estimator": type(model).__name__, "classes": classes} | parameters
        values |= {"network": description_as_text(self.runner.description)}
        values |= _digests(self._samples, "") | self._columns.record
        return values | (_digests(self._validation, "validation ") if self._validation else {})

    def snapshot(self) -> Snapshot | None:
        """Return the state of the fit between two slices; None while it records an epoch."""
        if not self._is_whole:
            return None
        random_state, order = self._stream()
        best_theta = self.runner.theta if self._best is None else self._best
        values, arrays = self._common_snapshot(best_theta)
        records = {name: getattr(self.model, name, None) for name in RECORDS}
        values |= {
            "first_state": self.first_state,
            "random_state": random_state,
            "records": storage.to_json(records),
            "rate": self.state.rate.now,
            "least": storage.to_json(float(self._least_loss)),
            "best_epoch": self._best_epoch,
        }
        return Snapshot(values, arrays | {"order": order})

    def restore(self, snapshot: Snapshot) -> None:
        """Resume from a snapshot. Raises any error if it is invalid, before any change."""
        values, arrays = snapshot
        model, progress = self.model, self._check_common(snapshot)
        records = storage.from_json(values["records"])
        if set(records) != set(RECORDS) or not all(map(self._fits, records, records.values())):
            raise ValueError("the records are not valid")
        rate = float(values["rate"])
        if not math.isfinite(rate):
            raise ValueError("the rate is not valid")
        least_loss = float(storage.from_json(values["least"]))
        random_state, order = random_state_from_json(values["random_state"]), arrays["order"]
        kind = self._random_state.get_state(legacy=False)["bit_generator"]
        if values["random_state"]["bit_generator"] != kind:
            raise ValueError("the generator is of a different kind")
        if sorted(order.tolist()) != list(range(self._order.size)):
            raise ValueError("the order of the samples is not a permutation")
        epochs = epochs_of(arrays, 1, self.last_epoch)
        if len(epochs) != records["n_iter_"]:
            raise ValueError("the number of epochs does not match the history")
        best_epoch = values["best_epoch"]
        last = 0 if self._best is None else len(epochs)
        if best_epoch is not None and not (type(best_epoch) is int and 1 <= best_epoch <= last):
            raise ValueError("the best epoch is not valid")
        random_state_from_json(values["first_state"])  # `generator_of` has used it already
        # From here on nothing can fail.
        self.history.epochs = epochs
        self.runner.keep_start()
        for name, value in records.items():
            setattr(model, name, value)
        self._least_loss, self._best_epoch = least_loss, best_epoch
        if self._best is not None:
            self._best[:] = arrays["best.theta"]
        self.state.rate.now = rate
        self._random_state.set_state(random_state.get_state(legacy=False))
        self._order = np.array(order, np.int64)
        self._resume(snapshot, progress)

    def _fits(self, name: str, value: Any) -> bool:
        """Whether a record has the type that this fit needs."""
        if name == "loss_" and value is None:  # before the first epoch
            return True
        ours = getattr(self.model, name, None)
        # Without early stopping, scores of validation samples are None up to the first.
        may_begin = self._validation is not None and ours is None and name != "best_loss_"
        is_wrong = name in NONE_OR_NOT and not may_begin and (value is None) != (ours is None)
        return storage.RECORDS[name](value) and not is_wrong

    def best_epoch(self) -> int | None:
        """Return the best epoch so far, or None if early stopping does not keep its weights."""
        return self._best_epoch if self._best is not None else None

    def save_best(self, path: Path) -> None:
        """Save the estimator of the best epoch."""
        description = self.runner.description
        if self._best is not None:
            parameters = Parameters.of(self._best, description.layout)
            storage.save(self.model, description, parameters, path)

    def _generator_state(self) -> tuple[dict[str, Any], Array]:
        state = random_state_to_json(self._random_state) if self.model.shuffle else {}
        return state, self._order

    def _stream(self) -> tuple[dict[str, Any], Array]:
        """Return the generator's state and the order before the next epoch's is drawn."""
        epoch, (state, order) = self._noted
        if not self.model.shuffle:
            return random_state_to_json(self._random_state), order
        random_state = random_state_from_json(state)

        def shuffled(n: int) -> Integers:
            nonlocal order
            places = np.arange(n)
            random_state.shuffle(places)
            order = order[places] if n == order.size else order
            return places

        for _ in range(self.done - epoch):
            self._columns.skip(shuffled)
        return random_state_to_json(random_state), order


def generator_of(random_state: object, checkpoints: Checkpoints | None) -> np.random.RandomState:
    """Return the generator of the weights, held-out samples and orders.

    Unless `random_state` is an integer, a resumed fit uses the initial state in its checkpoint.
    """
    generator: np.random.RandomState = check_random_state(random_state)
    found = None if checkpoints is None else checkpoints.found
    if found is None or isinstance(random_state, numbers.Integral):
        return generator
    try:
        return random_state_from_json(found.values["first_state"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return generator  # `Checkpoints.begin` raises the error


def random_state_to_json(random_state: np.random.RandomState) -> dict[str, Any]:
    """Return the state of a generator, for JSON."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: plain(inner) for name, inner in value.items()}
        return value.tolist() if isinstance(value, np.ndarray | np.generic) else value

    found: dict[str, Any] = plain(random_state.get_state(legacy=False))
    return found


def random_state_from_json(values: Mapping[str, Any]) -> np.random.RandomState:
    """Return a new generator with the state that `random_state_to_json` returned."""
    if values["bit_generator"] not in GENERATORS:
        raise ValueError("the generator is not a known one")
    random_state = np.random.RandomState(getattr(np.random, values["bit_generator"])())
    arrays = {
        name: np.array(value, random_state.get_state(legacy=False)["state"][name].dtype)
        for name, value in values["state"].items()
        if isinstance(value, list)
    }
    for place in (values, values["state"]):
        for name, last in POSITIONS.items():
            if not 0 <= place.get(name, 0) <= last:
                raise ValueError(f"{name} is {place[name]!r}")
    try:
        random_state.set_state({**values, "state": {**values["state"], **arrays}})
    except (IndexError, OverflowError) as error:
        raise ValueError(str(error)) from None
    return random_state


def _digests(samples: Rows, prefix: str) -> dict[str, str]:
    if isinstance(samples.columns, BlockSamples):
        return digests_of_samples(samples.columns, prefix)
    return {
        f"{prefix}X": digest_of(samples.columns.X),
        f"{prefix}y": digest_of(samples.y),
        f"{prefix}sample_weight": digest_of(samples.weight),
    }


def seed_of(random_state: np.random.RandomState) -> int:
    """Return a number from the state of a generator of any kind, without drawing from it."""
    state = random_state.get_state(legacy=False)["state"]
    return int(np.asarray(state["key"] if "key" in state else state["state"]).flat[0])
