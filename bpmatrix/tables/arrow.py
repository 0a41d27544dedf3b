"""Tables of any library as Arrow tables, through Arrow's capsule interface."""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa

from bpmatrix.errors import ArrayTypeError, DataError
from bpmatrix.tables.text import with_plain_text


def as_arrow(table: Any) -> pa.Table:
    """Return a table with named columns as an Arrow table, without its row labels.

    Parameters
    ----------
    table : pandas, polars or pyarrow table, or anything with ``__arrow_c_stream__``
        Such as a relation of DuckDB; or a mapping from names to columns.

    Raises
    ------
    ArrayTypeError
        If it is something else, or an array without names.
    DataError
        If a column mixes types, or two have the same name.
    """
    try:
        if isinstance(table, pa.Table):
            found = table
        elif type(table).__module__.partition(".")[0] == "pandas":
            found = pa.Table.from_pandas(table, preserve_index=False)
        elif hasattr(table, "__arrow_c_stream__") or isinstance(table, dict):
            found = pa.table(table)
        else:
            raise ArrayTypeError(
                "a table needs named columns",
                got=type(table).__name__,
                expected="a DataFrame of pandas or polars, an Arrow table, or a dictionary",
                cure="Read the file first, for example pandas.read_csv(path)."
                if isinstance(table, str | os.PathLike)
                else "Pass pandas.DataFrame(X), or use MLPClassifier or MLPRegressor for arrays.",
            )
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        message = str(error.args[0] if error.args else error).partition("\n")[0]
        raise DataError(
            "a column of the table mixes types", got=message, cure="Convert it to one type first."
        ) from None
    twice = next((name for name in found.column_names if found.column_names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"the table has several columns {twice!r}", cure="Rename all but one.")
    return with_plain_text(found)
