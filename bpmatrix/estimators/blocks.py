"""The part of an estimator that prepares `Blocks` for the engine, block by block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from bpmatrix.array_types import Array
from bpmatrix.engine.evaluation import joined
from bpmatrix.errors import ArgumentError
from bpmatrix.estimators.gate import FitArguments, Gate, check_some_weight, too_small
from bpmatrix.estimators.rows import Rows
from bpmatrix.estimators.standardization import Scaling
from bpmatrix.samples.ahead import Ahead
from bpmatrix.samples.arrays import Targets
from bpmatrix.samples.blocks import Blocks, check_alone, with_targets
from bpmatrix.samples.frames import Frame
from bpmatrix.samples.samples import Samples
from bpmatrix.samples.sources import Block
from bpmatrix.samples.survey import Seen, Survey, survey, warn_if_sorted
from bpmatrix.samples.weighting import check_bounds, checked_weights
from bpmatrix.samples.windows import BlockSamples


class BlockGate(Gate):
    """The part of an estimator that prepares `Blocks` for the engine, block by block."""

    def _check_takes_blocks(self, given: FitArguments) -> None:
        """Reject what cannot be combined with `Blocks`, before they are read."""
        if not isinstance(given.X, Blocks):
            return
        check_alone(given.y, "y")
        check_alone(given.sample_weight, "sample_weight")
        if self.solver == "lbfgs":
            raise ArgumentError(
                "the solver lbfgs needs all samples in memory at once, so it takes no Blocks",
                cure='Set solver="adam" or "sgd".',
            )
        if self.early_stopping and not given.has_validation:
            raise ArgumentError(
                "early_stopping does not hold out samples of Blocks",
                cure="Pass X_val and y_val, or other Blocks as X_val.",
            )

    def _samples(self, given: FitArguments, *, first: bool) -> Rows:
        """Return training data; a first pass over `Blocks` checks them and learns from them."""
        blocks = given.X
        if not isinstance(blocks, Blocks):
            return super()._samples(given, first=first)
        inputs, targets = Scaling(), Scaling()
        # Class weights are not known before all classes are: then X is scaled in a second pass.
        scales_x = bool(self.standardize and first)
        scales_now = scales_x and getattr(self, "class_weight", None) is None
        scales_y = self._y_is_numeric and self._scales_y() and first

        def look(k: int, block: Block) -> Seen:
            X, y, weight = self._checked_block(k, block, first=first and not found.rows)
            if scales_now:
                inputs.add(*_weighing(X, weight))
            if scales_y:
                targets.add(y.reshape(len(y), -1), weight)
            return self._seen(y, weight)

        found = Survey()
        survey(blocks, look, found)
        self._learn_blocks(found, targets, given, first=first)
        if scales_x and not scales_now:
            with Ahead(blocks.read()) as ahead:
                for k, block in enumerate(ahead):
                    if len(block.X):
                        X, y, weight = self._checked_block(k, block, first=False)
                        weight = self._with_class_weight(self._encode(y), weight)
                        inputs.add(*_weighing(X, weight))
        if first:
            self._standardization = inputs.result() if scales_x else None
        columns = self._columns(blocks, found)
        type_of_x = "float32" if columns.X.dtype == np.float32 else "float64"
        dtype = self.dtype or (type_of_x if first else self._description.dtype)
        self._check_weights(columns, found, np.dtype(dtype).name)
        warn_if_sorted(blocks, found, stacklevel=6)
        return Rows.of_blocks(columns)

    def _held_out(self, X: Any, y: Any) -> Rows:
        """Return validation data; a first pass over `Blocks` checks them."""
        if not isinstance(X, Blocks):
            return super()._held_out(X, y)
        check_alone(y, "y_val")

        def look(k: int, block: Block) -> Seen:
            _, of_y, weight = self._checked_block(k, block, first=False, suffix="_val")
            self._encode(of_y)
            return self._seen(of_y, weight)

        found = Survey()
        survey(X, look, found)
        if found.rows < 2 and self._y_is_numeric:
            raise too_small(found.rows, "Pass more samples: R^2 is undefined for a single one.")
        columns = self._columns(X, found)
        check_some_weight(bool(columns.n))
        return Rows.of_blocks(columns)

    def _score_of_blocks(self, blocks: Blocks, weight: Any, metric: Callable[..., float]) -> float:
        """Return a metric of the predictions for blocks with targets, which are read once."""
        check_alone(weight, "sample_weight")
        found, targets = [], []
        weights: list[Any] = []
        with Ahead(blocks.with_samples()) as ahead:
            for k, block in ahead:
                targets.append(with_targets(block.y, f"block {k + 1} of X"))
                found.append(self.predict(named(block)))
                weights.append(block.weight)
        weight = None if weights[0] is None else joined(weights)
        return float(metric(joined(targets), joined(found), sample_weight=weight))

    def _columns(self, blocks: Blocks, found: Survey) -> BlockSamples:
        """Return the samples of blocks in the engine's form."""
        factors = None
        if self._class_factors is not None:
            factors = dict(zip(self.classes_.tolist(), self._class_factors, strict=True))
        return BlockSamples.of(blocks, self._converted, found, found.sizes(factors))

    def _converted(self, k: int, block: Block) -> Samples:
        """Return the samples of a block: checked, encoded, weighted, standardized."""
        X, y, weight = self._checked_block(k, block, first=False)
        encoded = self._encode(y)
        weight = self._with_class_weight(encoded, weight)
        rows = Rows.of(self._standardized(X), encoded, weight, self._targets)
        return cast(Samples, rows.columns)

    def _checked_block(
        self, k: int, block: Block, *, first: bool, suffix: str = ""
    ) -> tuple[Array, Array, Array | None]:
        """Check a block as scikit-learn checks X, y and sample weights."""
        where = f"block {k + 1}"
        targets = with_targets(block.y, f"{where} of X{suffix}")
        try:
            X, y = self._checked(named(block), targets, first=first, suffix=suffix)
        except (TypeError, ValueError) as error:
            error.add_note(f"This is {where} of X{suffix}.")
            raise
        if block.weight is None:
            return X, y, None
        return X, y, checked_weights(block.weight, len(X), f"{where} of sample_weight")

    def _check_weights(self, columns: BlockSamples, found: Survey, dtype: str) -> None:
        """Check that weights, if there are any, are in the range of the network's dtype."""
        if columns.weights is None:
            return
        least, most = (1.0, 1.0) if found.first.weight is None else (found.least, found.most)
        if self._class_factors is not None and self._class_factors.any():
            positive = self._class_factors[self._class_factors > 0]
            least, most = least * positive.min(), most * positive.max()
        check_bounds(least, most, columns.n, dtype, "sample_weight times class_weight")

    # ----------------------------------------------- what classifier and regressor implement

    def predict(self, X: Any) -> Any:
        """Return what is predicted for each row."""
        raise NotImplementedError

    def _seen(self, y: Array, weight: Array | None) -> Seen:
        """Return what the first pass sees of the checked targets of a block."""
        raise NotImplementedError

    def _learn_blocks(
        self, found: Survey, targets: Scaling, given: FitArguments, *, first: bool
    ) -> None:
        """Learn classes and their weights, or scales, from the targets of all blocks."""
        raise NotImplementedError

    def _encoded(self, targets: Targets) -> Array:
        """Return encoded targets from the engine's form: the inverse of `_targets`."""
        raise NotImplementedError

    def _score_of(self, outputs: Array, y: Array, weight: Array | None) -> float:
        """Return the score of outputs (n, n_L), as scikit-learn's `score` defines it."""
        raise NotImplementedError

    def _scales_y(self) -> bool:
        """Whether the current parameters standardize the targets."""
        return False


def named(block: Block) -> Any:
    """Return X of a block, with the names of its columns if it has any."""
    return block.X if block.names is None else Frame(block.X, block.names, "table")


def _weighing(X: Array, weight: Array | None) -> tuple[Array, Array | None]:
    """Leave out the samples of weight 0."""
    if weight is None or weight.all():
        return X, weight
    return X[weight > 0], weight[weight > 0]
