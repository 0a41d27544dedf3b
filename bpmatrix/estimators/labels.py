"""Class labels of any kind, encoded for the engine and decoded again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from bpmatrix.array_types import Array
from bpmatrix.errors import ArgumentError, DataError
from bpmatrix.samples.arrays import Targets
from bpmatrix.samples.weighting import checked_factors


@dataclass(frozen=True, eq=False)
class Labels:
    """The classes of a classifier, and how they are encoded in the network's outputs.

    Two classes have one sigmoid output, more classes a softmax output each, and multilabel targets
    a sigmoid output per label.

    Attributes
    ----------
    classes : (n_classes,) array
        In the order of the outputs.
    kind : {"binary", "multiclass", "multilabel-indicator"}
        As scikit-learn calls it.
    sparse : bool
        Whether the labels are a sparse matrix, in y and in predictions.
    """

    classes: Array
    kind: str
    sparse: bool = False

    @classmethod
    def of(cls, y: Any) -> Labels:
        """Create from labels; the classes are sorted.

        Raises
        ------
        ValueError
            If `y` is not a classification target: scikit-learn's error.
        """
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            raise DataError(
                "y has several outputs with several classes each",
                expected="labels (n,), or an indicator matrix of 0 and 1",
                cure="Use sklearn.multioutput.MultiOutputClassifier, or one-hot columns.",
            )
        classes = np.asarray(unique_labels(y))
        if kind != "multilabel-indicator":
            # As in scikit-learn, the classes decide, since y may hold only some of them.
            kind = "multiclass" if classes.size > 2 else "binary"
        return cls(classes, kind, sparse.issparse(y))

    @classmethod
    def of_all(cls, y: Any, classes: Any) -> Labels:
        """Create from all classes; the labels `y` may hold only some of them.

        Raises
        ------
        ArgumentError
            If `y` is an indicator matrix, and the classes are not its column indices.
        """
        if not type_of_target(y).startswith("multilabel"):
            return cls.of(classes)
        labels = cls.of(y)
        if not np.array_equal(np.unique(classes), labels.classes):
            raise ArgumentError(
                "classes must be the column indices of the indicator matrix y",
                got=repr(classes),
                expected=f"0 to {labels.classes.size - 1}",
                cure=f"Pass classes=range({labels.classes.size}).",
            )
        return labels

    @property
    def outputs(self) -> int:
        """The number of outputs."""
        return 1 if self.kind == "binary" else int(self.classes.size)

    @property
    def output_activation(self) -> str:
        """The engine's name of the output activation function."""
        return "softmax" if self.kind == "multiclass" else "sigmoid"

    @property
    def cost(self) -> str:
        """The engine's name of the cost, the negative log-likelihood."""
        return "log_likelihood" if self.kind == "multiclass" else "cross_entropy"

    def encode(self, y: Any) -> Array:
        """Return the index of each label in the classes, or the indicator matrix.

        Raises
        ------
        DataError
            If a label is not one of the classes.
        """
        if self.kind == "multilabel-indicator":
            table = y.toarray() if sparse.issparse(y) else np.asarray(y)
            if table.ndim != 2 or table.shape[1] != self.classes.size:
                raise DataError(
                    "y must be an indicator matrix with one column per label",
                    got=f"shape {table.shape}",
                    expected=f"(n, {self.classes.size})",
                )
            return np.ascontiguousarray(table != 0, dtype=np.uint8)
        if y.ndim != 1:
            raise DataError(
                "y is an indicator matrix, but the network was fitted to labels",
                got=f"shape {y.shape}",
                expected="(n,)",
                cure="Pass labels, or call fit again.",
            )
        places = np.asarray(np.searchsorted(self.classes, y), np.int64)
        known = self.classes[np.minimum(places, self.classes.size - 1)] == y
        if not known.all():
            unknown = unique_labels(y[~known])
            raise DataError(
                f"y has {unknown.size} unknown classes",
                got=", ".join(map(repr, unknown[:3].tolist())),
                expected=f"classes_: {', '.join(map(repr, self.classes[:10].tolist()))}",
                cure="Drop these samples, train on samples of these classes, too, or pass all"
                " classes to the first call of partial_fit.",
            )
        return places

    def factors(self, class_weight: Any, encoded: Array, weight: Array | None) -> Array:
        """Return the weight of each class.

        Parameters
        ----------
        class_weight : mapping or "balanced"
            The classifier's parameter; a class that is not in the mapping has weight 1.
        encoded, weight : (n,) arrays
            The training labels, for "balanced", and the sample weights or None.

        Raises
        ------
        ArgumentError
            If it is neither, names unknown classes, or the targets are multilabel.
        """
        if self.kind == "multilabel-indicator":
            raise ArgumentError(
                "class_weight does not apply to samples with several labels",
                cure="Pass sample_weight, or class_weight=None.",
            )
        sums = np.bincount(encoded, weight, minlength=self.classes.size)
        classes = self.classes.tolist()
        return checked_factors(class_weight, sums, classes, classes)

    def targets(self, encoded: Array) -> Targets:
        """Return encoded labels in the engine's form."""
        if self.kind == "multiclass":
            return Targets(encoded, are_labels=True, are_classes=True)
        if self.kind == "binary":
            return Targets(encoded.astype(np.uint8)[None, :], are_labels=False, are_classes=True)
        return Targets(encoded.T, are_labels=False, are_classes=False)

    def encoded(self, targets: Targets) -> Array:
        """Return encoded labels: the inverse of `targets`."""
        if self.kind == "binary":
            return np.asarray(targets.array[0])
        return targets.array if targets.are_labels else targets.array.T

    def predicted(self, outputs: Array) -> Array:
        """Return the encoded labels predicted by outputs (n, n_L)."""
        if self.kind == "multiclass":
            return np.asarray(outputs.argmax(axis=1), np.int64)
        above = outputs > 0.5
        if self.kind == "binary":
            return np.asarray(above[:, 0] & (self.classes.size > 1), np.int64)
        return np.asarray(above, np.uint8)

    def decode(self, encoded: Array) -> Any:
        """Return the labels for encoded ones."""
        if self.kind != "multilabel-indicator":
            return self.classes[encoded]
        table = encoded.astype(np.int64)
        return sparse.csr_matrix(table) if self.sparse else table

    def hits(self, outputs: Array, encoded: Array) -> NDArray[np.bool_]:
        """Return which samples are predicted correctly; multilabel ones with all their labels."""
        right = np.asarray(self.predicted(outputs) == encoded)
        return np.asarray(right if right.ndim == 1 else right.all(axis=1))
