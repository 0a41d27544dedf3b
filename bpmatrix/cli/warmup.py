"""``bpmatrix warmup``: compile the kernels in advance."""

from __future__ import annotations

import click

from bpmatrix.cli.show import say


@click.command("warmup", short_help="Compile the kernels in advance.")
def command() -> None:
    """Compile the kernels for this machine, so that later commands need not.

    Otherwise the first training in float64 or in float32 does it.

    \b
    Example:
      bpmatrix warmup
    """  # noqa: D301 - click's mark for a paragraph that keeps its lines
    from numba.core import event  # noqa: PLC0415 - numba loads here

    from bpmatrix.engine.compilation import warm_up  # noqa: PLC0415
    from bpmatrix.kernels.machine.cache import why_not_kept  # noqa: PLC0415

    with event.install_recorder("numba:compile") as compilations:
        seconds = warm_up()
    if compilations.buffer:
        where = "for this process only" if why_not_kept() else "once for this machine"
        say(f"Compiled the kernels in {seconds:.1f} s, {where}.")
    else:
        say(f"The kernels were already compiled; loaded them in {seconds:.1f} s.")
