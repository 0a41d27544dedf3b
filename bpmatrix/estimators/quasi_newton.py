"""The solver "lbfgs": SciPy's L-BFGS-B on the flat vector of parameters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize

from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.array_types import Array
from bpmatrix.engine import evaluation
from bpmatrix.errors import DataError
from bpmatrix.estimators.blas import blas_on_one_thread
from bpmatrix.estimators.fitted import Fitted
from bpmatrix.estimators.rows import Rows


def fit_quasi_newton(
    model: Fitted,
    description: Description,
    theta: Array,
    samples: Rows,
    loss_of: Callable[[float], float],
) -> tuple[Array, str | None]:
    """Return the weights that minimize cost plus penalty over all samples at once.

    Sets the records `loss_` and `n_iter_` of the model.

    The penalty is alpha / 2 times the sum of squared weights, without biases, divided by the number
    of samples or the sum of their weights. The regressor minimizes the sum over its outputs; its
    `loss_` is the mean over them, as in scikit-learn.

    Returns
    -------
    theta : (size,) array
        The weights, in a new array.
    message : str or None
        Why the solver has not converged, for a warning after the fit.

    Raises
    ------
    DataError
        If a cost or weight is not finite.
    """
    theta = theta.copy()
    weight = samples.n if samples.weight is None else float(samples.weight.sum())
    decay = model.alpha / weight
    penalized = Parameters.of(np.zeros_like(theta), description.layout)
    for W in penalized.weights:
        W[:] = decay

    def objective(point: Array) -> tuple[float, Array]:
        theta[:] = point
        cost, gradient = evaluation.cost_and_gradient(description, theta, samples.columns)
        shrink = penalized.flat * theta
        return cost + float(shrink @ theta) / 2, (gradient + shrink).astype(np.float64)

    options = {"maxfun": model.max_fun, "maxiter": model.max_iter, "gtol": model.tol}
    with blas_on_one_thread():
        result = minimize(
            objective, theta.astype(np.float64), method="L-BFGS-B", jac=True, options=options
        )
    if not (np.isfinite(result.fun) and np.isfinite(result.x).all()):
        raise DataError(
            "the solver lbfgs reached a cost or weight that is not finite",
            cure="Scale the inputs: pass standardize=True, or divide X by its largest number.",
        )
    theta[:] = result.x
    shrunk = float((penalized.flat * theta) @ theta) / 2
    model.loss_ = loss_of(result.fun - shrunk) + shrunk
    model.n_iter_ = min(int(result.nit), model.max_iter)
    if model.verbose:
        print(f"L-BFGS-B: {result.nit} iterations, loss = {model.loss_:.8f}")
    if result.success:
        return theta, None
    return theta, (
        f"lbfgs stopped after {model.n_iter_} iterations and has not converged"
        f" ({result.message}): pass a larger max_iter or tol, or standardize=True"
    )
