"""Timing that can be believed: pairs, medians, intervals, and the answer checked first.

Any two programs can be compared; `contenders/` holds the peers of this one. What decides whether
a change may land is in the repository's own `benchmarks/`.

>>> from bpmatrix.bench import compare
>>> comparison = compare(lambda: sum(range(20_000)), lambda: sum(range(1_000)), quads=8)
>>> comparison.ratio.median > 2
True
"""

from bpmatrix.bench.comparing import Comparison, compare
from bpmatrix.bench.statistics import Ratio

__all__ = ["Comparison", "Ratio", "compare"]
