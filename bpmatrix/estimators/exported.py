"""The part of an estimator that describes it to other formats."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sklearn.utils.validation import check_is_fitted

from bpmatrix.estimators.gate import Gate
from bpmatrix.estimators.labels import Labels
from bpmatrix.estimators.standardization import Standardization
from bpmatrix.exchange.exports import Exports
from bpmatrix.exchange.model import Model, Scaling
from bpmatrix.exchange.sklearn_onnx import convert, declare_outputs, set_output_types


class Exported(Gate, Exports):
    """A fitted estimator as plain arrays."""

    _y_standardization: Standardization | None = None

    def _exported(self) -> Model:
        check_is_fitted(self)
        self._adopt_public_weights()
        labels: Labels | None = getattr(self, "_labels", None)
        names = getattr(self, "feature_names_in_", None)
        return Model(
            self._description,
            self._parameters,
            kind="regressor" if labels is None else labels.kind,
            classes=None if labels is None else labels.classes,
            inputs=_scaling(self._standardization),
            targets=_scaling(self._y_standardization),
            feature_names=None if names is None else tuple(map(str, names)),
        )

    # skl2onnx calls these three; each returns a function. It looks for the options that users may
    # pass by the name of a converter of its own, of which zipmap=False is in many programs.

    alias = "SklearnMLPClassifier"

    def onnx_parser(self) -> Callable[..., Any]:
        """Return the function with which skl2onnx declares the outputs."""
        exported = self._exported()
        return lambda scope=None, inputs=None: declare_outputs(exported, scope, inputs)

    def onnx_shape_calculator(self) -> Callable[[Any], None]:
        """Return the function with which skl2onnx sets types and shapes of the outputs."""
        return partial(set_output_types, self._exported())

    def onnx_converter(self) -> Callable[[Any, Any, Any], None]:
        """Return the function with which skl2onnx converts the estimator."""
        return partial(convert, self._exported())


def _scaling(found: Standardization | None) -> Scaling | None:
    return None if found is None else Scaling(found.mean, found.scale)
