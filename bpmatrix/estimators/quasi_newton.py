"""The solver "lbfgs": SciPy's L-BFGS-B on the flat vector of parameters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import penalties
from bpmatrix.array_types import Array
from bpmatrix.errors import DataError
from bpmatrix.estimators.fitted import Fitted
from bpmatrix.estimators.rows import Rows
from bpmatrix.training.quasi_newton import minimize_cost


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
    weight = samples.n if samples.weight is None else float(samples.weight.sum())
    decay = model.alpha / weight
    result = minimize_cost(
        description, theta, samples.columns, decay,
        maxfun=model.max_fun, maxiter=model.max_iter, gtol=model.tol,
    )  # fmt: skip
    if not (np.isfinite(result.fun) and np.isfinite(result.x).all()):
        raise DataError(
            "the solver lbfgs reached a cost or weight that is not finite",
            cure="Scale the inputs: pass standardize=True, or divide X by its largest number.",
        )
    theta = result.x.astype(theta.dtype)
    shrunk = float((penalties(description.layout, decay, theta.dtype.name) * theta) @ theta) / 2
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
