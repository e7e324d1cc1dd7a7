"""A clock for steps: the time they take, and how many to run before the next look."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

PACE = 0.25  # seconds between two looks at a running epoch


class Clock:
    """A clock that measures the steps run inside its `with` block.

    Attributes:
      seconds: the time that steps have taken since the last complete epoch, with what they waited
        for.
      taken: the number of these steps.
    """

    def __init__(self) -> None:
        self.seconds, self.taken = 0.0, 0
        self._rate: float | None = None  # steps a second
        self._compiled = False
        self._began = self._last = 0.0

    def __enter__(self) -> "Clock":
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self._last = time.perf_counter() - self._began

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time of the block too: what the steps wait for, such as their examples."""
        began = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - began

    def steps_until_look(self) -> int:
        """Return the number of steps to run next, so that looks come at an even pace."""
        return 1 if self._rate is None else max(1, int(self._rate * PACE))

    def count_steps(self, steps: int) -> None:
        """Count the steps that the last `with` block ran.

        Args:
          steps: their number.
        """
        if self._compiled:  # the first run's time is mostly compilation
            self._rate = steps / self._last
        self._compiled = True
        self.seconds, self.taken = self.seconds + self._last, self.taken + steps

    def close_epochs(self) -> tuple[float, float]:
        """Return what was measured since the last complete epoch, and begin anew.

        Returns:
          The seconds that steps have taken, and the steps per second.
        """
        seconds, taken = self.seconds, self.taken
        self.seconds, self.taken = 0.0, 0
        return seconds, taken / max(seconds, 1e-9)
