"""Draw docs/layout.svg: the layers of the import contract, with a box for each folder or module.

Layers come from the contracts "layers" and "kernels" in pyproject.toml, the text in each box from
the first line of the docstring. Imports only go down.
"""

import ast
import textwrap
import tomllib
from html import escape
from pathlib import Path

WIDTH, MARGIN, GAP = 1000, 16, 12
LINE, PADDING, TITLE = 16, 10, 18
CHARACTER = 6.4  # average width of a character in pixels
HEADING = 34
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #1b1f24 }
  .name { font: bold 14px ui-monospace, monospace }
  .head { font: bold 13px system-ui, sans-serif }
  rect { fill: #eef4fb; stroke: #0072B2; rx: 6 }
  .kernels rect { fill: #fdf1e7; stroke: #D55E00 }
"""


def drawing(root: Path) -> str:
    """Return the SVG text for the checkout at `root`."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {c["id"]: c["layers"] for c in project["tool"]["importlinter"]["contracts"]
                 if "layers" in c}  # fmt: skip
    package = root / "bpmatrix"
    shown, y = [], MARGIN
    for head, kind, folder, layers in (
        ("bpmatrix/: imports go down", "", package, contracts["layers"]),
        ("bpmatrix/kernels/: imports go down", "kernels", package / "kernels",
         contracts["kernels"]),
    ):  # fmt: skip
        shown.append(f'<text class="head" x="{MARGIN}" y="{y + 16}">{head}</text>\n')
        y += HEADING
        shown.append(f'<g class="{kind}">\n')
        for layer in layers:
            boxes, height = _layer(folder, layer.split(" | "), y)
            shown += boxes
            y += height + GAP
        shown.append("</g>\n")
    size = f'width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n'
        "<title>The folders of bpmatrix, layer by layer</title>\n"
        f"<style>{STYLE}</style>\n"
        f'<path d="M0 0H{WIDTH}V{y}H0z" fill="#ffffff"/>\n' + "".join(shown) + "</svg>\n"
    )


def _layer(folder: Path, modules: list[str], y: int) -> tuple[list[str], int]:
    """Return the boxes of one layer, side by side, and their height."""
    width = (WIDTH - 2 * MARGIN - GAP * (len(modules) - 1)) / len(modules)
    texts = [
        textwrap.wrap(_sentence(folder, module), int((width - 2 * PADDING) / CHARACTER))
        for module in modules
    ]
    height = 2 * PADDING + TITLE + LINE * max(map(len, texts))
    boxes = []
    for i, (module, lines) in enumerate(zip(modules, texts, strict=True)):
        x = MARGIN + i * (width + GAP)
        name = f"{module}/" if (folder / module).is_dir() else f"{module}.py"
        boxes.append(f'<rect x="{x:.0f}" y="{y}" width="{width:.0f}" height="{height}"/>\n')
        left, top = x + PADDING, y + PADDING + 13
        boxes.append(f'<text class="name" x="{left:.0f}" y="{top}">{name}</text>\n')
        boxes += [
            f'<text x="{left:.0f}" y="{top + TITLE + k * LINE}">{escape(line)}</text>\n'
            for k, line in enumerate(lines)
        ]
    return boxes, height


def _sentence(folder: Path, module: str) -> str:
    """Return the first line of a docstring."""
    path = folder / module / "__init__.py"
    path = path if path.exists() else folder / f"{module}.py"
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.split("\n", maxsplit=1)[0].replace("`", "")
