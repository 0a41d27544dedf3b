"""Class labels of any kind as what the engine learns, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from bpmatrix.checks import real_number
from bpmatrix.errors import ArgumentError, DataError
from bpmatrix.samples.arrays import Targets
from bpmatrix.samples.weighting import balanced

__all__ = ["Labels"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Labels:
    """The classes of a classification, and how the outputs of a network name them.

    Two classes have one sigmoid output, more have a softmax over as many outputs, and labels that a
    sample may have several of have a sigmoid output each.

    Attributes
    ----------
    classes : (n_classes,) array
        In the order of the outputs.
    kind : {"binary", "multiclass", "multilabel-indicator"}
        As scikit-learn calls it.
    sparse : bool
        Whether the labels came as a sparse matrix, and are given back as one.
    """

    classes: Array
    kind: str
    sparse: bool = False

    @classmethod
    def of(cls, y: Any) -> Labels:
        """Take the classes from labels, sorted.

        Raises
        ------
        ValueError
            If `y` holds no classes: scikit-learn's error.
        """
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            raise DataError(
                "y holds several outputs of several classes each",
                expected="labels (n,), or an indicator matrix of 0 and 1",
                cure="Use sklearn.multioutput.MultiOutputClassifier, or one-hot columns.",
            )
        classes = np.asarray(unique_labels(y))
        if kind != "multilabel-indicator":
            # As scikit-learn: the classes decide, so that y may hold some of them only.
            kind = "multiclass" if classes.size > 2 else "binary"
        return cls(classes, kind, sparse.issparse(y))

    @classmethod
    def of_all(cls, y: Any, classes: Any) -> Labels:
        """Take the classes that are named, of which labels may hold some.

        Raises
        ------
        ArgumentError
            If `y` is an indicator matrix, and the classes are not those of its columns.
        """
        if not type_of_target(y).startswith("multilabel"):
            return cls.of(classes)
        labels = cls.of(y)
        if not np.array_equal(np.unique(classes), labels.classes):
            raise ArgumentError(
                "classes does not name the columns of the indicator matrix y",
                got=repr(classes),
                expected=f"0 to {labels.classes.size - 1}",
                cure=f"Pass classes=range({labels.classes.size}).",
            )
        return labels

    @property
    def outputs(self) -> int:
        """How many outputs name them."""
        return 1 if self.kind == "binary" else int(self.classes.size)

    @property
    def output_activation(self) -> str:
        """The engine's name of the activation function of the outputs."""
        return "softmax" if self.kind == "multiclass" else "sigmoid"

    @property
    def cost(self) -> str:
        """The engine's name of the cost: the negative logarithm of the likelihood."""
        return "log_likelihood" if self.kind == "multiclass" else "cross_entropy"

    def encode(self, y: Any) -> Array:
        """Return the position of each label among the classes, or the indicator matrix.

        Raises
        ------
        DataError
            If a label is none of the classes.
        """
        if self.kind == "multilabel-indicator":
            table = y.toarray() if sparse.issparse(y) else np.asarray(y)
            if table.ndim != 2 or table.shape[1] != self.classes.size:
                raise DataError(
                    "y is no indicator matrix of the labels",
                    got=f"shape {table.shape}",
                    expected=f"(n, {self.classes.size})",
                )
            return np.ascontiguousarray(table != 0, dtype=np.uint8)
        if y.ndim != 1:
            raise DataError(
                "y is an indicator matrix, where the network has learned labels",
                got=f"shape {y.shape}",
                expected="(n,)",
                cure="Pass labels, or fit anew.",
            )
        places = np.asarray(np.searchsorted(self.classes, y), np.int64)
        known = self.classes[np.minimum(places, self.classes.size - 1)] == y
        if not known.all():
            unknown = unique_labels(y[~known])
            raise DataError(
                f"y has {unknown.size} classes that the network has no output for",
                got=", ".join(map(repr, unknown[:3].tolist())),
                expected=f"those of classes_: {', '.join(map(repr, self.classes[:10].tolist()))}",
                cure="Leave these samples out, train with samples of these classes, too, or name"
                " all classes in the first call of partial_fit.",
            )
        return places

    def factors(self, class_weight: Any, encoded: Array, weight: Array | None) -> Array:
        """Return what a sample of each class counts.

        Parameters
        ----------
        class_weight : mapping or "balanced"
            As the classifier takes it; 1 for a class that is not named.
        encoded, weight : (n,) arrays
            The training's labels, for "balanced", and the weights of its samples or None.

        Raises
        ------
        ArgumentError
            If it is no such thing, names other classes, or a sample may have several labels.
        """
        if self.kind == "multilabel-indicator":
            raise ArgumentError(
                "class_weight has no meaning where a sample has several labels",
                cure="Pass sample_weight, or class_weight=None.",
            )
        if isinstance(class_weight, str) and class_weight == "balanced":
            return balanced(np.bincount(encoded, weight, minlength=self.classes.size))
        if not isinstance(class_weight, Mapping):
            raise ArgumentError(
                "class_weight is none", got=repr(class_weight), expected='"balanced" or a mapping'
            )
        classes = self.classes.tolist()
        unknown = [name for name in class_weight if name not in classes]
        if unknown:
            raise ArgumentError(
                "class_weight names classes that y does not have",
                got=", ".join(map(repr, unknown[:10])),
                expected=", ".join(map(repr, classes[:10])),
            )
        return np.array([
            real_number(
                class_weight.get(name, 1), f"the weight of class {name!r}",
                "a finite number, 0 or more", lambda weight: weight >= 0,
            )
            for name in classes
        ])  # fmt: skip

    def targets(self, encoded: Array) -> Targets:
        """Return encoded labels as the engine takes them."""
        if self.kind == "multiclass":
            return Targets(encoded, are_labels=True, are_classes=True)
        if self.kind == "binary":
            return Targets(encoded.astype(np.uint8)[None, :], are_labels=False, are_classes=True)
        return Targets(encoded.T, are_labels=False, are_classes=False)

    def named(self, outputs: Array) -> Array:
        """Return what outputs (n, n_L) name, encoded."""
        if self.kind == "multiclass":
            return np.asarray(outputs.argmax(axis=1), np.int64)
        above = outputs > 0.5
        if self.kind == "binary":
            return np.asarray(above[:, 0] & (self.classes.size > 1), np.int64)
        return np.asarray(above, np.uint8)

    def decode(self, encoded: Array) -> Any:
        """Return the labels that were encoded."""
        if self.kind != "multilabel-indicator":
            return self.classes[encoded]
        table = encoded.astype(np.int64)
        return sparse.csr_matrix(table) if self.sparse else table

    def hits(self, outputs: Array, encoded: Array) -> NDArray[np.bool_]:
        """Return which samples are named right, with all their labels where there are several."""
        right = np.asarray(self.named(outputs) == encoded)
        return np.asarray(right if right.ndim == 1 else right.all(axis=1))
