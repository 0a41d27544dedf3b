"""A kernel by itself, called from Python."""

from typing import Any

from numpy.typing import NDArray

from bpmatrix.kernels.codes import SIGMOID
from bpmatrix.kernels.elementwise import activate
from bpmatrix.kernels.instructions import at
from bpmatrix.kernels.jit import program
from bpmatrix.kernels.views import Lines


@program
def sigmoid(z: NDArray[Any], a: NDArray[Any]) -> None:
    """Compute a = sigma(z) as the engine does."""
    n = a.size
    activate(SIGMOID, Lines(at(z, 0, n), 1, n, n), Lines(at(a, 0, n), 1, n, n))
