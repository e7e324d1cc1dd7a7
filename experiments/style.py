"""The common look of all figures: labelled axes, seeds as a band, readable without colour."""

import io
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from jaxmlp.files import write_atomically
from jaxmlp.runs.figures import COLOURS

LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
PAGE = 6.9  # inches: the room for a figure in the report, on a screen and in print
ACROSS = 2  # panels in a row of the page: more would be too narrow for letters of this size
MARGIN = 0.7  # inches: the room for ticks and label beside a panel
SMALLEST = 9.6  # points: the size of the report's small text, 0.8 rem


class Panel(Axes):
    """A panel that puts a legend which has no room inside it above itself.

    Attributes:
      above: the legend that stands above it, if any.
    """

    above: Legend | None = None

    def legend(self, *args: Any, ncols: int = 1, **more: Any) -> Legend:
        """Draw a legend as matplotlib does; above the panel, if it is wider than the panel."""
        room = _room(self)[0]
        legend = _readable(super().legend(*args, ncols=ncols, **more))
        if _width(legend) > room - MARGIN:
            more |= {"loc": "lower center", "bbox_to_anchor": (0.5, 1)}
            legend = self.above = _fitting(super().legend, room, *args, ncols=ncols, **more)
        return legend

    def make_room_for_title(self) -> None:
        """Lift the legend above the title."""
        if self.above and self.get_title():
            lines = 1 + self.get_title().count("\n")
            inches = 1.6 * lines * float(self.title.get_fontsize()) / 72
            self.above.set_bbox_to_anchor((0.5, 1 + inches / (0.75 * _room(self)[1])))


class Drawing(Figure):
    """A figure whose legend has no more columns than there is room for."""

    def legend(self, *args: Any, ncols: int = 1, **more: Any) -> Legend:
        """Draw a legend as matplotlib does, in `ncols` columns or in fewer."""
        return _fitting(super().legend, self.get_size_inches()[0], *args, ncols=ncols, **more)


def _fitting(draw: Any, room: float, *args: Any, ncols: int, **more: Any) -> Legend:
    """Return the legend with the most columns, up to `ncols`, that is not wider than the room."""
    for columns in range(ncols, 1, -1):
        legend = _readable(draw(*args, ncols=columns, **more))
        if _width(legend) < room:
            return legend
        legend.remove()
    return _readable(draw(*args, ncols=1, **more))


def _readable(drawn: Any) -> Any:
    """Return what is drawn, with letters of at least `SMALLEST`."""
    for text in drawn.findobj(Text):
        text.set_fontsize(max(text.get_fontsize(), SMALLEST))
    return drawn


def _width(drawn: Artist) -> float:
    """Return the width of what is drawn, in inches."""
    figure = drawn.get_figure(root=True)
    renderer = FigureCanvasAgg(figure).get_renderer()
    return drawn.get_window_extent(renderer).width / figure.dpi  # type: ignore[union-attr]


def _room(panel: Any) -> tuple[float, float]:
    """Return the width and the height that the page gives to a panel, in inches."""
    rows, columns = panel.get_gridspec().get_geometry()
    width, height = panel.get_figure(root=True).get_size_inches()
    return width / columns, height / rows


def figure(rows: int = 1, columns: int = 1, width: float = 4.6, height: float = 3.4) -> Any:
    """A figure no wider than the page, and its panels, an array `(rows, columns)`.

    A row of more panels than the page has room for continues in the next row of the page.

    Args:
      rows: number of rows of panels.
      columns: number of columns of panels.
      width: width of a panel, in inches. It becomes smaller if the page has no room for it.
      height: height of a panel, in inches.

    Returns:
      The figure and the panels.
    """
    across = min(columns, ACROSS)
    down = -(-columns // across)  # rows of the page that hold one row of panels
    size = min(width * across, PAGE), height * rows * down
    made = Drawing(figsize=size, layout="constrained")
    places = made.subplots(
        rows * down, across, squeeze=False, subplot_kw={"axes_class": Panel}
    ).reshape(rows, down * across)
    for extra in places[:, columns:].ravel():
        extra.remove()
    for panel in (panels := places[:, :columns]).ravel():
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


def _wrap_labels(panel: Any) -> None:
    """Break the labels and the title of a panel into lines that are as long as its side.

    Names below an axis that are too long together are broken at every space.
    """
    width, height = _room(panel)
    for label, side in (
        (panel.title, width),
        (panel.xaxis.label, width),
        (panel.yaxis.label, height),
    ):
        letters = int(0.85 * side * 72 / (0.55 * label.get_fontsize()))
        lines = label.get_text().split("\n")
        label.set_text("\n".join(textwrap.fill(line, letters) for line in lines))
    names = [text.get_text() for text in panel.get_xticklabels()]
    letters = int((width - MARGIN) * 72 / (0.55 * SMALLEST))
    if len(" ".join(names)) > letters and any(" " in name for name in names):
        panel.set_xticks(panel.get_xticks(), [name.replace(" ", "\n") for name in names])


def save(drawn: Figure, path: Path) -> None:
    """Write a figure as PNG and as SVG, with the same layout, which is found once.

    Letters below `SMALLEST` are drawn in that size. Labels longer than their panel are wrapped.

    Args:
      drawn: the figure.
      path: the files, without their endings.
    """
    FigureCanvasAgg(drawn)
    _readable(drawn)
    for panel in drawn.axes:
        _wrap_labels(panel)
        if isinstance(panel, Panel):
            panel.make_room_for_title()
    for kind, more in (("png", {"dpi": 120}), ("svg", {"metadata": {"Date": None}})):
        content = io.BytesIO()
        drawn.savefig(content, format=kind, **more)
        write_atomically(path.with_suffix(f".{kind}"), content.getvalue())
        drawn.set_layout_engine("none")
