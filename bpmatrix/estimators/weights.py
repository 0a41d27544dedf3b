"""The first weights, drawn as scikit-learn draws them, so that one seed gives one network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bpmatrix.architecture.activations import OwnActivation
from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.engine.memory import aligned_zeros

__all__ = ["first_parameters", "no_parameters"]


def no_parameters(description: Description) -> Parameters:
    """Return weights and biases that are all 0."""
    zeros = aligned_zeros(description.layout.size, description.dtype)
    return Parameters.of(zeros, description.layout)


def first_parameters(
    description: Description,
    activations: Sequence[str | OwnActivation],
    random_state: np.random.RandomState,
) -> Parameters:
    """Draw weights and biases uniformly: Glorot & Bengio 2010, with factor 2 before a logistic.

    Parameters
    ----------
    description : Description
        The network.
    activations : sequence of str or OwnActivation
        The activation function that each layer is drawn for.
    random_state : numpy.random.RandomState
        What draws; in float64 whatever the type of the network.
    """
    parameters = no_parameters(description)
    for name, W, b in zip(activations, parameters.weights, parameters.biases, strict=True):
        n_out, n_in = W.shape
        bound = np.sqrt((2.0 if name == "sigmoid" else 6.0) / (n_in + n_out))
        W[:] = random_state.uniform(-bound, bound, (n_in, n_out)).T
        b[:, 0] = random_state.uniform(-bound, bound, n_out)
    return parameters
