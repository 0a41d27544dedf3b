"""Which part of the machine's attainable speed a whole training step reaches."""

from __future__ import annotations

from contextlib import nullcontext

from bpmatrix.bench.comparing import compare_arms
from bpmatrix.bench.contenders import ROSTER
from bpmatrix.bench.contenders.matmul import Matmul
from bpmatrix.bench.contest import CHAMPION, Effort
from bpmatrix.bench.crew import Crew
from bpmatrix.bench.statistics import Ratio
from bpmatrix.bench.task import Task

__all__ = ["share_of_peak"]


def share_of_peak(
    task: Task, threads: int, effort: Effort, name: str = CHAMPION, *, crew: Crew | None = None
) -> Ratio:
    """Return a contender's floating-point speed over that of a large product, 1 for equal.

    Both run on so many threads, in turns, each in a worker of its own. Of the step only its matrix
    products count as work, and all of it as time: gather, activation functions and update too.

    Raises
    ------
    WorkerError
        If the contender fails or is not installed.
    """
    with Crew() if crew is None else nullcontext(crew) as workers:
        product, trainer = workers.hire("matrix product", threads), workers.hire(name, threads)
        product.make(Matmul, task.dtype)
        trainer.make(ROSTER[name].make, task, threads)
        seconds = compare_arms(
            product.arm("multiply"),
            trainer.arm("train"),
            quads=effort.quads,
            block_seconds=effort.block_seconds,
        )
    return seconds.ratio.times(task.flops() / Matmul.flops)
