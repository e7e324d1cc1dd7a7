"""The common look of all figures: labelled axes, seeds as a band, readable without colour."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from jaxmlp.files import write_atomically
from jaxmlp.runs.figures import COLOURS

LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def figure(rows: int = 1, columns: int = 1, width: float = 4.6, height: float = 3.4) -> Any:
    """A figure and its panels, an array `(rows, columns)`.

    Args:
      rows: number of rows of panels.
      columns: number of columns of panels.
      width: width of a panel, in inches.
      height: height of a panel, in inches.

    Returns:
      The figure and the panels.
    """
    made = Figure(figsize=(width * columns, height * rows), layout="constrained")
    panels = made.subplots(rows, columns, squeeze=False)
    for panel in panels.ravel():
        panel.grid(alpha=0.3)
    return made, panels


def band(
    panel: Any, x: Any, runs: Any, label: str, number: int, log: bool = False, **more: Any
) -> None:
    """Draw the mean over seeds as a line, and one standard deviation as a band around it.

    Args:
      panel: the panel to draw in.
      x: positions, `(n,)`.
      runs: values `(seeds, n)`, or `(n,)` if nothing is random. Values that are not finite are
        left out, and a position where no seed has a finite value is a gap.
      label: the entry in the legend.
      number: the number of the series, which selects colour and line.
      log: whether the axis is logarithmic. Mean and deviation are then those of the logarithms, so
        that the band is symmetric on the axis and stays positive.
      **more: passed on to the line.
    """
    values = np.ma.masked_invalid(np.atleast_2d(np.asarray(runs, float)))
    if log:
        panel.set_yscale("log")
        values = np.ma.log(values)  # masks values that are not positive
    mean, spread = values.mean(axis=0), values.std(axis=0, ddof=min(1, len(values) - 1))
    lines = (line.filled(np.nan) for line in (mean, mean - spread, mean + spread))
    middle, low, high = (np.exp(line) if log else line for line in lines)
    look = {"color": COLOURS[number % 8], "ls": LINES[number % 8]} | more
    panel.plot(x, middle, label=label, **look)
    if len(values) > 1:
        panel.fill_between(x, low, high, color=look["color"], alpha=0.2, lw=0)


def plain_ticks(axis: Any) -> None:
    """Label a logarithmic axis with plain numbers: 1, 2 and 5 of each decade."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def save(drawn: Figure, path: Path) -> None:
    """Write a figure as PNG and as SVG, with the same layout, which is found once.

    Args:
      drawn: the figure.
      path: the files, without their endings.
    """
    FigureCanvasAgg(drawn)
    for kind, more in (("png", {"dpi": 120}), ("svg", {"metadata": {"Date": None}})):
        content = io.BytesIO()
        drawn.savefig(content, format=kind, **more)
        write_atomically(path.with_suffix(f".{kind}"), content.getvalue())
        drawn.set_layout_engine("none")
