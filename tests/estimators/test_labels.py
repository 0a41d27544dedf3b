"""Labels that a classifier accepts, and errors for those that it rejects."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the estimators need scikit-learn")

from sklearn.preprocessing import OneHotEncoder

from bpmatrix import MLPClassifier
from bpmatrix.errors import ArgumentError, DataError

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")

RNG = np.random.default_rng(8)
X = RNG.standard_normal((40, 3))
LABELS = np.array(["flute", "oboe", "viola"])[np.arange(40) % 3]
TABLE = (RNG.random((40, 4)) < 0.4).astype(int)
SMALL = {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 1}


@pytest.mark.parametrize("classes", [[0, 1, 2], [0, 1, 2, 3, 4], [1, 2, 3, 4], list("abcd")])
def test_classes_that_are_not_the_columns_are_rejected(classes):
    model = MLPClassifier(**SMALL)
    with pytest.raises(ArgumentError, match=r"column indices of the indicator.*expected 0 to 3"):
        model.partial_fit(X, TABLE, classes=classes)
    assert not hasattr(model, "classes_")


@pytest.mark.parametrize("classes", [range(4), [3, 1, 0, 2], np.arange(4.0)])
def test_classes_that_are_the_columns_are_accepted(classes):
    model = MLPClassifier(**SMALL).partial_fit(X, TABLE, classes=classes)
    assert model.partial_fit(X, TABLE, classes=classes).predict(X).shape == (40, 4)


@pytest.mark.parametrize("numbers", [False, True])
def test_an_indicator_matrix_is_rejected_after_a_fit_on_labels(numbers):
    """Its zeros and ones are not mistaken for the labels of 120 samples."""
    labels = np.arange(40) % 3 if numbers else LABELS
    table = OneHotEncoder(sparse_output=False).fit_transform(labels[:, None]).astype(int)
    model = MLPClassifier(**SMALL | {"warm_start": True}).fit(X, labels)
    before = model.predict_proba(X)
    for call in (
        lambda: model.partial_fit(X, table),
        lambda: model.fit(X, table),
        lambda: MLPClassifier(**SMALL).fit(X, labels, X_val=X, y_val=table),
    ):
        with pytest.raises(DataError, match=r"indicator matrix|classes of the previous fit"):
            call()
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_labels_are_rejected_after_a_fit_on_an_indicator_matrix():
    model = MLPClassifier(**SMALL).fit(X, TABLE)
    with pytest.raises(DataError, match=r"must be an indicator matrix.*\(40,\).*\(n, 4\)"):
        model.partial_fit(X, np.arange(40) % 4)


def test_a_class_that_cannot_be_split_is_named_by_its_label():
    """Early stopping needs each of two classes on both sides."""
    labels = np.where(np.arange(40) == 17, "oboe", "flute")
    with pytest.raises(DataError, match="two of each: got a single one of class 'oboe'") as caught:
        MLPClassifier(early_stopping=True, **SMALL).fit(X, labels)
    assert "early_stopping=False" in str(caught.value)
    # The cures.
    MLPClassifier(**SMALL).fit(X, labels)
    MLPClassifier(early_stopping=True, **SMALL).fit(X, labels, X_val=X, y_val=labels)
    labels[3] = "oboe"
    MLPClassifier(early_stopping=True, **SMALL).fit(X, labels)


def test_samples_of_weight_0_do_not_count_for_a_split():
    labels = np.where(np.arange(40) < 2, 5, -3)
    weight = np.where(np.arange(40) == 1, 0.0, 1.0)
    with pytest.raises(DataError, match="single one of class 5"):
        MLPClassifier(early_stopping=True, **SMALL).fit(X, labels, weight)


def test_only_two_classes_are_split_by_class():
    """As in scikit-learn, the split is not stratified for more classes."""
    labels = np.where(np.arange(40) == 17, "oboe", LABELS)
    labels[labels == "viola"] = "flute"
    labels[20] = "viola"
    MLPClassifier(early_stopping=True, **SMALL).fit(X, labels)


@pytest.mark.parametrize(
    ("n", "fraction", "complaint"),
    [(9, 0.1, "too small: got 1"), (40, 0.0, "too small: got 0"), (2, 0.9, "no sample to train")],
)
def test_an_invalid_validation_fraction_is_rejected(n, fraction, complaint):
    model = MLPClassifier(early_stopping=True, validation_fraction=fraction, **SMALL)
    with pytest.raises(DataError, match=complaint):
        model.fit(X[:n], np.arange(n) % 2)
