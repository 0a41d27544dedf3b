"""Estimators with the interface of scikit-learn: rows are samples.

Parameters, attributes and random numbers are scikit-learn's; the engine works on columns and does
not depend on scikit-learn.
"""

from bpmatrix.errors import MissingPackageError
from bpmatrix.storage.tensor_files import TensorFile

try:
    from bpmatrix.estimators.classifier import MLPClassifier
    from bpmatrix.estimators.regressor import MLPRegressor
    from bpmatrix.estimators.storage import restore
except ImportError as error:
    package = (error.name or "").partition(".")[0]
    if package not in {"scipy", "sklearn"}:
        raise
    package = package.replace("sklearn", "scikit-learn")
    raise MissingPackageError.of_extra("an estimator of bpmatrix", package, "sklearn") from None

__all__ = ["MLPClassifier", "MLPRegressor", "restored"]


def restored(file: TensorFile) -> MLPClassifier | MLPRegressor:
    """Return the estimator stored in an open model file."""
    kinds = {kind.__name__: kind for kind in (MLPClassifier, MLPRegressor)}
    estimator: MLPClassifier | MLPRegressor = restore(kinds, file)
    return estimator
