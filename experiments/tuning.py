"""Choose a rate for each method, on an equal budget."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np


class Tuned(NamedTuple):
    """The best rate of a method.

    Attributes:
      rate: the rate.
      place: its place in the grid, from 0.
      scores: the scores that chose it, `(rates, seeds)`; the lowest mean wins.
      at_edge: whether it is the first or the last of the grid, so that a better one may lie
        outside. A verdict must say so.
    """

    rate: float
    place: int
    scores: np.ndarray
    at_edge: bool


def edge_note(tuned: dict[str, Tuned]) -> str:
    """Return a sentence that names the methods whose best rate is at an edge, or nothing.

    Args:
      tuned: the choice of each method.

    Returns:
      The sentence, with a space before it; empty if every best rate is inside its grid.
    """
    return edge_sentence([name for name, found in tuned.items() if found.at_edge])


def edge_sentence(edges: Sequence[str]) -> str:
    """Return a sentence that names methods whose best rate is at an edge, or nothing.

    Args:
      edges: their names.

    Returns:
      The sentence, with a space before it; empty if there are none.
    """
    return f" The best rate lies at an edge of the grid for {', '.join(edges)}." if edges else ""


def best(rates: Sequence[float], scores: Any) -> Tuned:
    """Choose the rate with the lowest mean score over seeds.

    Args:
      rates: the grid, in rising order.
      scores: `(rates, seeds)`, the lower the better. A score that is not finite counts as
        infinitely bad, and so does the mean over seeds.

    Returns:
      The choice.
    """
    table = np.asarray(scores, float)
    table = np.where(np.isfinite(table), table, np.inf)
    place = int(np.argmin(table.mean(axis=1)))
    return Tuned(float(rates[place]), place, table, place in (0, len(rates) - 1))


def tune(rates: Sequence[float], score: Callable[[float], Any]) -> Tuned:
    """Try every rate of a grid and choose the best.

    Args:
      rates: the grid, in rising order.
      score: `rate -> (seeds,)`, the lower the better.

    Returns:
      The choice.
    """
    return best(rates, [np.asarray(score(rate), float) for rate in rates])
