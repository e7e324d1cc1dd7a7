"""The best fit of a curve by straight pieces, which bounds every network with one hidden layer."""

import numpy as np


def best_fits(y: np.ndarray, most: int) -> np.ndarray:
    """Return the error of the best fit by 1, 2, ... straight pieces, by dynamic programming.

    A network of one input and m ReLU units in one hidden layer is a continuous line of at most
    m + 1 straight pieces. The pieces here need not join, so no such network has a smaller error.
    With `c(i, j)` the least squares of one line through the points i to j, the least squares of k
    pieces up to point j are `S_k(j) = min_i S_{k-1}(i - 1) + c(i, j)` (lecture row D5).

    Args:
      y: the values at equally spaced points, `(N,)`.
      most: the largest number of pieces.

    Returns:
      The root mean square errors, `(most,)`.
    """
    costs = _line_costs(np.asarray(y, float))
    squares = [costs[0]]
    for _ in range(most - 1):
        before = np.concatenate([[0.0], squares[-1][:-1]])
        squares.append(np.min(before[:, None] + costs, axis=0))
    return np.sqrt(np.maximum([s[-1] for s in squares], 0) / len(y))


def _line_costs(y: np.ndarray) -> np.ndarray:
    """Return the squared residuals of one line through the points i to j; infinite for i > j."""
    x = np.arange(len(y), dtype=float)
    sums = [np.concatenate([[0.0], np.cumsum(v)]) for v in (np.ones_like(x), x, y, x * x, x * y)]
    n, sx, sy, sxx, sxy = (s[None, 1:] - s[:-1, None] for s in sums)
    syy = np.cumsum(np.concatenate([[0.0], y * y]))
    total = syy[None, 1:] - syy[:-1, None]
    inside = n > 0
    n = np.where(inside, n, 1.0)
    spread, shared = sxx - sx * sx / n, sxy - sx * sy / n
    slope = np.divide(shared, spread, out=np.zeros_like(spread), where=n > 1)
    return np.where(inside, np.maximum(total - sy * sy / n - slope * shared, 0), np.inf)


def crossings(values: np.ndarray, level: float = 0.5) -> np.ndarray:
    """Count how often curves cross a level.

    The sawtooth of n folds crosses 1/2 at 2^n places, and a line of p straight pieces at p places
    at most. So whatever crosses less often lies on the wrong side somewhere (Telgarsky 2015).

    Args:
      values: the curves at points in rising order, `(..., N)`.
      level: the level.

    Returns:
      The counts, `(...)`.
    """
    above = np.asarray(values) > level
    return np.sum(above[..., 1:] != above[..., :-1], axis=-1)
