"""The picture of a sweep: the validation score against what was varied."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from jaxmlp.runs.figures import BLACK, BLUE, ORANGE, PURPLE
from jaxmlp.sweep.results import Setting
from jaxmlp.sweep.space import text, words

MOST_LINES = 8  # more are scattered points, a panel for each field
MOST_PANELS = 4
WIDE = 8  # values that span more than this factor stand on a logarithmic axis
LINES, MARKERS = ("-", "--", ":", "-."), ("o", "s", "^", "D")
COLOURS = (BLUE, ORANGE, BLACK, PURPLE)  # four that also differ in lightness


def picture(settings: Sequence[Setting], score: str) -> Figure | None:
    """Draw the mean validation score of each configuration, with its deviation over seeds.

    Args:
      settings: the configurations; those without a run that has ended well are left out.
      score: the name of the score.

    Returns:
      A figure: lines over the first field of numbers, one for each combination of the others; or,
      where these are many, a panel of points for each field. `None` if no run has ended well.
    """
    drawn = [s for s in settings if s.best is not None]
    if not drawn:
        return None
    fields = [name for name in drawn[0].point if len({s.point[name] for s in drawn}) > 1]
    numeric = [name for name in fields if all(_is_number(s.point[name]) for s in drawn)]
    along = [*numeric, *(name for name in fields if name not in numeric)][:MOST_PANELS]
    lines = _lines(drawn, along[0]) if along else {"": drawn}
    scattered = len(lines) > MOST_LINES
    shown = along if scattered else along[:1]
    count = max(1, len(shown))
    figure = Figure(figsize=(max(6.4, 3.6 * count), 4.2), layout="constrained")
    panels = figure.subplots(1, count, squeeze=False, sharey=True).ravel()
    for panel, name in zip(panels, shown or [""], strict=True):
        groups = {"": drawn} if scattered else lines
        _draw(panel, name, groups, scattered)
        panel.set_xlabel(name.replace("_", " ") or "the one configuration")
        panel.grid(alpha=0.3)
    seeds = max(len(s.runs) for s in drawn)
    words_of_spread = f"mean ± deviation over {seeds} seeds" if seeds > 1 else "one seed each"
    panels[0].set_ylabel(f"validation {score} ({words_of_spread})", fontsize=9)
    return figure


def _lines(drawn: Sequence[Setting], along: str) -> dict[str, list[Setting]]:
    """Return the configurations by what differs beside one field, in the order of the grid."""
    found: dict[str, list[Setting]] = {}
    for s in sorted(drawn, key=lambda s: s.runs):
        others = {name: value for name, value in s.point.items() if name != along}
        found.setdefault(words(others), []).append(s)
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _draw(panel: Axes, name: str, lines: dict[str, list[Setting]], scattered: bool) -> None:
    every: list[Any] = [s.point.get(name, "") for line in lines.values() for s in line]
    numbers = all(map(_is_number, every))
    labels = list(dict.fromkeys(map(text, every)))
    for number, (label, line) in enumerate(lines.items()):
        values = [s.point.get(name, "") for s in line]
        x = np.array(values if numbers else [labels.index(text(value)) for value in values], float)
        order = np.argsort(x)
        panel.errorbar(
            x[order],
            np.array([s.score for s in line])[order],
            np.nan_to_num([s.spread for s in line])[order],
            linestyle="none" if scattered else LINES[number % 4],
            marker=MARKERS[number % 4],
            color=COLOURS[(number + number // 4) % 4],
            markersize=5,
            capsize=3,
            label=label,
        )
    if not numbers:
        panel.set_xticks(range(len(labels)), labels)
        panel.set_xlim(-0.5, len(labels) - 0.5)
    elif min(every) > 0 and max(every) >= WIDE * min(every):
        panel.set_xscale("log")
        if len(labels) <= 6:
            panel.set_xticks(sorted(set(every)), [text(value) for value in sorted(set(every))])
            panel.xaxis.set_minor_locator(NullLocator())
    if len(lines) > 1:
        panel.legend(frameon=False, fontsize=9)
