"""From times to what is reported: ratios within a round, their median and spread, exponents."""

from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np

Times = Mapping[str, Sequence[float]]  # of each library, one per round
Summary = dict[str, float]


def summary(values: Sequence[float]) -> Summary:
    """Return the median, the least and the greatest of values, and how many there are."""
    return {
        "median": median(values),
        "low": min(values),
        "high": max(values),
        "rounds": len(values),
    }


def ratios(times: Times, reference: str) -> dict[str, Summary]:
    """Return how many times as long as the reference each other library took, round by round.

    Args:
      times: of each library.
      reference: the library that the others are compared with.

    Returns:
      A summary of `time / reference's time in the same round` for each other library.
    """
    ours = times[reference]
    return {
        name: summary([a / b for a, b in zip(theirs, ours, strict=True)])
        for name, theirs in times.items()
        if name != reference
    }


def fastest(ratios: Mapping[str, Summary]) -> Summary | None:
    """Return the smallest median among ratios: the competitor to beat; none, if there is none."""
    return min(ratios.values(), key=lambda found: found["median"], default=None)


def exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """Return b of the power law `y = a x^b` that fits best, by least squares of the logarithms."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Return b of the line `y = a + b x` that fits best, by least squares."""
    return float(np.polyfit(x, y, 1)[0])
