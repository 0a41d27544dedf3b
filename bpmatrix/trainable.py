"""A network that learns: the training of `Network`, and what it keeps from run to run."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bpmatrix.checks import real_number
from bpmatrix.engine.processors import running
from bpmatrix.errors import ArgumentError
from bpmatrix.history import EpochInfo, History
from bpmatrix.model import Model
from bpmatrix.samples.holdout import hold_out
from bpmatrix.samples.samples import Samples
from bpmatrix.samples.weighting import factors_of_classes, shown, weigh, weigh_classes
from bpmatrix.training import run as training
from bpmatrix.training.arguments import checked_training_arguments
from bpmatrix.training.course import Course
from bpmatrix.training.optimizers import Optimizer
from bpmatrix.training.schedules import Schedule
from bpmatrix.training.stopping import EarlyStopping

__all__ = ["Trainable"]

Array = NDArray[Any]

# Small whole numbers in bytes may be counts; larger ones are pixels.
BYTES_LIKE_NUMBERS = 16


class Trainable(Model):
    """The part of `Network` that trains; it is made by `Network` alone."""

    _course: Course
    _trained: list[dict[str, Any]]

    @property
    def seed(self) -> int:
        """The seed that was given or drawn."""
        return self._course.seed

    @property
    def epochs(self) -> int:
        """How many epochs the network has been trained for."""
        return self._course.epochs

    @property
    def trained(self) -> list[dict[str, Any]]:
        """How each run of `train` went, one dictionary a run; saved with the model."""
        return self._trained

    def train(
        self,
        X: ArrayLike,
        targets: ArrayLike,
        *,
        epochs: int = 30,
        mini_batch_size: int | None = None,
        optimizer: Optimizer | None = None,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        clip_norm: float | None = None,
        dropout: float | Sequence[float] = 0.0,
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[int, float] | str | None = None,
        validation: tuple[ArrayLike, ...] | None = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        n_threads: int | str = "auto",
        callbacks: Sequence[Callable[[EpochInfo], object]] = (),
        restore_best: bool = False,
        schedule: Schedule | None = None,
        early_stopping: EarlyStopping | None = None,
        max_seconds: float | None = None,
    ) -> History:
        """Train the network in place; a second call goes on where the first one ended.

        Parameters
        ----------
        X : (n_0, n) array_like
            Samples as columns, in any type that `feedforward` takes; never converted as a whole.
        targets : array_like
            Labels (n,), or Y (n_L, n), or with one output a row (n,).
        epochs : int, default 30
            How often every sample is shown.
        mini_batch_size : int, optional
            Samples in a step, at most n. None means 10, or n where there are fewer. A short last
            mini-batch is kept and divided by its own size.
        optimizer : SGD, RMSprop, Adam or AdamW, optional
            What it keeps from step to step goes on in the next run, as long as that has an equal
            one. None takes that of the run before, or ``SGD(learning_rate=0.5)`` in the first run.
        weight_decay : float, default 0.0
            The penalty is weight_decay / 2 times the sum of all squared weights, biases free. The
            book's lambda is n * weight_decay.
        l1 : float, default 0.0
            The same for a penalty of l1 times the sum of the sizes of all weights.
        clip_norm : float, optional
            The length to which the gradient of a step's mean cost is shortened if it is longer.
        dropout : float or sequence of float, default 0.0
            The probability of a unit to be left out of a sample's pass in training: one for all
            hidden layers, or one for the inputs and one for each hidden layer.
        sample_weight : (n,) array_like, optional
            How much each column counts in cost, gradient and all that is recorded, 0 or more. A
            mini-batch is divided by the sum of its weights; 0 is the same as no such sample.
        class_weight : mapping or "balanced", optional
            A factor on that for each class, in training and validation; "balanced" lets all classes
            count the same in training.
        validation : tuple (X, targets), optional
            Or (X, targets, sample_weight). Scored after each epoch, never trained on.
        validation_split : float, default 0.0
            In place of `validation`, the fraction of the samples that is scored and not trained on:
            a random one, of every class where the targets name classes; the same in every run on
            the same data.
        shuffle : bool, default True
            Whether each epoch has an order of its own.
        n_threads : int or "auto"
            Threads that share each mini-batch; the weights do not depend on it. "auto" uses one
            where a mini-batch is too small to share.
        callbacks : sequence of functions
            Each is called with an `EpochInfo` after every epoch; one that returns True ends the
            run. One that is also a context manager, as `progress.bar()`, is left with the run.
        restore_best : bool, default False
            Whether to end with the weights of `History.best_epoch`, whatever ended the run; always
            so with `early_stopping`.
        schedule : callable or ReduceOnPlateau, optional
            The factor on the learning rate in an epoch, which is counted from 1 over all runs: one
            of `bpmatrix.schedules`, or any callable. None is constant.
        early_stopping : EarlyStopping, optional
            Ends the run when the epochs no longer improve.
        max_seconds : float, optional
            Ends the run at the first slice of mini-batches after that time, compilation apart. As
            after Ctrl-C, an epoch that is not whole is kept in the weights and not in the History.

        Returns
        -------
        History
            Cost and accuracy by epoch, and why the run ended.

        Raises
        ------
        ShapeError, ArrayTypeError, DataError, ArgumentError
            For wrong arguments, or while another thread trains this network; before anything has
            changed. For a factor of the schedule that is none, at the end of the epoch before.
        DivergenceError
            If a cost or weight is not finite.

        Examples
        --------
        >>> from bpmatrix import SGD, Network
        >>> net = Network([2, 8, 1], seed=1)
        >>> X, y = [[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]], [0.0, 1.0, 1.0, 0.0]
        >>> history = net.train(X, y, epochs=2000, optimizer=SGD(learning_rate=2.0))
        >>> net.predict(X)
        array([0, 1, 1, 0])
        """
        if not self.parameters.flags.writeable:
            raise ArgumentError(
                "the parameters are read-only",
                cure="Set network.parameters.flags.writeable = True.",
            )
        dtype = self._description.dtype
        samples = weigh(self._samples(X, targets), sample_weight, dtype)
        factors = factors_of_classes(class_weight, samples, max(2, self._description.sizes[-1]))
        samples = shown(weigh_classes(samples, factors, dtype))
        samples, checked = self._validation(samples, validation, validation_split, factors)
        settings = checked_training_arguments(
            self._description, n=samples.n, recorded=training.recorded(samples, checked),
            optimizer=self._course.optimizer if optimizer is None else optimizer,
            epochs=epochs, mini_batch_size=mini_batch_size, weight_decay=weight_decay, l1=l1,
            clip_norm=clip_norm, dropout=dropout, shuffle=shuffle, n_threads=n_threads,
            callbacks=callbacks, restore_best=restore_best, schedule=schedule,
            early_stopping=early_stopping, max_seconds=max_seconds,
        )  # fmt: skip
        _warn_of_unscaled_bytes(samples.X, self._description.input_scale)
        with running(self._course), _opened(settings.callbacks):
            history = training.train(
                self._description, self.parameters, self._course, samples, checked, settings
            )
        self._course.optimizer = settings.recipe.optimizer
        self._trained.append(training.record(settings, samples, history))
        return history

    def _validation(
        self,
        samples: Samples,
        validation: object,
        fraction: float,
        factors: NDArray[np.float64] | None,
    ) -> tuple[Samples, Samples | None]:
        """Return what is trained on and what is validated on: split off, or as it was given."""
        fraction = real_number(
            fraction, "validation_split", "a number from 0 to 1", lambda part: 0 <= part < 1
        )
        if validation is None:
            return hold_out(samples, fraction, self.seed) if fraction else (samples, None)
        if fraction:
            raise ArgumentError("validation and validation_split exclude each other")
        if not isinstance(validation, tuple | list) or len(validation) not in {2, 3}:
            raise ArgumentError(
                "validation is no pair",
                got=type(validation).__name__,
                expected="(X, targets) or (X, targets, sample_weight)",
            )
        X, targets, weights = (*validation, None)[:3]
        dtype, prefix = self._description.dtype, "validation "
        checked = weigh(self._samples(X, targets, prefix=prefix), weights, dtype, prefix=prefix)
        return samples, weigh_classes(checked, factors, dtype, prefix=prefix)


def _opened(callbacks: Sequence[object]) -> ExitStack:
    """Enter the callbacks that have something to close; leaving the stack leaves them."""
    with ExitStack() as stack:
        for callback in callbacks:
            if isinstance(callback, AbstractContextManager):
                stack.enter_context(callback)
        return stack.pop_all()


def _warn_of_unscaled_bytes(X: Array, input_scale: float) -> None:
    """Integers are taken as the numbers that they are; for pixels that is seldom meant."""
    if X.dtype == np.uint8 and input_scale == 1 and X.max() > BYTES_LIKE_NUMBERS:
        warnings.warn(
            f"X holds bytes up to {X.max()} and the network has no input_scale, so that its units"
            " saturate; for pixels construct it with Network(..., input_scale=1/255)",
            UserWarning,
            stacklevel=3,
        )
