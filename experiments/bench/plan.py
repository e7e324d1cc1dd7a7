"""The plan of one run of the benchmark: rounds, libraries, data."""

from pathlib import Path
from typing import NamedTuple

from experiments.bench.peers import OURS


class Plan(NamedTuple):
    """The settings that every section needs.

    Attributes:
      libraries: the names of the libraries that take part, ours first.
      rounds: the number of repetitions of each measurement.
      quick: whether sizes are reduced to check that all works; the numbers then mean nothing.
      data: the digits as a `.npz` file.
      dataset: the name of the digits in our commands.
      scratch: a folder that is deleted afterwards.
    """

    libraries: tuple[str, ...]
    rounds: int
    quick: bool
    data: str
    dataset: str
    scratch: Path

    @property
    def peers(self) -> tuple[str, ...]:
        """The libraries that are compared with ours."""
        return tuple(name for name in self.libraries if name != OURS)
