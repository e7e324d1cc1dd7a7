"""What a command shows while it works and when it is done."""

import sys
import time
from collections.abc import Sequence
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

LINE_EVERY = 1.0  # seconds between two plain lines
_CUT_FIRST = Column(ratio=1, no_wrap=True, overflow="ellipsis")  # where a terminal is narrow


def say(text: str) -> None:
    """Print a line that must be seen, on standard error."""
    print(text, file=sys.stderr, flush=True)


class _Live:
    """A live bar on a terminal, and none elsewhere or where all is to be quiet."""

    def __init__(self, quiet: bool, counter: str, total: int, **fields: int) -> None:
        self._quiet = quiet
        self._bar: Progress | None = None
        self._task: Any = None
        self._start: dict[str, Any] = {"total": total, "text": "compiling", **fields}
        if not quiet and sys.stdout.isatty():
            self._bar = Progress(
                TextColumn(counter),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[text]}", table_column=_CUT_FIRST),
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


class Reporter(_Live):
    """Tells how training goes: a live bar on a terminal, plain lines elsewhere, or nothing."""

    def __init__(self, epochs: int, quiet: bool) -> None:
        counter = "epoch {task.fields[epoch]}/{task.total:.0f}"
        super().__init__(quiet, counter, epochs, epoch=0)
        self._epochs = epochs
        self._last_line = -LINE_EVERY
        self._text = ""

    def show(self, epoch: int, step: int, steps: int, metrics: str | None) -> None:
        """Show where the run is.

        Args:
          epoch: the number of complete epochs.
          step: the number of steps taken in the current one.
          steps: the number of steps in an epoch.
          metrics: those of the last epoch, in a line, if one or several have just been completed.
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
                print(f"epoch {epoch}/{self._epochs}  {self._text}", flush=True)
                self._last_line = now


class SweepReporter(_Live):
    """Tells how a sweep goes: a live bar on a terminal, a line per run elsewhere, or nothing."""

    def __init__(self, runs: int, quiet: bool) -> None:
        super().__init__(quiet, "run {task.fields[ended]}/{task.total:.0f}", runs, ended=0)

    def show(self, done: float, ended: int, lines: Sequence[str], best: str) -> None:
        """Show where the sweep is.

        Args:
          done: how many runs' work is done, a fraction of the current ones included.
          ended: how many runs have ended.
          lines: a line about each that has just ended.
          best: the best so far, in words.
        """
        if self._bar is not None:
            text = f"best {best}" if best else "training"
            self._bar.update(self._task, completed=done, ended=ended, text=text)
        elif not self._quiet:
            for line in lines:
                print(line, flush=True)


def print_table(rows: Sequence[tuple[str, ...]], header: tuple[str, ...] = ()) -> None:
    """Print rows in columns, the first to the left, the others to the right.

    Args:
      rows: the cells.
      header: the names of the columns, if they have any.
    """
    table = Table(show_header=bool(header), box=None, padding=(0, 2, 0, 0))
    for number in range(len(rows[0])):
        name = header[number] if header else ""
        table.add_column(name, justify="right" if number and len(rows[0]) > 2 else "left")
    for row in rows:
        table.add_row(*row)
    Console(width=10_000, highlight=False, markup=False).print(table)  # never cut a path
