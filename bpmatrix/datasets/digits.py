"""The UCI handwritten digits, which are in the package."""

from __future__ import annotations

from importlib.resources import as_file, files

from bpmatrix.datasets.dataset import DataSet
from bpmatrix.datasets.npz import read_npz
from bpmatrix.datasets.splits import stratified_split


def load_digits() -> DataSet:
    r"""Return the 1,797 handwritten digits of 8 x 8 pixels, values 0 to 16, in the package.

    They are the test half of "Optical Recognition of Handwritten Digits" (E. Alpaydin and
    C. Kaynak, UCI, 1998), split by `stratified_split`: 1,200 for training, 300 for validation,
    297 for the test. All three contain digits of the same 13 writers.

    Returns
    -------
    DataSet
        X (64, n) uint8, images in row-major order; scale 1/16.

    Examples
    --------
    >>> digit = load_digits().train.X[:, 0].reshape(8, 8)
    >>> for row in digit:
    ...     print("|" + "".join(" .:#"[pixel // 5] for pixel in row) + "|")
    |  .:.   |
    |  :#:#. |
    |  #  :. |
    |  :  .. |
    | ..  .. |
    |  :  :. |
    |  :.::  |
    |  .::   |
    """
    with as_file(files("bpmatrix.datasets") / "data" / "digits.npz") as path:
        table, labels = read_npz(path)
    train, validation, test = stratified_split(table, labels)
    return DataSet(
        name="digits",
        train=train,
        validation=validation,
        test=test,
        scale=1 / 16,  # a pixel is the number of dark dots in a block of 4 x 4
        n_classes=10,
        source="E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI (1998), "
        "https://doi.org/10.24432/C50P49",
        license="CC BY 4.0",
    )
