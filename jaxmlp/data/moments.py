"""Fit the scaling of inputs or targets in one pass over data that are larger than memory."""

from typing import NamedTuple

import numpy as np

from jaxmlp.data.dealing import are_chosen
from jaxmlp.data.digest import SAMPLE
from jaxmlp.data.preprocessing import Preprocessing, kind_for

MOST_VALUES = 1 << 23  # of the rows that quartiles are computed from


class Piece(NamedTuple):
    """What is known of the features of a few examples.

    Attributes:
      examples: their number.
      values: the number of values of each feature.
      low: the smallest value of each feature, `(features,)`, float64.
      high: the largest.
      mean: of each feature.
      squares: the sum of the squares of the distances from the mean.
      binary: whether a feature has only zeros and ones.
      sample: the examples that are kept.
    """

    examples: int
    values: int
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    squares: np.ndarray
    binary: np.ndarray
    sample: np.ndarray


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
        self.take(self.among(x, self.examples))

    def among(self, x: np.ndarray, before: int) -> "Piece":
        """Return what `take` needs to know of some examples.

        Args:
          x: `(n, ..., features)`.
          before: the number of examples before these.

        Returns:
          What there is to know of them.
        """
        flat = x.reshape(-1, x.shape[-1]).astype(np.float64)
        low, high, mean = flat.min(0), flat.max(0), flat.mean(0)
        with np.errstate(invalid="ignore", over="ignore"):  # refused where the scaling is made
            squares = np.square(flat - mean).sum(0)
            binary = ((flat == 0) | (flat == 1)).all(0)
        room = min(SAMPLE, max(1, MOST_VALUES // x[0].size), self.total)
        chosen = are_chosen(np.arange(before, before + len(x)), self.total, room, 0)
        return Piece(len(x), len(flat), low, high, mean, squares, binary, x[chosen])

    def take(self, piece: "Piece") -> None:
        """Add what is known of some examples, in their order."""
        n, m = self._values, piece.values
        if n == 0:
            self.low, self.high, self.mean = piece.low, piece.high, piece.mean
            self._squares, self._binary = piece.squares, piece.binary
        else:
            self.low, self.high = np.minimum(self.low, piece.low), np.maximum(self.high, piece.high)
            with np.errstate(invalid="ignore", over="ignore"):
                apart = piece.mean - self.mean
                self._squares = self._squares + piece.squares + apart**2 * (n * m / (n + m))
                self.mean = self.mean + apart * (m / (n + m))
            self._binary = self._binary & piece.binary
        self._sample.append(piece.sample)
        self._values, self.examples = n + m, self.examples + piece.examples

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
