"""Draw docs/fitting-functions.svg: the error of three optimizers on sinc, step by step.

``python docs/fitting.py`` writes it; the same steps give the same picture.
"""

from pathlib import Path

import numpy as np

from bpmatrix import LBFGS, Adam, LevenbergMarquardt, Network

WIDTH, HEIGHT, LEFT, TOP = 640, 320, 60, 20
STEPS, HIGHEST, LOWEST = 2000, 0, -5  # powers of ten
COLORS = {"LevenbergMarquardt": "#0072B2", "LBFGS": "#D55E00", "Adam": "#009E73"}
RUNS = {
    "LevenbergMarquardt": {"optimizer": LevenbergMarquardt()},
    "LBFGS": {"optimizer": LBFGS()},
    "Adam": {"optimizer": Adam(0.01), "mini_batch_size": 200},
}


def drawing() -> str:
    """Return the SVG text."""
    x = np.linspace(-5, 5, 200)[np.newaxis]
    right, bottom = WIDTH - 20, HEIGHT - 40
    across, down = (right - LEFT) / np.log10(STEPS), (bottom - TOP) / (HIGHEST - LOWEST)
    shown = []
    for power in range(LOWEST, HIGHEST + 1):
        y = TOP + (HIGHEST - power) * down
        shown.append(f'<path class="grid" d="M{LEFT} {y:.0f}H{right}"/>')
        shown.append(f'<text x="{LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">1e{power}</text>')
    for power in range(4):
        place = LEFT + power * across
        shown.append(f'<text x="{place:.0f}" y="{bottom + 18}">{10**power:,}</text>')
    shown.append(f'<text x="{right}" y="{bottom + 34}" text-anchor="end">steps</text>')
    for i, (name, how) in enumerate(RUNS.items()):
        net = Network([1, 12, 1], activation="tanh", output="identity", cost="quadratic", seed=4)
        cost = np.array(net.train(x / 2.9, np.sinc(x), epochs=STEPS, **how).cost)
        errors = np.log10(np.sqrt(2 * cost))
        which = np.unique(np.geomspace(1, len(cost), 120).astype(int))
        points = " ".join(
            f"{LEFT + np.log10(k) * across:.0f},"
            f"{TOP + (HIGHEST - max(LOWEST, errors[k - 1])) * down:.0f}"
            for k in which
        )
        color, y = COLORS[name], TOP + 100 + 18 * i
        shown.append(f'<polyline points="{points}" stroke="{color}"/>')
        shown.append(f'<text x="{LEFT + 10}" y="{y + 60}" fill="{color}">{name}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"'
        f' viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
        "<title>Root of the mean squared error on sinc, step by step</title>\n"
        "<style>text{font:12px system-ui,sans-serif}.grid{stroke:#ccc}"
        "polyline{fill:none;stroke-width:2}</style>\n"
        f'<path d="M0 0H{WIDTH}V{HEIGHT}H0z" fill="#fff"/>\n' + "\n".join(shown) + "\n</svg>\n"
    )


if __name__ == "__main__":
    path = Path(__file__).parent / "fitting-functions.svg"
    path.write_text(drawing(), encoding="utf-8")
    print(f"wrote {path}")
