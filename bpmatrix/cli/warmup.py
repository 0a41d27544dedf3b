"""``bpmatrix warmup``: compile now, so that nothing waits for it later."""

from __future__ import annotations

import click

from bpmatrix.cli.show import say

__all__ = ["command"]


@click.command("warmup", short_help="Compile the kernels now, once.")
def command() -> None:
    """Compile the kernels once for this machine, so that later commands start at once.

    The first training does the same for the type that it computes in.

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
        how_often = "and no other process has them" if why_not_kept() else "once on this machine"
        say(f"The kernels are compiled: it took {seconds:.1f} s, {how_often}.")
    else:
        say(f"The kernels were compiled already: loaded in {seconds:.1f} s.")
