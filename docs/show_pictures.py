"""Draw the pictures of docs/show.md: python docs/show_pictures.py.

Needs Playwright, Pillow and Chromium.
"""

import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from bpmatrix.cli import main

PICTURES = {
    "network": "#step=7&sample=3",
    "layer": "#step=9&part=4&level=2&matrix=gW2&row=3&column=5&sample=3",
    "cell": "#step=7&level=3&matrix=d1&row=4&column=2",
    "film": "#view=film&frame=18&theme=dark",
}


def draw() -> None:
    """Write a page, and what a browser shows of it."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        path = Path(folder, "page.html")
        main(["show", "--output", str(path)])
        chromium = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for name, fragment in PICTURES.items():
            page = chromium.new_page(viewport={"width": 1366, "height": 768})
            page.goto(path.as_uri() + fragment)
            page.screenshot(path=(shot := Path(folder, "shot.png")))
            # 160 colors are enough for heat maps, and half of the bytes.
            picture = Path(__file__).parent / f"show-{name}.png"
            Image.open(shot).convert("RGB").quantize(160).save(picture, optimize=True)
        chromium.close()


if __name__ == "__main__":
    draw()
