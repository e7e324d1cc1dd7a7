"""The form of a question of diagnosis: runs beside each other, of which one has a fault."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from jaxmlp.errors import InputError, shown

LETTERS = "ABCD"
MOST = 999  # the greatest seed
SALT = 7  # with it every letter is right in some question of seed 0


class Panel(NamedTuple):
    """A picture that each run has, with the same axes for all of them.

    Attributes:
      x: the label of the horizontal axis.
      y: the label of the vertical axis.
      kind: curves against epochs or steps, points, bars with names, or a histogram of values.
      log: whether the vertical axis is logarithmic.
      first: the number of the first point of a curve.
      bins: of a histogram: the lowest edge, the highest, and the number of bins.
      line: a height to compare with, and its name.
    """

    x: str
    y: str
    kind: Literal["curves", "points", "bars", "histogram"] = "curves"
    log: bool = False
    first: int = 0
    bins: tuple[float, float, int] = (0.0, 1.0, 20)
    line: tuple[float, str] | None = None


class Run(NamedTuple):
    """What is measured of one run.

    Attributes:
      numbers: by name, the row of the run in the table; the same names for all runs of a question.
      drawn: for each panel, series of numbers by name.
    """

    numbers: dict[str, float]
    drawn: tuple[dict[str, np.ndarray], ...]


@dataclass(frozen=True, eq=False)  # hashed by identity
class Question:
    """One question.

    Attributes:
      name: the name under which it is asked.
      row: the row of the lectures that teaches it, a letter and a number.
      title: the question, in a line.
      text: what was trained, and what the picture shows.
      panels: what is drawn of each run.
      runs: trains with a seed; returns first the run with the fault, then the healthy ones.
      decides: the name of the number that shows the fault.
      healthy: which values of this number are healthy, in words.
      fault: what was wrong, and how this makes what one sees.
      remedy: what to try.
      needs: the names of the exercises that teach what this one uses.
    """

    name: str
    row: str
    title: str
    text: str
    panels: Sequence[Panel]
    runs: Callable[[int], Sequence[Run]] = field(repr=False)
    decides: str
    healthy: str
    fault: str
    remedy: str
    needs: tuple[str, ...] = ()

    def order(self, seed: int) -> list[int]:
        """Return for each letter the place of its run among those that `runs` returns."""
        rng = np.random.default_rng([seed, SALT, *self.name.encode()])
        drawn = rng.permutation(len(LETTERS))
        return [int(place) for place in drawn]

    def right(self, seed: int) -> str:
        """Return the letter of the run that has the fault."""
        return LETTERS[self.order(seed).index(0)]

    def by_letter(self, seed: int) -> dict[str, Run]:
        """Train, unless this process has done so before, and return the runs by their letters."""
        return _by_letter(self, seed)


@functools.cache
def _by_letter(question: Question, seed: int) -> dict[str, Run]:
    runs = question.runs(seed)
    places = zip(LETTERS, question.order(seed), strict=True)
    return {letter: runs[place] for letter, place in places}


def letter_of(answer: str) -> str:
    """Return the letter that an answer names, in upper or lower case.

    Args:
      answer: what was answered.

    Returns:
      The letter.

    Raises:
      InputError: if no run has it.
    """
    letter = answer.strip().upper()
    if len(letter) != 1 or letter not in LETTERS:
        one = f"one of {', '.join(LETTERS)}"
        raise InputError(f"the answer must be the letter of a run, {one}, got {shown(answer)}")
    return letter


def table(runs: Mapping[str, Run]) -> str:
    """Return the numbers of the runs as text: a line for each number, a column for each run."""
    names = list(runs[LETTERS[0]].numbers)
    wide = max(map(len, names))
    head = " " * wide + "".join(f"{letter:>10}" for letter in runs)
    lines = [
        f"{name:{wide}}" + "".join(f"{run.numbers[name]:10.3g}" for run in runs.values())
        for name in names
    ]
    return "\n".join([head, *lines])
