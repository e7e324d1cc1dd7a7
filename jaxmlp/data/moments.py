"""Fit the scaling of inputs or targets in one pass over data that are larger than memory."""

import numpy as np

from jaxmlp.data.dealing import are_chosen
from jaxmlp.data.digest import SAMPLE
from jaxmlp.data.preprocessing import Preprocessing, kind_for

MOST_VALUES = 1 << 23  # of the rows that quartiles are computed from


class Moments:
    """What is known of the features of some examples, added up piece by piece.

    The mean and the sum of squares are merged as Chan, Golub and LeVeque (1979) do: for `n` and `m`
    examples with means `a` and `b`, `mean = a + d m / (n + m)` with `d = b - a`, and
    `S = S_a + S_b + d^2 n m / (n + m)`. Quartiles come from at most 65,536 examples, chosen evenly.

    Attributes:
      examples: their number so far.
      low: the smallest value of each feature, `(features,)`, float64.
      high: the largest.
      mean: of each feature.
      total: the number of all examples that will come.
    """

    def __init__(self, total: int) -> None:
        """Begin with nothing.

        Args:
          total: the number of examples that will come.
        """
        self.examples, self.total = 0, total
        self._values = 0
        self._sample: list[np.ndarray] = []

    def add(self, x: np.ndarray) -> None:
        """Add some examples.

        Args:
          x: `(n, ..., features)`.
        """
        flat = x.reshape(-1, x.shape[-1]).astype(np.float64)
        low, high, mean = flat.min(0), flat.max(0), flat.mean(0)
        with np.errstate(invalid="ignore", over="ignore"):  # refused where the scaling is made
            squares = np.square(flat - mean).sum(0)
            binary = ((flat == 0) | (flat == 1)).all(0)
        n, m = self._values, len(flat)
        if n == 0:
            self.low, self.high, self.mean, self._squares = low, high, mean, squares
            self._binary, self._room = binary, min(SAMPLE, max(1, MOST_VALUES // x[0].size))
        else:
            self.low, self.high = np.minimum(self.low, low), np.maximum(self.high, high)
            with np.errstate(invalid="ignore", over="ignore"):
                apart = mean - self.mean
                self._squares = self._squares + squares + apart**2 * (n * m / (n + m))
                self.mean = self.mean + apart * (m / (n + m))
            self._binary = self._binary & binary
        ranks = np.arange(self.examples, self.examples + len(x))
        self._sample.append(x[are_chosen(ranks, self.total, min(self._room, self.total), 0)])
        self._values, self.examples = n + m, self.examples + len(x)

    @property
    def variance(self) -> np.ndarray:
        """The variance of each feature, dividing by the number of values."""
        return np.asarray(self._squares / self._values)

    @property
    def sample(self) -> np.ndarray:
        """Some of the examples, chosen evenly; all of them, if they are few."""
        return np.concatenate(self._sample)

    def preprocessing(self, kind: str, as_they_are: np.ndarray | None = None) -> Preprocessing:
        """Return the scaling that is fitted to the examples.

        Args:
          kind: one of `jaxmlp.data.preprocessing.KINDS`, or `auto`.
          as_they_are: see `Preprocessing.fit`.

        Returns:
          The preprocessing, equal to that of `Preprocessing.fit` up to rounding; its quartiles, of
          more than 65,536 examples, are those of the chosen ones.

        Raises:
          InputError: if a value is not finite.
        """
        return Preprocessing.of(
            kind_for(kind, self._sample[0].dtype),
            self.low,
            self.high,
            lambda: (self.mean, np.sqrt(self.variance)),
            self._quartiles,
            as_they_are,
        )

    def _quartiles(self) -> tuple[np.ndarray, ...]:
        flat = self.sample.reshape(-1, self.sample.shape[-1])
        found = np.quantile(flat, (0.25, 0.5, 0.75), axis=0).astype(np.float64)
        return (*found, self._binary.astype(np.float64))
