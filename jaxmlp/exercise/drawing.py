"""The picture of a question: a column for each run, and the same axes for all of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from jaxmlp.exercise.question import Panel, Question, Run
from jaxmlp.runs.figures import BLACK, BLUE, ORANGE

LOOKS = ((BLUE, "-", "o"), (ORANGE, "--", "s"))  # of the first and the second series


def picture(question: Question, runs: Mapping[str, Run]) -> Figure:
    """Draw the runs of a question side by side.

    Args:
      question: the question.
      runs: its runs by their letters.

    Returns:
      A figure with a row for each panel and a column for each run.
    """
    rows = len(question.panels)
    figure = Figure(figsize=(2.7 * len(runs), 2.4 * rows + 0.6), layout="constrained")
    figure.suptitle(question.title)
    places = figure.subplots(rows, len(runs), sharex="row", sharey="row", squeeze=False)
    for row, panel in enumerate(question.panels):
        for (letter, run), place in zip(runs.items(), places[row], strict=True):
            _draw(place, panel, run.drawn[row])
            if row == 0:
                place.set_title(f"run {letter}", fontweight="bold")
            if panel.log:
                place.set_yscale("log")
            if panel.line is not None:
                height, name = panel.line
                place.axhline(height, color=BLACK, ls=":", lw=1.2, label=name)
            if panel.kind in ("curves", "points"):
                place.xaxis.get_major_locator().set_params(integer=True)
            place.set_xlabel(panel.x)
            place.grid(alpha=0.3)
        places[row][0].set_ylabel(panel.y)
        if (len(run.drawn[row]) > 1 and panel.kind != "bars") or panel.line is not None:
            places[row][0].legend(fontsize=8)
    return figure


def _draw(place: Any, panel: Panel, series: Mapping[str, np.ndarray]) -> None:
    """Draw what one run has in one panel."""
    if panel.kind == "bars":
        heights = [float(values[0]) for values in series.values()]
        place.bar(list(series), heights, color=BLUE)
        if min(heights) < 0:
            place.axhline(0, color=BLACK, lw=0.8)
        return
    for (name, values), (color, line, marker) in zip(series.items(), LOOKS, strict=False):
        if panel.kind == "histogram":
            low, high, bins = panel.bins
            place.hist(np.ravel(values), np.linspace(low, high, bins + 1), color=color)
            continue
        many = len(values) > 30
        place.plot(
            np.arange(len(values)) + panel.first,
            values,
            ls="none" if panel.kind == "points" else line,
            marker=None if many else marker,
            ms=3,
            lw=1 if many else 1.5,
            color=color,
            label=name,
        )
