"""The network: a description plus one flat vector of parameters."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.architecture.activations import OwnActivation
from bpmatrix.architecture.costs import AnyCost
from bpmatrix.architecture.description import Description, checked_sizes, choose_activations
from bpmatrix.architecture.initializers import draw_parameters
from bpmatrix.checks import whole_number
from bpmatrix.storage import persistence
from bpmatrix.trainable import Trainable
from bpmatrix.training.course import Course

__all__ = ["Network"]

Array = NDArray[Any]


class Network(Trainable):
    """A multilayer perceptron whose samples are the columns of a matrix.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer, inputs first: ``[784, 30, 10]``.
    activation : str, OwnActivation or sequence of them, default "sigmoid"
        ``"sigmoid"``, ``"tanh"``, ``"relu"``, ``"leaky_relu"`` (slope 0.01 below 0), ``"elu"``
        (alpha 1), ``"gelu"`` (the exact one), ``"silu"``, ``"softplus"``, ``"exp"`` or
        ``"identity"``: one for all layers, or one for each layer after the inputs (for each hidden
        layer, if `output` is given).
    output : str or OwnActivation, optional
        The activation function of the last layer; also ``"softmax"``. None chooses what belongs to
        the cost: sigmoid for cross-entropy, softmax for log-likelihood, exp for poisson, for the
        quadratic cost sigmoid or tanh where the other layers have it, else identity.
    cost : str, Huber, Quantile or OwnCost, default "cross_entropy"
        Summed over the outputs of a sample. ``"cross_entropy"``, for one class or several
        independent ones, takes a sigmoid output, ``"log_likelihood"`` softmax, ``"poisson"`` exp:
        the output is the rate of a count, the cost half the deviance, a - y + y ln(y / a).
        ``"quadratic"``, ``"absolute"``, ``"huber"`` (see `Huber`) and ``"quantile"`` (see
        `Quantile`) take any element-wise output.
    initializer : str, optional
        ``"standard_normal"``, ``"scaled_normal"``, ``"glorot"``, ``"he"`` or ``"lecun"``. None
        takes he for ReLU and its relatives, scaled_normal for the others. Arrays of your own go in
        through ``weights[i][:] = ...`` and ``biases[i][:] = ...``.
    input_scale : float, optional
        A factor on every input, part of the model and saved with it. None means 1.
    bias : bool, default True
        Whether the layers have biases.
    dtype : str, default "float64"
        ``"float64"`` or ``"float32"``.
    seed : int, optional
        Drives the first weights and the order of the samples. None draws one, kept in `seed`.

    Raises
    ------
    ArgumentError
        If the arguments describe no network.

    Examples
    --------
    >>> net = Network([2, 3, 1], seed=1)
    >>> net
    Network([2, 3, 1], sigmoid-sigmoid, cross_entropy, float64, 13 parameters)
    >>> net.feedforward([[0.0, 1.0], [1.0, 0.0]]).shape
    (1, 2)
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        activation: str | OwnActivation | Sequence[str | OwnActivation] = "sigmoid",
        output: str | OwnActivation | None = None,
        cost: AnyCost = "cross_entropy",
        initializer: str | None = None,
        input_scale: float | None = None,
        bias: bool = True,
        dtype: str = "float64",
        seed: int | None = None,
    ) -> None:
        sizes = checked_sizes(sizes)
        description = Description(
            sizes,
            choose_activations(len(sizes) - 1, activation, output, cost),
            cost,
            1.0 if input_scale is None else input_scale,
            bias,
            dtype,
        )
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1)[0])
        seed = whole_number(seed, "seed", least=0)
        first, order = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
        theta = np.empty(description.layout.size, description.dtype)
        self.__setstate__(_state(description, theta, Course(seed, order), []))
        names = [str(name) for name in description.activations]
        draw_parameters(self._parameters, names, initializer, first)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to one .safetensors file: all of it or, on an error, nothing.

        The file holds weights, biases, description, the stream of permutations and how the network
        was trained (`docs/file-format.md`).

        Raises
        ------
        ArgumentError
            If the network has functions of the user's own, which no file could hold.
        DataError
            If a parameter is not finite.
        OSError
            If the file cannot be written.
        """
        persistence.save(path, self._description, self._parameters, self._course, self._trained)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Network:
        """Return the network that `save` wrote. Nothing in the file is ever executed.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ModelFileError
            If it is damaged or no network of bpmatrix.

        Examples
        --------
        >>> import tempfile
        >>> net = Network([2, 3, 1], seed=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.save(f"{folder}/net.safetensors")
        ...     same = Network.load(f"{folder}/net.safetensors")
        >>> bool((same.parameters == net.parameters).all())
        True
        """
        network = cls.__new__(cls)
        network.__setstate__(_state(*persistence.load(path)))
        return network

    def __repr__(self) -> str:
        """Show what the network is, in one line."""
        d, count = self._description, self.parameters.size
        functions = "-".join(map(str, d.activations))
        return f"Network({list(d.sizes)}, {functions}, {d.cost}, {d.dtype}, {count} parameters)"


def _state(
    description: Description, theta: Array, course: Course, trained: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return what makes up a network, as it is copied and pickled."""
    return {
        "_description": description,
        "_parameters": theta,
        "_course": course,
        "_trained": trained,
    }
