"""What the inputs do to a cost or an output: the gradient by them, of any samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.architecture.description import Description
from bpmatrix.checks import whole_number
from bpmatrix.engine.compilation import load_program
from bpmatrix.engine.evaluation import COLUMNS_AT_A_TIME, MULTIPLICATIONS_PER_CALL, NO_TARGETS
from bpmatrix.engine.processors import threads_worth_starting
from bpmatrix.engine.threads import CALLED_OFF, run_together
from bpmatrix.engine.workspace import input_columns, target_columns, workspace
from bpmatrix.errors import ArgumentError
from bpmatrix.samples.arrays import Targets

__all__ = ["checked_output", "input_gradient"]

Array = NDArray[Any]


def input_gradient(description: Description, theta: Array, X: Array, of: Targets | int) -> Array:
    """Return the gradient (n_0, n) by the columns of X, each sample's own.

    Parameters
    ----------
    description, theta : Description, array
        The network.
    X : (n_0, n) array
        Inputs as they leave the gate.
    of : Targets or int
        Targets, for the gradient of each sample's cost; or the number of an output unit, for that
        of its activation.
    """
    program = load_program("input_gradient", description.dtype)
    if not theta.flags.writeable:
        theta = theta.copy()  # numba would compile the program anew for an array of another kind
    (n_0, n), output = X.shape, -1 if isinstance(of, Targets) else of
    data = input_columns(X, description.input_scale)
    Y = target_columns(of) if isinstance(of, Targets) else NO_TARGETS
    result = np.empty(n * n_0, description.dtype)
    work_of_a_column = 2 * description.layout.size
    threads = threads_worth_starting(n * work_of_a_column)
    columns = min(n, COLUMNS_AT_A_TIME)
    step = columns * max(1, MULTIPLICATIONS_PER_CALL // (work_of_a_column * columns))

    def share(t: int, control: Array) -> None:
        table, work = workspace(description, columns)
        last = n * (t + 1) // threads
        for start in range(n * t // threads, last, step):
            if control[CALLED_OFF] == 0:
                stop = min(last, start + step)
                program(table, theta, work, data, Y, output, start, stop, result)

    run_together(threads, share)
    result *= description.input_scale  # the inputs' own units: the chain rule's last factor
    return result.reshape(n, n_0).T


def checked_output(output: object, n_outputs: int) -> int:
    """Return the number of an output unit.

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
