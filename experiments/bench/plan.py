"""What one run of the benchmark is told: rounds, libraries, data."""

from pathlib import Path
from typing import NamedTuple

from experiments.bench.peers import OURS


class Plan(NamedTuple):
    """What every section needs to know.

    Attributes:
      libraries: the names of those that take part, ours first.
      rounds: how often each measurement is repeated.
      quick: whether sizes are cut to see that all works; the numbers then mean nothing.
      data: the digits as a `.npz` file.
      dataset: their name for our commands.
      scratch: a folder that is gone afterwards.
    """

    libraries: tuple[str, ...]
    rounds: int
    quick: bool
    data: str
    dataset: str
    scratch: Path

    @property
    def peers(self) -> tuple[str, ...]:
        """The libraries that ours is compared with."""
        return tuple(name for name in self.libraries if name != OURS)
