"""The output of a command: progress while it works, and lines and tables at the end.

Names of files, columns and classes go through `printable`: they cannot command the terminal, and
their brackets are no markup.
"""

import sys
import time
from collections.abc import Sequence
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from jaxmlp.errors import printable, shortened

MANY = 200  # rows of a table that are printed in a simpler way
LINE_EVERY = 1.0  # seconds, the shortest time between two plain lines
_CUT_FIRST = Column(ratio=1, no_wrap=True, overflow="ellipsis")  # in a narrow terminal


def say(text: str) -> None:
    """Print a line on standard error, also if the command is quiet."""
    print(shortened(text), file=sys.stderr, flush=True)


def print_line(text: str = "") -> None:
    """Print a line on standard output."""
    print(printable(text), flush=True)


class _ProgressBar:
    """A progress bar on a terminal; nothing elsewhere, or if the command is quiet."""

    def __init__(self, quiet: bool, counter: str, total: int, **fields: int) -> None:
        self._quiet = quiet
        self._bar: Progress | None = None
        self._task: Any = None
        self._start: dict[str, Any] = {"total": total, "text": "compiling", **fields}
        if not quiet and sys.stdout.isatty():
            self._bar = Progress(
                TextColumn(counter),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[text]}", table_column=_CUT_FIRST, markup=False),
                TimeRemainingColumn(compact=True),
                console=Console(highlight=False),
                expand=True,
            )

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("", **self._start)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


class Reporter(_ProgressBar):
    """The progress of training: a bar on a terminal, plain lines elsewhere, or nothing."""

    def __init__(self, epochs: int, quiet: bool) -> None:
        counter = "epoch {task.fields[epoch]}/{task.total:.0f}"
        super().__init__(quiet, counter, epochs, epoch=0)
        self._epochs = epochs
        self._last_line = -LINE_EVERY
        self._text = ""

    def show(self, epoch: int, step: int, steps: int, metrics: str | None) -> None:
        """Show the progress of a run.

        Args:
          epoch: the number of complete epochs.
          step: the number of steps taken in the current epoch.
          steps: the number of steps in an epoch.
          metrics: a line with the metrics of the last complete epoch, or `None` if no epoch has
            ended since the last call.
        """
        if self._quiet:
            return
        if metrics is not None:
            self._text = metrics
        if self._bar is not None:
            done = epoch + step / steps
            current = min(epoch + 1, self._epochs)
            self._bar.update(self._task, completed=done, epoch=current, text=self._text)
        elif metrics is not None:
            now = time.monotonic()
            if now - self._last_line >= LINE_EVERY or epoch in (1, self._epochs):
                print_line(f"epoch {epoch}/{self._epochs}  {self._text}")
                self._last_line = now


class SweepReporter(_ProgressBar):
    """The progress of a sweep: a bar on a terminal, a line for each run elsewhere, or nothing."""

    def __init__(self, runs: int, quiet: bool) -> None:
        super().__init__(quiet, "run {task.fields[ended]}/{task.total:.0f}", runs, ended=0)

    def show(self, done: float, ended: int, lines: Sequence[str], best: str) -> None:
        """Show the progress of a sweep.

        Args:
          done: the work that is done, in runs; the current runs count with their finished part.
          ended: the number of runs that have ended.
          lines: a line about each run that has just ended.
          best: the best configuration so far with its score, or "".
        """
        if self._bar is not None:
            text = printable(f"best {best}") if best else "training"
            self._bar.update(self._task, completed=done, ended=ended, text=text)
        elif not self._quiet:
            for line in lines:
                print_line(line)


def print_rows(rows: Sequence[tuple[str, ...]], header: tuple[str, ...]) -> None:
    """Print a table of many rows, which is fast: `print_table` takes 24 s for 100,000 rows.

    All columns are aligned to the left.

    Args:
      rows: the cells of each row.
      header: the names of the columns.
    """
    if len(rows) <= MANY:
        print_table(rows, header)
        return
    cells = [tuple(map(printable, row)) for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    print("\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells))


def print_table(rows: Sequence[tuple[str | Text, ...]], header: tuple[str, ...] = ()) -> None:
    """Print a table.

    The first column is aligned to the left; of three or more, the others are aligned to the right.

    Args:
      rows: the cells of each row.
      header: the names of the columns; empty for a table without a header.
    """
    table = Table(show_header=bool(header), box=None, padding=(0, 2, 0, 0))
    for number in range(len(rows[0])):
        name = header[number] if header else ""
        justify: Any = "right" if number and len(rows[0]) > 2 else "left"
        table.add_column(Text(printable(name)), justify=justify)
    for row in rows:
        table.add_row(*(Text(printable(cell)) if isinstance(cell, str) else cell for cell in row))
    # so wide that no path is cut
    Console(width=10_000, highlight=False, markup=False, emoji=False).print(table)
