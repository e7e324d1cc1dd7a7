"""The rows of the lectures and their errata, as the chapters need them."""

from typing import NamedTuple

COUNTS = {"A": 11, "B": 14, "C": 14, "D": 13, "E": 14}  # rows of each deck


class Erratum(NamedTuple):
    """A place where a slide is wrong.

    Attributes:
      rows: the rows of the lectures that it is about.
      slide: what the slide says.
      right: what is right.
    """

    rows: tuple[str, ...]
    slide: str
    right: str


def rows() -> dict[str, str]:
    """Return the rows of the lectures and what each is about."""
    return {f"{deck}{n}": "" for deck, count in COUNTS.items() for n in range(1, count + 1)}


def errata() -> list[Erratum]:
    """Return the errata, in order."""
    return []
