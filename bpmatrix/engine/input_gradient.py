"""The gradient of a cost or an output with respect to the inputs, for any samples."""

from __future__ import annotations

import numpy as np

from bpmatrix.architecture.description import Description
from bpmatrix.array_types import Array
from bpmatrix.checks import whole_number
from bpmatrix.engine.evaluation import NO_TARGETS, call_for_columns, writable
from bpmatrix.engine.workspace import input_columns, target_columns
from bpmatrix.errors import ArgumentError
from bpmatrix.kernels.arguments import InputGradient
from bpmatrix.samples.arrays import Targets


def input_gradient(description: Description, theta: Array, X: Array, of: Targets | int) -> Array:
    """Return the gradient (n_0, n) with respect to the columns of X, one per sample.

    Parameters
    ----------
    description, theta : Description, array
        The network.
    X : (n_0, n) array
        Inputs that passed `as_columns`.
    of : Targets or int
        Targets for the gradient of each sample's cost, or the index of an output unit for the
        gradient of its activation.
    """
    n_0, n = X.shape
    result = np.empty(n * n_0, description.dtype)
    given = InputGradient(
        theta=writable(theta),
        X=input_columns(X, description.input_scale),
        Y=target_columns(of) if isinstance(of, Targets) else NO_TARGETS,
        output=-1 if isinstance(of, Targets) else of,
        gradient=result,
    )
    call_for_columns("input_gradient", description, n, given, passes=2)
    result *= description.input_scale  # the last factor of the chain rule
    return result.reshape(n, n_0).T


def checked_output(output: object, n_outputs: int) -> int:
    """Return the index of an output unit.

    Raises
    ------
    ArgumentError
        If there is no such unit.

    Examples
    --------
    >>> checked_output(9, 10)
    9
    """
    k = whole_number(output, "output", least=0)
    if k >= n_outputs:
        raise ArgumentError(
            "there is no such output",
            got=k,
            expected=f"0 to {n_outputs - 1}, since the network has {n_outputs}",
        )
    return k
