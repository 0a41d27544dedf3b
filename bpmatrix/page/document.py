"""The page as one HTML file that requests nothing, and where it is shown."""

from __future__ import annotations

import html
import json
import os
import tempfile
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.page.film import Film
from bpmatrix.page.numbers import check_size, numbers
from bpmatrix.samples.samples import Samples
from bpmatrix.storage.files import write_whole
from bpmatrix.terminal import in_notebook, say

# In this order: each uses only what stands before it.
SCRIPTS = (
    "data", "state", "steps", "terms", "matrices", "network", "layer", "cell", "film", "controls",
)  # fmt: skip
HEIGHT_IN_A_NOTEBOOK = 760


def page(
    d: Description, parameters: Parameters, samples: Samples, rate: float, film: Film | None
) -> str:
    """Return the page of a mini-batch; `rate` is the learning rate of the step after it.

    Raises
    ------
    ArgumentError
        If there are too many samples or weights.
    """
    check_size(d, samples.n)
    content = {
        "pass": numbers(d, parameters, samples, rate),
        "film": None if film is None else film.content(),
    }
    return document(f"A mini-batch in the network {'-'.join(map(str, d.sizes))}", content)


def document(title: str, content: dict[str, Any]) -> str:
    """Return the page as text.

    Parameters
    ----------
    title : str
        The heading: any text.
    content : dict
        ``"pass"``, and ``"film"`` or None: numbers, and names from files, which cannot leave the
        element that contains them.
    """
    assets = files("bpmatrix.page") / "assets"
    text = (assets / "page.html").read_text(encoding="utf-8")
    scripts = [(assets / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    parts = {
        "TITLE": html.escape(title),
        "STYLE": (assets / "page.css").read_text(encoding="utf-8"),
        "DATA": _inert({"title": title, **content}),
        "SCRIPT": '"use strict";\n(() => {\n' + "\n".join(scripts) + "})();\n",
    }
    head, *rest = text.split("{{")
    for piece in rest:  # not str.replace, which would find a mark in a title
        name, after = piece.split("}}", 1)
        head += parts[name] + after
    return head


def shown(text: str, output: str | os.PathLike[str] | None) -> Path | None:
    """Write a page into a file, or show it in the notebook; return the file's path.

    Parameters
    ----------
    text : str
        The page.
    output : path or None
        The file. None shows the page in a notebook, and elsewhere writes a temporary file and says
        its name.
    """
    if output is None and in_notebook():
        ipython: Any = import_module("IPython.display")
        ipython.display(ipython.HTML(framed(text)))
        return None
    folder = "" if output is not None else tempfile.mkdtemp(prefix="bpmatrix-")
    path = Path(folder, output or "page.html")
    write_whole(path, text.encode(errors="replace"))
    if output is None:
        say(f"bpmatrix: wrote {path}; open it in a browser")
    return path


def framed(text: str) -> str:
    """Return a page as a frame in another page, from which it is separated."""
    return (
        f'<iframe srcdoc="{html.escape(text)}" sandbox="allow-scripts allow-downloads" '
        f'title="bpmatrix" style="width:100%;height:{HEIGHT_IN_A_NOTEBOOK}px;border:0"></iframe>'
    )


def _inert(content: dict[str, Any]) -> str:
    """Return JSON that contains nothing that HTML or a script would end at."""
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text
