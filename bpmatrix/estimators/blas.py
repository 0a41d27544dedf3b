"""The BLAS of NumPy and SciPy, held to one thread for vectors that are not worth more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["blas_on_one_thread"]

_held = threading.Lock()


@contextmanager
def blas_on_one_thread() -> Iterator[None]:
    """Hold every BLAS of this process to one thread, unless another thread does so already.

    L-BFGS-B multiplies vectors as long as the parameters, some dozens of pairs an iteration. More
    threads gain nothing there, and where the processors have other work, waiting for each other
    takes them a hundred times as long as the products.

    The number of threads belongs to the process. Of two that overlap, each giving back what it has
    found, the second would leave one thread for good; so only the first sets it, and gives it back.
    """
    first = False
    try:
        first = _held.acquire(blocking=False)
        with _blas().limit(limits=1, user_api="blas") if first else nullcontext():
            yield
    finally:
        if first:
            _held.release()


@cache
def _blas() -> Any:
    """Return what knows the loaded libraries; to look for them takes milliseconds."""
    return ThreadpoolController()
