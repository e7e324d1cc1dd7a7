"""The arithmetic of the benchmark: ratios within a round, median and spread, exponents."""

from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np

Times = Mapping[str, Sequence[float]]  # for each library, one time per round
Summary = dict[str, float]


def summary(values: Sequence[float]) -> Summary:
    """Return the median, the lowest and the highest value, and the number of values."""
    return {
        "median": median(values),
        "low": min(values),
        "high": max(values),
        "rounds": len(values),
    }


def ratios(times: Times, reference: str) -> dict[str, Summary]:
    """Return the ratio of each other library's time to the reference's, round by round.

    Args:
      times: the times of each library.
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
    """Return the summary with the smallest median, or `None` if there are no ratios."""
    return min(ratios.values(), key=lambda found: found["median"], default=None)


def exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the exponent b of `y = a x^b`, fitted by least squares of the logarithms."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the slope b of the line `y = a + b x`, fitted by least squares."""
    return float(np.polyfit(x, y, 1)[0])
