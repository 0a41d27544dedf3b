"""Kernels by themselves, called from Python."""

from typing import Any

from numpy.typing import NDArray

from bpmatrix.kernels.codes import SIGMOID
from bpmatrix.kernels.elementwise import activate, times_sigma_prime
from bpmatrix.kernels.machine.instructions import at, convert
from bpmatrix.kernels.machine.jit import kernel, program
from bpmatrix.kernels.products.products import descend, pull_back, weighted_input
from bpmatrix.kernels.views import Lines, Scratch


@kernel
def line(array: NDArray[Any]) -> Lines:
    """Return a vector as one line."""
    return Lines(at(array, 0, array.size), 1, array.size, array.size)


@kernel
def lines(array: NDArray[Any]) -> Lines:
    """Return the rows of a C-ordered matrix as lines."""
    return Lines(at(array, 0, array.size), array.shape[0], array.shape[1], array.shape[1])


@program
def sigmoid(z: NDArray[Any], a: NDArray[Any]) -> None:
    """Compute a = sigma(z) as the engine does."""
    activate(SIGMOID, line(z), line(a))


@program
def activation(sigma: int, z: NDArray[Any], a: NDArray[Any]) -> None:
    """Compute a = sigma(z), each row by itself where sigma is softmax."""
    activate(sigma, lines(z), lines(a))


@program
def derivative(sigma: int, z: NDArray[Any], a: NDArray[Any], delta: NDArray[Any]) -> None:
    """Compute delta <- delta * sigma'(z)."""
    times_sigma_prime(sigma, lines(z), lines(a), lines(delta))


@program
def forward(
    W: NDArray[Any], a: NDArray[Any], b: NDArray[Any], z: NDArray[Any],
    scratch: NDArray[Any], panel: int,
) -> None:  # fmt: skip
    """Compute z = W a + b; samples are rows here."""
    weighted_input(lines(W), lines(a), line(b), lines(z), _scratch(scratch, panel))


@program
def backward(
    W: NDArray[Any], delta: NDArray[Any], below: NDArray[Any], scratch: NDArray[Any], panel: int
) -> None:
    """Compute W^T delta."""
    pull_back(lines(W), lines(delta), lines(below), _scratch(scratch, panel))


@program
def update(
    delta: NDArray[Any], a: NDArray[Any], W: NDArray[Any], scratch: NDArray[Any], panel: int
) -> None:
    """Compute W <- W - 1e-9 delta a^T."""
    C = lines(W)
    keep, scale = convert(1.0, C.start), convert(-1e-9, C.start)
    descend(lines(delta), lines(a), keep, scale, C, _scratch(scratch, panel))


@kernel
def _scratch(memory: NDArray[Any], panel: int) -> Scratch:
    """Return the panel and the sums of a thread."""
    return Scratch(at(memory, 0, panel), at(memory, panel, memory.size - panel))
