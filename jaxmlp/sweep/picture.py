"""The picture of a sweep: the validation score against the fields that vary."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from jaxmlp.runs.figures import BLACK, BLUE, ORANGE, PURPLE, caption
from jaxmlp.sweep.axes import format_value
from jaxmlp.sweep.results import ConfigResult
from jaxmlp.sweep.space import format_point

MOST_LINES = 8  # more are drawn as points, in a panel for each field
MOST_PANELS = 4
WIDE = 8  # an axis is logarithmic if its largest value is this many times the smallest
LINES, MARKERS = ("-", "--", ":", "-."), ("o", "s", "^", "D")
COLOURS = (BLUE, ORANGE, BLACK, PURPLE)  # four that also differ in lightness


def draw_sweep(configs: Sequence[ConfigResult], score: str) -> Figure | None:
    """Draw the mean validation score of each configuration, with its deviation over its runs.

    A few configurations are lines over the first numeric field, one line for each combination of
    the other fields. Many configurations are points, in a panel for each field.

    Args:
      configs: the configurations; those without a run that has ended well are not drawn.
      score: the name of the score.

    Returns:
      The figure, or `None` if no run has ended well.
    """
    drawn = [config for config in configs if config.best is not None]
    if not drawn:
        return None
    fields = _varying_fields(drawn)
    lines = _lines(drawn, fields[0]) if fields else {"": drawn}
    scattered = len(lines) > MOST_LINES
    if scattered:
        lines = {"": drawn}
    shown = (fields if scattered else fields[:1]) or [""]
    size = (max(6.4, 3.6 * len(shown)), 4.2)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(shown), squeeze=False, sharey=True).ravel()
    for panel, name in zip(panels, shown, strict=True):
        _draw_panel(panel, name, lines, scattered)
        panel.set_xlabel(name.replace("_", " ") or "the only configuration")
        panel.grid(alpha=0.3)
    many = len(drawn[0].runs) > 1
    spread = f"mean ± deviation over {drawn[0].repeats}" if many else "one seed each"
    panels[0].set_ylabel(f"validation {score} ({spread})", fontsize=9)
    return figure


def _varying_fields(drawn: Sequence[ConfigResult]) -> list[str]:
    """Return the fields to draw against, those of numbers first."""
    points = [config.point for config in drawn]
    varying = [name for name in points[0] if len({point[name] for point in points}) > 1]
    numeric = [name for name in varying if all(_is_number(point[name]) for point in points)]
    return [*numeric, *(name for name in varying if name not in numeric)][:MOST_PANELS]


def _lines(drawn: Sequence[ConfigResult], along: str) -> dict[str, list[ConfigResult]]:
    """Group the configurations by the other fields than `along`, in the order of the grid."""
    lines: dict[str, list[ConfigResult]] = {}
    for config in sorted(drawn, key=lambda config: config.runs):
        others = {name: value for name, value in config.point.items() if name != along}
        lines.setdefault(format_point(others), []).append(config)
    return lines


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _draw_panel(
    panel: Axes, name: str, lines: dict[str, list[ConfigResult]], scattered: bool
) -> None:
    """Draw the score against one field; values that are not numbers have places 0, 1, 2, ..."""
    values = {label: [c.point.get(name, "") for c in line] for label, line in lines.items()}
    every: list[Any] = [value for line in values.values() for value in line]
    numbers = all(map(_is_number, every))
    words = list(dict.fromkeys(map(format_value, every)))
    for number, (label, line) in enumerate(lines.items()):
        places = values[label] if numbers else [words.index(format_value(v)) for v in values[label]]
        x = np.array(places, float)
        order = np.argsort(x)
        panel.errorbar(
            x[order],
            np.array([config.score for config in line])[order],
            np.nan_to_num([config.deviation for config in line])[order],
            linestyle="none" if scattered else LINES[number % 4],
            marker=MARKERS[number % 4],
            color=COLOURS[(number + number // 4) % 4],
            markersize=5,
            capsize=3,
            label=caption(label, 40),
        )
    if numbers:
        _scale_axis(panel, sorted(set(every)))
    else:
        panel.set_xticks(range(len(words)), list(map(caption, words)))
        panel.set_xlim(-0.5, len(words) - 0.5)
    if len(lines) > 1:
        panel.legend(frameon=False, fontsize=9)


def _scale_axis(panel: Axes, values: list[Any]) -> None:
    """Make the axis logarithmic where its values, in ascending order, lie far apart."""
    if values[0] <= 0 or values[-1] < WIDE * values[0]:
        return
    panel.set_xscale("log")
    if len(values) <= 6:
        panel.set_xticks(values, list(map(format_value, values)))
        panel.xaxis.set_minor_locator(NullLocator())
