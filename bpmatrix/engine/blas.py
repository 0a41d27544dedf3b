"""Limit the BLAS of NumPy and SciPy to one thread, for vectors too short to gain from more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

_limiting = threading.Lock()


@contextmanager
def blas_on_one_thread() -> Iterator[None]:
    """Limit every BLAS of this process to one thread, unless another thread has already done so.

    L-BFGS-B computes a few dozen inner products of parameter vectors per iteration. More threads
    gain nothing there, and while other programs run, waiting for each other takes them a hundred
    times as long as the products.

    The limit is global to the process. If two overlapping calls each restored the limit they
    found, the second would leave it at one thread for good; so only the first sets and restores it.
    """
    first = False
    try:
        first = _limiting.acquire(blocking=False)
        with _blas().limit(limits=1, user_api="blas") if first else nullcontext():
            yield
    finally:
        if first:
            _limiting.release()


@cache
def _blas() -> Any:
    """Return the controller of the loaded libraries; finding them takes milliseconds."""
    return ThreadpoolController()
