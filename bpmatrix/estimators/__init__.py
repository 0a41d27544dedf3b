"""The scikit-learn face: estimators whose samples are rows."""

from bpmatrix.errors import MissingPackageError

try:
    from bpmatrix.estimators.classifier import MLPClassifier
    from bpmatrix.estimators.regressor import MLPRegressor
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("scipy", "sklearn"):
        raise
    raise MissingPackageError(
        f"the estimators of bpmatrix need {error.name}, which is not installed",
        cure="Install it with: pip install 'bpmatrix[sklearn]'",
    ) from None

__all__ = ["MLPClassifier", "MLPRegressor"]
