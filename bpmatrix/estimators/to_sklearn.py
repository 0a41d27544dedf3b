"""Fitted estimators, converted to those of `sklearn.neural_network`.

What decides the predictions has an exact counterpart or is refused. What decides only further
training is converted if scikit-learn has it; a warning names the rest.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, cast

import numpy as np
from scipy import sparse
from sklearn.preprocessing import LabelBinarizer

from bpmatrix.architecture.parameters import Layout, Parameters
from bpmatrix.array_types import Array
from bpmatrix.errors import ArgumentError, DataError
from bpmatrix.estimators import storage
from bpmatrix.estimators.descent import Momentum, SolverState
from bpmatrix.estimators.exported import Exported
from bpmatrix.estimators.fitted import views_of
from bpmatrix.estimators.labels import Labels
from bpmatrix.estimators.parameters import THEIR_ACTIVATIONS, their_name
from bpmatrix.training.optimizers import Adam

LOSSES = ("squared_error", "poisson")
OUR_RECORDS = ("validation_loss_curve_", "target_name_")


def to_sklearn(ours: Exported) -> Any:
    """Return a new fitted estimator of scikit-learn for one of ours."""
    model, kind = ours._exported(), ours._counterpart
    theirs = kind(**_their_parameters(ours, kind, model.activations))
    is_folded = model.inputs is not None or model.targets is not None
    if is_folded:
        # Products with a large mean and differences of them would lose digits in float32.
        model = replace(model, description=replace(model.description, dtype="float64"))
    with np.errstate(over="ignore", invalid="ignore"):
        weights, biases = zip(*model.layers(folded=True), strict=True)
    if not all(np.isfinite(array).all() for array in (*weights, *biases)):
        raise DataError(
            "the standardization cannot be folded into the weights: they become infinite",
            cure="Scale the columns to numbers near 1, and fit again.",
        )
    coefs, intercepts = [np.array(W.T, order="C") for W in weights], list(biases)
    theirs.__dict__.update(
        {
            name: deepcopy(getattr(ours, name))
            for name in (*storage.RECORDS, "feature_names_in_")
            if hasattr(ours, name) and name not in OUR_RECORDS
        },
        coefs_=coefs,
        intercepts_=intercepts,
        n_layers_=len(coefs) + 1,
        out_activation_=their_name(model.activations[-1]),
        # What a fit with early stopping and warm_start returns if none of its epochs is better.
        _best_coefs=deepcopy(coefs),
        _best_intercepts=deepcopy(intercepts),
    )
    labels: Labels | None = getattr(ours, "_labels", None)
    if labels is not None:
        theirs._label_binarizer = _binarizer(labels)
        theirs.classes_ = labels.classes.copy()
    state: SolverState | None = ours._optimizer
    # The moments belong to the weights before they were folded.
    if state is not None and not is_folded:
        theirs._optimizer = _their_optimizer(state, model.description.layout, coefs + intercepts)
    return theirs


def _their_parameters(ours: Exported, kind: Any, activations: Sequence[str]) -> dict[str, Any]:
    """Return the parameters that scikit-learn has; warn of others that would change training."""
    *hidden, output = activations
    if len(set(hidden)) > 1 or not set(hidden) <= set(THEIR_ACTIVATIONS.values()):
        raise ArgumentError(
            "scikit-learn has one activation function for all hidden layers, of four",
            got=", ".join(hidden),
            expected=" or ".join(THEIR_ACTIVATIONS),
            cure="Train the model with one of these.",
        )
    given = ours.get_params(deep=False)
    parameters = {name: deepcopy(given[name]) for name in kind().get_params() if name in given}
    if output == "exp" and "loss" not in parameters:
        raise ArgumentError(
            'scikit-learn before 1.7 has no loss="poisson"',
            cure='Install a newer scikit-learn, or train with loss="squared_error".',
        )
    # Without hidden layers it only scales initial weights, but must be one of the four.
    name = str(hidden[0] if hidden else given["activation"])
    parameters["activation"] = their_name(name) if their_name(name) in THEIR_ACTIVATIONS else "relu"
    lost = ["class_weight"] if given.get("class_weight") is not None else []
    lost += ["dropout"] if np.any(given["dropout"]) else []
    if given.get("loss", LOSSES[0]) not in (LOSSES if "loss" in parameters else LOSSES[:1]):
        lost.append("loss")
        parameters |= {"loss": LOSSES[0]} if "loss" in parameters else {}
    if lost:
        warnings.warn(
            f"scikit-learn has no {', '.join(f'{name}={given[name]!r}' for name in lost)}: the"
            " converted estimator predicts the same, but ignores this in further training",
            UserWarning,
            stacklevel=4,
        )
    return parameters


def _binarizer(labels: Labels) -> LabelBinarizer:
    """Return scikit-learn's encoder of the labels, fitted."""
    y = labels.classes
    if labels.kind == "multilabel-indicator":
        y = np.eye(y.size, dtype=np.int64)
    return LabelBinarizer().fit(sparse.csr_matrix(y) if labels.sparse else y)


def _their_optimizer(state: SolverState, layout: Layout, weights: list[Array]) -> Any:
    """Return scikit-learn's optimizer in the same state."""
    # Private, so a later scikit-learn may move them: only this conversion would fail.
    from sklearn.neural_network._stochastic_optimizers import (  # noqa: PLC0415
        AdamOptimizer,
        SGDOptimizer,
    )

    rate, ours = state.rate, cast("Momentum | Adam", state.optimizer_state.optimizer)
    moments = [
        [
            np.array(view, order="C")
            for part in views_of(Parameters.of(row, layout))
            for view in part
        ]
        for row in state.optimizer_state.moments
    ]
    if isinstance(ours, Adam):
        theirs = AdamOptimizer(weights, rate.first, ours.beta_1, ours.beta_2, ours.epsilon)
        theirs.ms, theirs.vs = moments
        theirs.t = state.optimizer_state.steps
        return theirs
    theirs = SGDOptimizer(weights, rate.first, rate.rule, ours.momentum, ours.nesterov, rate.power)
    theirs.learning_rate = rate.now
    if moments:  # without momentum, velocities have no effect
        (theirs.velocities,) = moments
    return theirs
