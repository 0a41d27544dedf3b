"""A progress bar on standard error, where somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress_bar"]


@contextmanager
def progress_bar() -> Iterator[Callable[[float, str], None]]:
    """Yield a function that is told the part of the work that is done, and what comes next."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415
    from rich.table import Column  # noqa: PLC0415

    console = Console(stderr=True, highlight=False)
    line = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True))
    columns = BarColumn(20), TimeElapsedColumn(), line
    # Drawn on events alone: a thread that draws would wake up while others are timed.
    with Progress(
        *columns,
        console=console,
        auto_refresh=False,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=1.0)

        def watch(part: float, line: str) -> None:
            bar.update(task, completed=part, description=line, refresh=True)

        yield watch
