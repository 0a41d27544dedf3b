"""Tables as people have them: files of spreadsheets and databases, columns of any kind, models.

`reading` turns a file into a table of typed columns, `columns` learns how each becomes numbers,
`encoder` does so for a whole table, and `model` puts networks behind it.
"""

from bpmatrix.errors import MissingPackageError

try:
    import pyarrow as pa
    import sklearn
except ImportError as error:
    package = (error.name or "").partition(".")[0]
    if package not in {"pyarrow", "sklearn", "scipy", "joblib", "threadpoolctl"}:
        raise
    package = package.replace("sklearn", "scikit-learn")
    raise MissingPackageError.of_extra("a table", package, "tables") from None
del pa, sklearn
