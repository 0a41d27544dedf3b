"""Contenders: each trains the network of a `Task` in its own way, with the same result.

A contender is created from a task and a number of threads, in a worker process. ``train(steps)``
takes that many further steps, ``parameters()`` returns (weights, biases). Other libraries are
imported only when their contender is created.
"""

from bpmatrix.bench.contenders.roster import ROSTER, Contender, Family

__all__ = ["ROSTER", "Contender", "Family"]
