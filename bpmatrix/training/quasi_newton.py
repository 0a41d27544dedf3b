"""L-BFGS: SciPy's L-BFGS-B on the flat vector of parameters, for networks and estimators."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Any

import numpy as np

from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import penalties
from bpmatrix.array_types import Array, Floats
from bpmatrix.engine import evaluation
from bpmatrix.engine.compilation import load_program
from bpmatrix.errors import MissingPackageError
from bpmatrix.samples.samples import Samples
from bpmatrix.training.all_samples import AllSamples
from bpmatrix.training.recipe import OptimizerState
from bpmatrix.training.slices import (
    ConvergedError,
    NotFiniteError,
    Totals,
    largest_input,
    not_views_of,
)

# SciPy's own limits end no run: the caller's rules do.
NO_LIMIT = 1 << 30


def minimize_cost(
    description: Description,
    start: Array,
    samples: Samples,
    weight_decay: float,
    after: Callable[[Floats, float], object] | None = None,
    **options: Any,
) -> Any:
    """Return SciPy's result of minimizing cost plus penalty over all samples, from `start` on.

    Parameters
    ----------
    description, start : Description, (size,) array
        The network and the first parameters, which are not changed.
    samples : Samples
        The training samples.
    weight_decay : float
        The factor of the penalty 1/2 w^2; biases have none.
    after : function of x and its cost plus penalty, optional
        Called after each iteration; it may raise StopIteration to end them.
    **options
        The options of SciPy's L-BFGS-B.

    Raises
    ------
    MissingPackageError
        If SciPy or threadpoolctl is not installed.
    """
    minimize, blas_on_one_thread = load_solver()
    theta, penalized = start.copy(), penalties(description.layout, weight_decay, start.dtype.name)

    def objective(point: Floats) -> tuple[float, Floats]:
        theta[:] = point
        cost, gradient = evaluation.cost_and_gradient(description, theta, samples)
        shrink = penalized * theta
        return cost + float(shrink @ theta) / 2, (gradient + shrink).astype(np.float64)

    def callback(intermediate_result: Any) -> None:  # the name tells SciPy what to pass
        if after is not None:
            after(intermediate_result.x, float(intermediate_result.fun))

    with blas_on_one_thread():
        return minimize(
            objective,
            theta.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            options=options,
            callback=None if after is None else callback,
        )


def load_solver() -> tuple[Any, Any]:
    """Return SciPy's `minimize` and the limit of BLAS threads, or raise MissingPackageError."""
    try:
        from scipy.optimize import minimize  # noqa: PLC0415 - optional, and slow to load

        from bpmatrix.engine.blas import blas_on_one_thread  # noqa: PLC0415 - needs threadpoolctl
    except ImportError:
        raise MissingPackageError.of_extra("LBFGS", "scipy", "sklearn") from None
    return minimize, blas_on_one_thread


class QuasiNewtonSteps(AllSamples):
    """Takes the steps of `LBFGS`, with the interface of `SliceRunner`.

    SciPy calls us after each iteration, so `drive` takes the place of a loop over the epochs.

    Its memory of earlier steps cannot be saved, so a resumed run repeats the iterations before the
    checkpoint, from the parameters at the start of the run: they are the state's only moment.

    Parameters
    ----------
    description, theta : Description, (size,) array
        The network and its parameters, which `run_epochs` changes.
    samples : Samples
        The training samples.
    state : OptimizerState
        Its moment and number of steps are changed.
    weight_decay : float
        The factor of the penalty 1/2 w^2.
    """

    def __init__(
        self,
        description: Description,
        theta: Array,
        samples: Samples,
        state: OptimizerState,
        weight_decay: float = 0.0,
    ) -> None:
        load_solver()
        self.description, self.theta, self.state = description, theta, state
        X, targets = not_views_of(theta, samples.X, samples.targets)
        self._samples = Samples(X, targets, weights=samples.weights)
        self._weight_decay = weight_decay
        self._next: Floats = np.empty(0)
        load_program("evaluate", description.dtype)

    def drive(self, next_epoch: Callable[[], bool], done: int) -> None:
        """Call `next_epoch` after each iteration, until it returns False.

        The first `done` iterations of a resumed run are only repeated.

        Raises
        ------
        ConvergedError
            If no step lowers the cost.
        """
        iterations, ends = 0, False
        memory = self.state.optimizer.memory  # type: ignore[attr-defined]
        if done == 0:
            self.state.moments[0], self.state.steps = self.theta, 0

        self._next = self.theta.astype(np.float64)
        if not np.isfinite(evaluation.scores(self.description, self.theta, self._samples).cost):
            next_epoch()  # raises NotFiniteError

        def after(point: Floats, cost: float) -> None:
            nonlocal iterations, ends
            del cost
            iterations += 1
            self._next = point
            if iterations <= done:
                self.theta[:] = point
            elif not next_epoch():
                ends = True
                raise StopIteration

        minimize_cost(
            self.description, self.state.moments[0], self._samples, self._weight_decay, after,
            maxfun=NO_LIMIT, maxiter=NO_LIMIT, maxcor=memory, gtol=0.0, ftol=0.0,
        )  # fmt: skip
        if not ends:
            raise ConvergedError

    def run_epochs(
        self, orders: Sized, rate: float, weight_decay: float = 0.0, deadline: float = 0.0
    ) -> list[Totals]:
        """Take the step that SciPy has just computed; the arguments do not matter.

        Raises
        ------
        NotFiniteError
            If its cost is not finite.
        """
        del orders, rate, weight_decay, deadline
        point = self._next.astype(self.theta.dtype)
        found = evaluation.scores(self.description, point, self._samples)
        if not np.isfinite(found.cost):
            X, scale = self._samples.X, self.description.input_scale
            raise NotFiniteError("the cost", 1, largest_input(X, scale, np.arange(X.shape[1])))
        self.theta[:] = point
        self.state.steps += 1
        return [Totals(found.cost, found.accuracy, 1.0)]
