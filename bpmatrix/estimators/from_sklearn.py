"""Fitted estimators of `sklearn.neural_network`, converted to ours."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, TypeVar

import numpy as np
from sklearn import neural_network
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer

from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Layout, Parameters
from bpmatrix.array_types import Array
from bpmatrix.checks import NOT_NEGATIVE, find, real_number, whole_number
from bpmatrix.errors import ArgumentError, DataError, ShapeError
from bpmatrix.estimators import storage
from bpmatrix.estimators.descent import Momentum, Rate, SolverState, UncorrectedEpsilon
from bpmatrix.estimators.exported import Exported
from bpmatrix.estimators.fitted import views_of
from bpmatrix.estimators.labels import Labels
from bpmatrix.estimators.parameters import (
    NUMBERS,
    THEIR_ACTIVATIONS,
    WORDS,
    check_parameters,
    their_name,
)
from bpmatrix.estimators.weights import zero_parameters
from bpmatrix.samples.arrays import as_array
from bpmatrix.training.optimizers import Optimizer
from bpmatrix.training.recipe import OptimizerState

Ours = TypeVar("Ours", bound=Exported)

FIT_AGAIN = "Fit the estimator again, or restore what was changed after its fit."


def from_sklearn(kind: type[Ours], theirs: Any) -> Ours:
    """Return a new fitted estimator of ours for one of scikit-learn."""
    _check_kind(kind, theirs)
    model = kind(**deepcopy(theirs.get_params(deep=False)))
    activation = find(THEIR_ACTIVATIONS, model.activation, "activation")
    check_parameters(model)
    attributes = _records(theirs)
    coefs, intercepts = (
        [as_array(array, f"{name}[{i}]") for i, array in enumerate(getattr(theirs, name))]
        for name in ("coefs_", "intercepts_")
    )
    sizes = (attributes["n_features_in_"], *(b.size for b in intercepts))
    outputs, output, cost = sizes[-1], "identity", "quadratic"
    if isinstance(model, ClassifierMixin):
        labels = _labels(theirs)
        outputs, output, cost = labels.outputs, labels.output_activation, labels.cost
        attributes |= {"_labels": labels, "classes_": labels.classes}
    elif getattr(theirs, "out_activation_", None) == "exp":
        output, cost = "exp", "poisson"
    if hasattr(theirs, "feature_names_in_"):
        attributes["feature_names_in_"] = np.array(theirs.feature_names_in_, dtype=object)
        _check("number of feature_names_in_", attributes["feature_names_in_"].size, sizes[0])
    _check("n_layers_", getattr(theirs, "n_layers_", None), len(sizes))
    _check("n_outputs_", theirs.n_outputs_, outputs)
    _check("out_activation_", getattr(theirs, "out_activation_", None), their_name(output))
    are_float32 = all(array.dtype == np.float32 for array in (*coefs, *intercepts))
    description = Description(
        sizes,
        (*[activation] * (len(sizes) - 2), output),
        cost,
        dtype="float32" if are_float32 else "float64",
    )
    parameters = zero_parameters(description)
    _fill(parameters, [*coefs, *intercepts], "coefs_ and intercepts_")
    state = _solver_state(theirs, description.layout, parameters.flat)
    model.__dict__.update(attributes, _standardization=None, _optimizer=state)
    model._describe(description)
    model._publish(parameters)
    return model


def _check_kind(kind: type[Exported], theirs: Any) -> None:
    """Check that an object is a fitted estimator of scikit-learn, of the same kind as ours."""
    expected = kind._counterpart
    if type(theirs) is not expected:
        name = type(theirs).__name__
        cure = "Pass the network itself: pipeline[-1], or search.best_estimator_."
        if type(theirs) in {neural_network.MLPClassifier, neural_network.MLPRegressor}:
            cure = f"Use bpmatrix.{name}.from_sklearn."
        elif isinstance(theirs, expected):
            cure = (
                "If it predicts as its base class does, copy it into one:"
                f" plain = sklearn.neural_network.{expected.__name__}();"
                " vars(plain).update(vars(estimator))."
            )
        raise ArgumentError(
            "from_sklearn converts the estimators of sklearn.neural_network",
            got=f"{type(theirs).__module__}.{name}",
            expected=expected.__name__,
            cure=cure,
        )
    weights = getattr(theirs, "coefs_", None), getattr(theirs, "intercepts_", None)
    if not all(isinstance(arrays, list | tuple) for arrays in weights):
        raise ArgumentError(
            "from_sklearn converts fitted estimators, and this one has no weights",
            cure="Fit it first. For a new one with the same parameters:"
            f" bpmatrix.{expected.__name__}(**estimator.get_params()).",
        )


def _records(theirs: Any) -> dict[str, Any]:
    """Return the records of a fit, checked, as copies without types of NumPy."""
    records = {}
    for name, fits in storage.RECORDS.items():
        if hasattr(theirs, name) or name in storage.ALWAYS:
            records[name] = storage.from_json(storage.to_json(getattr(theirs, name, None)))
            if not fits(records[name]):
                raise DataError(
                    f"{name} of the estimator is missing or not valid",
                    got=repr(getattr(theirs, name, None)),
                    cure=FIT_AGAIN,
                )
    if "loss_curve_" in records:  # the solver has epochs
        records.setdefault("validation_loss_curve_", None)
    return records


def _labels(theirs: Any) -> Labels:
    binarizer: Any = getattr(theirs, "_label_binarizer", None)
    _check("_label_binarizer", type(binarizer).__name__, LabelBinarizer.__name__)
    classes: Array = binarizer.classes_.copy()
    given: Any = getattr(theirs, "classes_", ())
    _check("classes_", np.asarray(given).tolist(), np.unique(classes).tolist())
    if binarizer.y_type_.startswith("multilabel"):
        kind = "multilabel-indicator"
    else:
        kind = "multiclass" if classes.size > 2 else "binary"
    return Labels(classes, kind, bool(binarizer.sparse_input_))


def _check(name: str, found: object, expected: object) -> None:
    """Check an attribute that follows from the others."""
    if found != expected:
        raise DataError(
            f"the {name} of the estimator does not fit its other attributes",
            got=repr(found),
            expected=repr(expected),
            cure=FIT_AGAIN,
        )


def _fill(parameters: Parameters, arrays: Any, name: str) -> None:
    """Copy the arrays of the weights, then those of the biases, into a vector of zeros."""
    views = [view for views in views_of(parameters) for view in views]
    are_listed = isinstance(arrays, list | tuple)
    numbers = [
        as_array(array, f"{name}[{i}]") for i, array in enumerate(arrays if are_listed else ())
    ]
    shapes, expected = [[array.shape for array in several] for several in (numbers, views)]
    if shapes != expected:
        raise ShapeError(
            f"{name} of the estimator do not fit its other attributes",
            got=f"shapes {shapes}",
            expected=f"{expected}",
            cure=FIT_AGAIN,
        )
    for array, view in zip(numbers, views, strict=True):
        view[:] = array
    if not np.isfinite(parameters.flat).all():
        raise DataError(
            f"{name} of the estimator are not all finite numbers",
            cure="Fit it again with a lower learning rate, or with scaled inputs.",
        )


def _solver_state(theirs: Any, layout: Layout, theta: Array) -> SolverState | None:
    """Return what `partial_fit` continues with; None if the estimator has no optimizer."""
    # Private, so a later scikit-learn may move them: only this conversion would fail.
    from sklearn.neural_network._stochastic_optimizers import (  # noqa: PLC0415
        AdamOptimizer,
        SGDOptimizer,
    )

    given = getattr(theirs, "_optimizer", None)
    if given is None or theirs.solver == "lbfgs":  # then it may be that of an earlier fit
        return None

    kind = type(given)
    if kind not in {SGDOptimizer, AdamOptimizer} or vars(given).keys() != vars(kind(())).keys():
        raise ArgumentError(
            "the estimator has an optimizer that is not scikit-learn's, or incomplete",
            got=kind.__name__,
            expected="SGDOptimizer or AdamOptimizer, with all attributes",
            cure="Delete it to continue with a new one: del estimator._optimizer.",
        )

    def number(name: str) -> float:
        return real_number(getattr(given, name), f"{name} of the optimizer", *NUMBERS[name])

    first = number("learning_rate_init")
    optimizer: Optimizer
    if kind is SGDOptimizer:
        rule, now = given.lr_schedule, given.learning_rate
        find(dict.fromkeys(WORDS["learning_rate"]), rule, "learning_rate of the optimizer")
        now = real_number(now, "learning_rate of the optimizer", *NOT_NEGATIVE)
        rate, steps, moments = Rate(first, rule, number("power_t"), now), 0, ["velocities"]
        optimizer = Momentum(first, number("momentum"), bool(given.nesterov))
    else:
        rate = Rate(first, "constant", theirs.power_t, now=first)
        steps, moments = whole_number(given.t, "t of the optimizer", least=0), ["ms", "vs"]
        optimizer = UncorrectedEpsilon(first, *map(number, ("beta_1", "beta_2", "epsilon")))
    state = OptimizerState.fresh(optimizer, theta)
    state.steps = steps
    for row, name in zip(state.moments, moments, strict=False):  # without momentum there is no row
        _fill(Parameters.of(row, layout), getattr(given, name), name)
    return SolverState(rate, state)
