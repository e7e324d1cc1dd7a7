"""Spread over seeds, and whether two methods differ. Lecture row A11.

Every spread divides by n - 1, so that the square is an unbiased estimate of the variance.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.95  # of every interval, unless another one is named


class Interval(NamedTuple):
    """A mean over seeds, and the interval in which the true mean lies at the given level.

    Attributes:
      mean: the mean over seeds.
      low: the lower end of the interval.
      high: its upper end.
    """

    mean: float
    low: float
    high: float

    @property
    def above(self) -> bool | None:
        """`True` if the mean is shown to be above zero, `False` if below, `None` if neither."""
        return None if not (self.low > 0 or self.high < 0) else bool(self.low > 0)

    @property
    def below(self) -> bool | None:
        """`True` if the mean is shown to be below zero, `False` if above, `None` if neither."""
        return None if self.above is None else not self.above

    def text(self, digits: int = 2) -> str:
        """The interval in words, such as `0.25 [0.12, 0.38]`."""
        mean, low, high = (f"{value:.{digits}f}" for value in self)
        return f"{mean} [{low}, {high}]"


def spread(values: Any) -> float:
    """Return the standard deviation over seeds, `sqrt(sum_i (x_i - mean)^2 / (n - 1))`.

    Args:
      values: `(n,)`, at least two.

    Returns:
      The deviation.
    """
    return float(np.std(np.asarray(values, float), ddof=1))


def interval(values: Any, level: float = LEVEL) -> Interval:
    """Return the t interval of a mean, `mean -+ t s / sqrt(n)` with n - 1 degrees of freedom.

    Args:
      values: `(n,)`, one for each seed, at least two.
      level: the probability that the interval covers the true mean, if the values are normal.

    Returns:
      The interval. Where all values are equal it is a point.
    """
    x = np.asarray(values, float)
    mean = float(np.mean(x))
    half = float(stats.t.ppf((1 + level) / 2, len(x) - 1)) * spread(x) / np.sqrt(len(x))
    return Interval(mean, mean - half, mean + half)


def paired(a: Any, b: Any, level: float = LEVEL) -> Interval:
    """Return the t interval of the mean difference `a - b`, taken seed by seed.

    Args:
      a: `(n,)`, one value for each seed.
      b: `(n,)`, with the same seeds in the same order.
      level: the probability that the interval covers the true difference.

    Returns:
      The interval. `paired(a, b).above` says whether `a` is shown to be greater than `b`.
    """
    return interval(np.asarray(a, float) - np.asarray(b, float), level)
