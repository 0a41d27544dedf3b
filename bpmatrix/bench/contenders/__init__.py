"""Those who take part: each trains the network of a `Task` in its own way, with the same result.

A contender is made from a task and a number of threads, inside of a worker process. It has
``train(steps)``, which takes so many steps from where it stands, and ``parameters()``, which
returns (weights, biases). Peers are imported when a contender is made, by name: none is needed to
import this package.
"""

from bpmatrix.bench.contenders.roster import ROSTER, Contender, Family

__all__ = ["ROSTER", "Contender", "Family"]
