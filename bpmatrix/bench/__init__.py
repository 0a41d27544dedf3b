"""Reliable timing: interleaved pairs, medians, intervals, and results checked before timing.

It compares any two programs; `contenders/` runs other libraries, and `gate/` judges two revisions
of any repository.

>>> from bpmatrix.bench import compare
>>> comparison = compare(lambda: sum(range(20_000)), lambda: sum(range(1_000)), quads=8)
>>> comparison.ratio.median > 2
True
"""

from bpmatrix.bench.comparing import Comparison, compare
from bpmatrix.bench.statistics import Ratio

__all__ = ["Comparison", "Ratio", "compare"]
