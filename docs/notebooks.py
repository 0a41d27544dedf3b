"""Notebooks made from pages: blocks marked `python` become cells, and so does the text between."""

import json
import re

PAGES = ("lessons", "from-column-to-matrix")
PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def notebook(page: str) -> str:
    """Return a page as a notebook without outputs."""
    cells: list[dict[str, object]] = []
    # The parts between the blocks are text, and each block is the part after one of them.
    for i, part in enumerate(PROGRAM.split(page)):
        kind = "code" if i % 2 else "markdown"
        if part.strip():
            cell = {"cell_type": kind, "id": f"cell-{i}", "metadata": {},
                    "source": part.strip().splitlines(keepends=True)}  # fmt: skip
            cells.append(cell | ({"execution_count": None, "outputs": []} if i % 2 else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    parts = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(parts, indent=1, ensure_ascii=False) + "\n"
