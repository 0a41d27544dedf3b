"""Initial weights, drawn as in scikit-learn, so that a seed gives the same network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bpmatrix.architecture.activations import OwnActivation
from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.engine.memory import aligned_zeros


def zero_parameters(description: Description) -> Parameters:
    """Return parameters that are all 0."""
    zeros = aligned_zeros(description.layout.size, description.dtype)
    return Parameters.of(zeros, description.layout)


def initial_parameters(
    description: Description,
    activations: Sequence[str | OwnActivation],
    random_state: np.random.RandomState,
) -> Parameters:
    """Draw weights and biases uniformly: Glorot & Bengio 2010, with factor 2 for "logistic".

    Parameters
    ----------
    description : Description
        The network.
    activations : sequence of str or OwnActivation
        The activation function for which each layer is drawn.
    random_state : numpy.random.RandomState
        The generator; it draws float64 for any type of network.
    """
    parameters = zero_parameters(description)
    for name, W, b in zip(activations, parameters.weights, parameters.biases, strict=True):
        n_out, n_in = W.shape
        bound = np.sqrt((2.0 if name == "sigmoid" else 6.0) / (n_in + n_out))
        W[:] = random_state.uniform(-bound, bound, (n_in, n_out)).T
        b[:, 0] = random_state.uniform(-bound, bound, n_out)
    return parameters
