"""The attainable peak: a large matrix product by NumPy's BLAS."""

from __future__ import annotations

import numpy as np

__all__ = ["Matmul"]

# Large enough for 95 % of the best speed of any size, small enough for short blocks.
SIZE = 1200


class Matmul:
    """Products of two square matrices; the environment sets the number of BLAS threads."""

    flops = 2 * SIZE**3

    def __init__(self, dtype: str) -> None:
        rng = np.random.default_rng(0)
        self._a, self._b = (rng.random((SIZE, SIZE)).astype(dtype) for _ in range(2))
        self._out = np.empty_like(self._a)

    def multiply(self, times: int) -> None:
        """Multiply this many times."""
        for _ in range(times):
            np.matmul(self._a, self._b, out=self._out)
