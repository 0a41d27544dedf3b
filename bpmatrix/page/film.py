"""A film of a training: what the first layer has learned, and which samples are still wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bpmatrix.array_types import Array
from bpmatrix.engine import evaluation
from bpmatrix.page.numbers import packed, side_of_images
from bpmatrix.samples.samples import Samples

if TYPE_CHECKING:
    from bpmatrix.history import EpochInfo
    from bpmatrix.network.pages import Pages

# What bounds the size of a film, and so of the page.
MOST_FRAMES, MOST_SAMPLES, NUMBERS_OF_A_FRAME, NUMBERS_OF_SAMPLES = 40, 300, 6_000, 100_000
SIDE_OF_GRID = 40
MARGIN = 0.15  # around the points, as a part of their spread


class Film:
    """Records a network while it is trained: ``callbacks=[film]``; see `Network.film`."""

    def __init__(self, network: Pages, samples: Samples) -> None:
        self._network = network
        most = max(1, min(MOST_SAMPLES, NUMBERS_OF_SAMPLES // samples.X.shape[0]))
        self._samples = samples.take(np.arange(min(most, samples.n)))
        self._grid = _grid(self._samples.X) if samples.X.shape[0] == 2 else None
        self._frames: list[dict[str, Any]] = []
        self._every = self._calls = 1
        self.take(float(network.epochs))

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._frames)

    def __call__(self, info: EpochInfo) -> None:
        """Take a frame after an epoch."""
        self._calls += 1
        if self._calls % self._every == 0:
            self.take(float(info.epoch))

    def take(self, epoch: float) -> None:
        """Take a frame; `epoch` is its place in the training, such as 1.5 in the second epoch."""
        d, flat = self._network.description, self._network.parameters
        costs, hits = evaluation.costs_and_hits(d, flat, self._samples)
        outputs = evaluation.outputs(d, flat, self._samples.X)
        W = self._network.weights[0][: max(1, NUMBERS_OF_A_FRAME // d.sizes[0])]
        frame = {
            "epoch": epoch,
            "cost": float(costs.mean()),
            "largest": float(abs(W).max()),
            "W": _bytes(W, 127 / (float(abs(W).max()) or 1.0), np.int8),
            "classes": [int(c) for c in _classes(outputs)],
            "wrong": [int(j) for j in np.flatnonzero(np.asarray(hits) == 0)],
        }
        if self._grid is not None:
            plane = evaluation.outputs(d, flat, self._grid[0])
            shown = plane if len(plane) == 1 else plane.argmax(axis=0)[None, :] / 255
            frame["plane"] = _bytes(np.clip(shown, 0, 1), 255, np.uint8)
        self._frames.append(frame)
        if len(self._frames) > MOST_FRAMES:
            self._frames, self._every = self._frames[::2], 2 * self._every

    def content(self) -> dict[str, Any]:
        """Return the film as the page needs it."""
        X, d = self._samples.X, self._network.description
        largest = float(abs(X).max()) or 1.0
        is_image = side_of_images(len(X)) > 0
        are_classes = self._samples.targets.are_classes
        labels = _classes(_matrix(self._samples.targets, d.sizes[-1]))
        return {
            "frames": self._frames,
            "sizes": list(d.sizes),
            "side": side_of_images(len(X)),
            "labels": [int(c) for c in labels] if are_classes else None,
            "images": _bytes(X.T, 255 / largest, np.uint8) if is_image else None,
            "points": packed(X.T, "<f4") if self._grid is not None else None,
            "box": None if self._grid is None else self._grid[1],
            "grid": SIDE_OF_GRID,
        }


def _classes(a: Array) -> Array:
    return np.asarray(a[0] > 0.5 if len(a) == 1 else a.argmax(axis=0))


def _matrix(targets: Any, n_outputs: int) -> Array:
    """Return targets as columns."""
    if not targets.are_labels:
        return np.asarray(targets.array)
    return np.asarray(np.arange(n_outputs)[:, None] == targets.array)


def _bytes(matrix: Array, factor: float, dtype: Any) -> dict[str, Any]:
    """Return numbers as bytes: exact enough for colors."""
    scaled = np.asarray(np.round(np.asarray(matrix, np.float64) * factor), dtype)
    return packed(scaled, np.dtype(dtype).str)


def _grid(X: Array) -> tuple[Array, list[float]]:
    """Return the points of a grid around the samples, as columns, and the box that it fills."""
    low, high = X.min(axis=1).astype(float), X.max(axis=1).astype(float)
    margin = MARGIN * np.where(high > low, high - low, 1.0)
    low, high = low - margin, high + margin
    steps = (np.arange(SIDE_OF_GRID) + 0.5) / SIDE_OF_GRID
    x, y = np.meshgrid(low[0] + steps * (high - low)[0], low[1] + steps * (high - low)[1])
    points = np.asfortranarray(np.stack([x.ravel(), y.ravel()]))
    return points, [float(low[0]), float(high[0]), float(low[1]), float(high[1])]
