"""Some rows among many, by where they begin and end."""

import numpy as np


class Ranges:
    """The rows of some ranges, which do not overlap."""

    def __init__(self, ranges: np.ndarray) -> None:
        """Take the ranges.

        Args:
          ranges: in ascending order, where each begins and ends, `(n, 2)`; a range may be empty.
        """
        self._starts, self._stops = ranges[ranges[:, 0] < ranges[:, 1]].T

    def within(self, start: int, stop: int) -> np.ndarray:
        """Return the bounds of the ranges between two rows, cut off there, `(k, 2)`."""
        first = np.searchsorted(self._stops, start, "right")
        last = np.searchsorted(self._starts, stop, "left")
        own = slice(first, last)
        found = np.stack([self._starts[own], self._stops[own]], axis=1)
        return found.clip(start, stop)

    def places(self, start: int, stop: int) -> np.ndarray:
        """Return the rows of the ranges between two rows, counted from the first of the two."""
        found = self.within(start, stop) - start
        return np.concatenate([np.arange(0), *(np.arange(*bounds) for bounds in found)])
