"""Pictures of how good a network is: true and predicted values, calibration, what it looks at."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from jaxmlp.runs.calibration import Reliability
from jaxmlp.runs.figures import BLACK, BLUE, COLOURS, ORANGE, caption
from jaxmlp.runs.words import in_digits

POINTS = 5000  # that a panel shows
VALUES = 4  # that have a row of panels
BARS = 30  # columns that have room


def predicted(y: np.ndarray, answers: np.ndarray, names: Sequence[str], title: str) -> Figure:
    """Draw true against predicted values, and beside it what is left, true minus predicted.

    Args:
      y: true values, `(N, values)`.
      answers: predicted values, `(N, values)`.
      names: of the values; at most four have a row.
      title: what was measured.

    Returns:
      A figure of two panels a value.
    """
    shown = min(len(names), VALUES)
    figure = Figure(figsize=(10, 4.2 * shown), layout="constrained")
    panels = figure.subplots(shown, 2, squeeze=False)
    some = np.random.default_rng(0).permutation(len(y))[:POINTS]
    words = f" ({POINTS:,} of them drawn)" if len(y) > POINTS else ""
    figure.suptitle(caption(title + words, 100))
    size = 12 if len(some) < 500 else 4
    for (left, right), name, true, said in zip(panels, names, y.T, answers.T, strict=False):
        rest, own = true - said, caption(name)
        rmse, mae = np.sqrt(np.mean(rest**2)), np.mean(np.abs(rest))
        ends = [min(true.min(), said.min()), max(true.max(), said.max())]
        left.plot(ends, ends, color=BLACK, lw=1, label="predicted = true")
        left.scatter(said[some], true[some], s=size, color=BLUE, alpha=0.5, lw=0)
        left.set_ylabel(f"true {own} (its own unit)")
        left.legend(frameon=False)
        right.axhline(0, color=BLACK, lw=1)
        right.axhline(rmse, color=ORANGE, ls="--", lw=1, label="± RMSE")
        right.axhline(-rmse, color=ORANGE, ls="--", lw=1)
        right.scatter(said[some], rest[some], s=size, color=BLUE, alpha=0.5, lw=0)
        right.set_ylabel(f"residual: true minus predicted {own}")
        right.set_title(f"RMSE {in_digits(rmse)}, MAE {in_digits(mae)}", fontsize=10)
        right.legend(frameon=False)
        for panel in (left, right):
            panel.set_xlabel(f"predicted {own} (its own unit)")
            panel.grid(alpha=0.3)
    return figure


def calibration(curves: Mapping[str, Reliability], what: str, title: str) -> Figure:
    """Draw calibration curves above a count of the examples at each probability.

    Args:
      curves: groups of examples by what they are called, such as "calibrated".
      what: whose probability it is.
      title: what was measured.

    Returns:
      A figure of two panels.
    """
    figure = Figure(figsize=(5.6, 6.6), layout="constrained")
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    top.plot([0, 1], [0, 1], color=BLACK, lw=1, label="as sure as right")
    for (words, found), color, marker in zip(curves.items(), (BLUE, ORANGE), "os", strict=False):
        label = f"{words}, calibration error {found.error:.4f}"
        top.plot(found.probability, found.share, color=color, marker=marker, ms=4, label=label)
        below.plot(found.probability, found.examples, color=color, marker=marker, ms=3)
    top.set_ylabel("share of examples of which it is true")
    below.set_xlabel(f"predicted probability of {caption(what)}")
    below.set_ylabel("examples")
    below.set_yscale("log")
    top.set_title(caption(title, 60), fontsize=10)
    lines = top.get_legend_handles_labels()
    figure.legend(*lines, loc="outside upper left", frameon=False, fontsize=9)
    for panel in (top, below):
        panel.set_xlim(-0.02, 1.02)
        panel.grid(alpha=0.3)
    return figure


def importance(rows: Sequence[Mapping[str, Any]], grows: str, title: str) -> Figure:
    """Draw the importance of columns with its deviation over permutations.

    Args:
      rows: `column`, `mean` and `deviation` of each, the most important first.
      grows: what grows when a column is permuted.
      title: what was measured.

    Returns:
      A figure; at most thirty columns have room.
    """
    shown = rows[:BARS]
    figure = Figure(figsize=(7, 1.4 + 0.3 * len(shown)), layout="constrained")
    panel = figure.subplots()
    places = np.arange(len(shown))
    means, deviations = ([row[key] for row in shown] for key in ("mean", "deviation"))
    panel.barh(places, means, xerr=deviations, color=BLUE, ecolor=BLACK, capsize=2)
    panel.set_yticks(places, [caption(row["column"]) for row in shown])
    panel.invert_yaxis()
    panel.axvline(0, color=BLACK, lw=1)
    panel.set_xlabel(f"growth of the {grows} when the column is permuted")
    panel.set_ylabel("column")
    rest = f", {len(shown)} of {len(rows)} columns" if len(rows) > len(shown) else ""
    panel.set_title(caption(title + rest, 80), fontsize=10)
    panel.grid(axis="x", alpha=0.3)
    return figure


def partial(found: Mapping[str, Mapping[str, Any]], unit: str, title: str) -> Figure:
    """Draw the mean answer against the value of each of some columns.

    Args:
      found: `values` and `answers` by the names of the columns.
      unit: what the answers are.
      title: what was measured.

    Returns:
      A figure of a panel a column.
    """
    figure = Figure(figsize=(5.2 * len(found), 4.4), layout="constrained")
    panels = figure.subplots(1, len(found), squeeze=False)[0]
    figure.suptitle(caption(title, 80), fontsize=10)
    for panel, (column, curve) in zip(panels, found.items(), strict=True):
        named = isinstance(curve["values"][0], str)
        answers = [*curve["answers"].items()]
        for (name, means), color in zip(answers[-len(COLOURS) :], COLOURS, strict=False):
            places = range(len(means)) if named else curve["values"]
            panel.plot(
                places, means, "o" if named else "o-", ms=4, color=color, label=caption(name)
            )
        if named:
            names = [caption(value) for value in curve["values"]]
            panel.set_xticks(range(len(names)), names, rotation=90)
        panel.set_xlabel(f"{caption(column)}, in all examples")
        panel.set_ylabel(unit)
        panel.legend(frameon=False, fontsize=9)
        panel.grid(alpha=0.3)
    return figure
