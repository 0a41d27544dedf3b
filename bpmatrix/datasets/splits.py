"""A split into training, validation and test that is the same with every version of NumPy."""

from __future__ import annotations

import numpy as np

from bpmatrix.array_types import Array, Integers
from bpmatrix.datasets.dataset import Split

# Of every six samples of a class, in file order, the third is for validation, the fifth for the
# test, the others for training. Early places, so that small classes are in all three.
_CYCLE = 6
_VALIDATION_PLACE = 2
_TEST_PLACE = 4


def stratified_split(table: Array, labels: Integers) -> tuple[Split, Split, Split]:
    """Split a table (n, n_0) of rows into training, validation and test, 4 : 1 : 1 in every class.

    Of every six samples of a class, in the order of the file, the third goes to validation and the
    fifth to the test. No random numbers are drawn, so the split is the same on every machine and
    with every version of NumPy. Within a split the samples keep the order of the file.

    Parameters
    ----------
    table : ndarray of shape (n, n_0)
        One sample per row.
    labels : ndarray of shape (n,), int64
        The class of each row.

    Returns
    -------
    train, validation, test : Split
        X (n_0, n_k) and labels (n_k,) of each; a split may be empty if every class has fewer than
        five samples.

    Examples
    --------
    >>> train, validation, test = stratified_split(np.arange(6)[:, None], np.zeros(6, np.int64))
    >>> print(train.X, validation.X, test.X)
    [[0 1 3 5]] [[2]] [[4]]
    """
    by_class = np.argsort(labels, kind="stable")
    _, starts, counts = np.unique(labels[by_class], return_index=True, return_counts=True)
    place = np.empty(labels.size, dtype=np.int64)  # the number of earlier samples of the class
    place[by_class] = np.arange(labels.size) - np.repeat(starts, counts)
    place %= _CYCLE
    is_validation = place == _VALIDATION_PLACE
    is_test = place == _TEST_PLACE
    train, validation, test = (
        Split(np.ascontiguousarray(table[chosen]).T, labels[chosen])
        for chosen in (~(is_validation | is_test), is_validation, is_test)
    )
    return train, validation, test
