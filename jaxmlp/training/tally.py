"""What is to be known of the targets of a part, in a few numbers."""

from typing import NamedTuple

import numpy as np

from jaxmlp.training.types import HostTargets


class Tally(NamedTuple):
    """What is to be known of encoded targets.

    Attributes:
      examples: their number.
      mean: of each column of targets, `(K,)`, float64.
      variance: of each column, dividing by the number of examples, `(K,)`.
      labels: how many examples each class has, from class 0 on; empty for other targets than
        classes. A class without an example may be missing at the end.
    """

    examples: int
    mean: np.ndarray
    variance: np.ndarray
    labels: np.ndarray

    @staticmethod
    def of(targets: HostTargets) -> "Tally":
        """Return the tally of targets in memory.

        Args:
          targets: `(n,)` or `(n, K)`.

        Returns:
          The tally; a single column of zeros and ones counts as classes too.
        """
        numbers = targets.reshape(len(targets), -1)
        mean = np.atleast_1d(np.mean(numbers, axis=0, dtype=np.float64))
        variance = np.atleast_1d(np.var(numbers, axis=0, dtype=np.float64))
        labels = np.zeros(0, np.int64)
        if numbers.shape[1] == 1 and (targets.ndim == 1 or np.isin(targets, (0, 1)).all()):
            labels = np.bincount(numbers[:, 0].astype(int))
        return Tally(len(targets), mean, variance, labels)

    def in_short(self) -> np.ndarray:
        """Return two examples whose targets have this mean and this variance, `(2, K)`."""
        deviation = np.sqrt(self.variance)
        return np.stack([self.mean - deviation, self.mean + deviation])
