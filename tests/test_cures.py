"""Each error of the package has a row: a call that raises it, and one that follows its cure."""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from cures.table import Row, errors_in_the_package

TABLES = sorted(path.stem for path in (Path(__file__).parent / "cures").glob("of_*.py"))
ROWS = [row for name in TABLES for row in import_module(f"cures.{name}").ROWS]


def test_every_error_has_a_row_and_every_row_an_error() -> None:
    """Errors with the same text in one function have a row each; several cures, several rows."""
    made, listed = Counter(errors_in_the_package()), Counter((r.where, r.what) for r in ROWS)
    assert not made - listed, "errors without a row"
    assert not listed.keys() - made.keys(), "rows without an error"


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(
            row,
            id=f"{row.where}: {row.what[:40]}",
            marks=pytest.mark.skipif(
                bool(row.needs) and find_spec(row.needs) is None, reason=f"no {row.needs}"
            ),
        )
        for row in ROWS
    ],
)
def test_the_error_says_what_the_row_says_and_its_cure_works(row: Row, tmp_path: Path) -> None:
    """The message starts with the row's text and contains the cure; a row without one says why.

    The cure works in the same folder as the failing call.
    """
    with pytest.raises(Exception) as caught:
        row.wrong(tmp_path)
    message = str(caught.value)
    assert row.says(message), message
    if row.cure is None:
        assert row.why
    else:
        assert row.cure in message
    if row.right is None:
        assert row.why
    else:
        row.right(tmp_path)
