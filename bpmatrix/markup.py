"""HTML for notebooks: tables, curves and pictures of matrices; colors are those of the page."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from numpy.typing import ArrayLike

# A curve of more points looks the same at this width.
MOST_POINTS = 400
# Rows and columns of a picture; of a larger matrix, evenly spaced ones are shown.
MOST_PIXELS = 96
# The ends of the scale for signed numbers, as RGB; zero is white. Color-blind people tell them
# apart.
NEGATIVE, POSITIVE = (178, 24, 43), (33, 102, 172)


class Markup(str):
    """Text that is HTML already; other text is escaped."""

    __slots__ = ()


def escaped(text: object) -> str:
    """Return text as HTML.

    Examples
    --------
    >>> escaped("a < b"), escaped(Markup("<b>bold</b>"))
    ('a &lt; b', '<b>bold</b>')
    """
    return text if isinstance(text, Markup) else escape(str(text))


def table(title: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    """Return a table with a title above it.

    Parameters
    ----------
    title : str
        The title.
    headings : sequence of str
        One per column.
    rows : iterable of sequences
        The cells.

    Examples
    --------
    >>> table("Counts", ["layer", "units"], [[1, 30]]).count("<td")
    2
    """
    edge = "border-bottom: 1px solid currentColor"
    head = "".join(
        f'<th style="text-align: left; {edge}">{escaped(name)}</th>' for name in headings
    )
    body = "".join(
        "<tr>"
        + "".join(f'<td style="text-align: left">{escaped(cell)}</td>' for cell in row)
        + "</tr>"
        for row in rows
    )
    return Markup(
        f'<div style="overflow-x: auto"><div><b>{escaped(title)}</b></div>'
        '<table style="border-collapse: collapse; font-variant-numeric: tabular-nums">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def curves(*series: Sequence[float], width: int = 160, height: int = 28) -> Markup:
    """Return curves on one scale, as inline SVG; all but the first are dashed.

    Parameters
    ----------
    *series : sequences of float
        The curves; numbers that are not finite leave gaps.
    width, height : int
        In pixels.

    Examples
    --------
    >>> curves([3.0, 1.0, 2.0]).count("<polyline")
    1
    """
    finite = [v for values in series for v in values if math.isfinite(v)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    drawn = []
    for k, values in enumerate(series):
        dash = ' stroke-dasharray="4 3"' if k else ""
        for part in _parts(values, low, high, width, height):
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in part)
            drawn.append(
                f'<polyline points="{points}" fill="none" stroke="currentColor"'
                f' stroke-width="1.5" stroke-linecap="round"{dash}/>'
            )
    return Markup(
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img"'
        f' style="vertical-align: middle">{"".join(drawn)}</svg>'
    )


def _parts(
    values: Sequence[float], low: float, high: float, width: int, height: int
) -> list[list[tuple[float, float]]]:
    """Return the points of a curve, cut where numbers are not finite."""
    last, margin = len(values) - 1, 2
    # Halved, so that the difference of the largest numbers does not overflow.
    span = high / 2 - low / 2 or 1.0
    parts: list[list[tuple[float, float]]] = [[]]
    for i in (
        sorted({round(k * last / MOST_POINTS) for k in range(MOST_POINTS + 1)}) if values else ()
    ):
        if math.isfinite(values[i]):
            x = margin + (width - 2 * margin) * i / max(1, last)
            y = height - margin - (height - 2 * margin) * ((values[i] / 2 - low / 2) / span)
            parts[-1].append((x, y))
        elif parts[-1]:
            parts.append([])
    # A single point, drawn as a line of no length with round ends.
    return [part if len(part) > 1 else part * 2 for part in parts if part]


def picture(matrix: ArrayLike, *, height: int, alt: str = "") -> Markup:
    """Return a matrix as a picture: blue and red if it has a negative number, else gray.

    Parameters
    ----------
    matrix : (rows, columns) array_like
        White is 0; full color is the largest absolute value.
    height : int
        In pixels.
    alt : str
        A description for those who do not see it.
    """
    shown = np.asarray(matrix, np.float64)
    rows, columns = (
        np.unique(np.linspace(0, n - 1, min(n, MOST_PIXELS)).round().astype(np.int64))
        for n in shown.shape
    )
    shown = np.nan_to_num(shown[np.ix_(rows, columns)])
    signed = bool((shown < 0).any())
    share = shown / (float(np.abs(shown).max(initial=0.0)) or 1.0)
    full = np.where(share[..., None] < 0, NEGATIVE, POSITIVE if signed else (0, 0, 0))
    pixels = 255 + (full - 255) * np.abs(share[..., None])
    data = base64.b64encode(_png(pixels.round().astype(np.uint8))).decode()
    width = max(2, round(height * len(columns) / max(1, len(rows))))
    return Markup(
        f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}" width="{width}"'
        f' height="{height}" style="image-rendering: pixelated; display: inline-block; margin: 1px;'
        ' max-width: none">'
    )


def _png(pixels: np.ndarray) -> bytes:
    """Return RGB pixels (rows, columns, 3) as a PNG file: https://www.w3.org/TR/png-3/."""
    rows, columns, _ = pixels.shape
    # Each line begins with the number of its filter: 0, none.
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
