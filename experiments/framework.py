"""The parts of an experiment: its settings, its description, its verdict and its name.

The rules of all experiments:

- Where methods are compared, each gets its own best rate, on an equal budget (`tuning`).
- A spread over seeds divides by n - 1. A difference counts if its paired t interval over the seeds,
  at 95 %, excludes zero (`statistics`).
- The main clause of a claim decides its verdict (`word_of`).
- The threshold is written down before the first run. If it changes later, the record keeps the old
  words, the new words and the reason, and the report shows them (`Threshold`).
- The number that decides has a name and a unit.
- What a claim is compared with must be able to win.
"""

import importlib
import pkgutil
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

from experiments import claims
from jaxmlp.errors import unknown

HOLDS = "holds"
IN_PART = "holds in part"
NOT_SHOWN = "not shown"
REFUTED = "refuted"
WORDS = (HOLDS, IN_PART, NOT_SHOWN, REFUTED)
Numbers = dict[str, Any]


class Settings(NamedTuple):
    """The settings on which the numbers of an experiment depend.

    Attributes:
      seeds: the number of repetitions of everything random, with the seeds 0, 1, ...; at least 5
        for a verdict that counts.
      quick: whether to take seconds instead of minutes; the numbers are coarser, the verdict is
        the same.
      dataset: the digits to learn, `mnist` or `mnist_5k`.
      first: the first seed, so that a claim whose sizes were chosen by trials can be judged on
        seeds that no trial has seen.
    """

    seeds: int = 5
    quick: bool = False
    dataset: str = "mnist_5k"
    first: int = 0

    @property
    def many(self) -> int:
        """The number of seeds where a repetition is cheap, twice as many."""
        return 2 * self.seeds


class Threshold(NamedTuple):
    """The criterion of a verdict, and why it was written.

    Attributes:
      words: the criterion, in words.
      why: `BEFORE` for the first one; for a later one, what had been seen, and what was changed.
    """

    words: str
    why: str


BEFORE = "written before the first run"


@dataclass(frozen=True)
class About:
    """The description of an experiment, known before it runs.

    Attributes:
      rows: the lecture rows that it tests, such as `("A3", "A4")`; the first letter is the deck.
      section: the section of the deck that makes the claim.
      formula: in LaTeX.
      number: the name of the number that decides, such as "epochs to 80 % accuracy,
        cross-entropy over squared error".
      unit: its unit, such as "ratio", "nats" or "points of accuracy".
      thresholds: the criterion of the verdict and all its earlier forms, the oldest first. The last
        one decides.
      expected: the verdict on record; any other verdict is a regression.
      seconds: the usual time on two cores.
    """

    rows: tuple[str, ...]
    section: str
    formula: str
    number: str
    unit: str
    thresholds: tuple[Threshold, ...]
    expected: str
    seconds: float

    @property
    def threshold(self) -> str:
        """The criterion that decides, in words."""
        return self.thresholds[-1].words


@dataclass(frozen=True)
class Verdict:
    """The result of an experiment.

    Attributes:
      word: `HOLDS`, `IN_PART`, `NOT_SHOWN` or `REFUTED`.
      number: the number that decides the verdict.
      spread: its standard deviation over seeds, or `None` if nothing is random.
      says: our conclusion, in a few sentences with the numbers in them.
      part: with `IN_PART`, which part of the claim holds; else empty.
    """

    word: str
    number: float
    spread: float | None
    says: str
    part: str = ""


def word_of(main: Any, *others: Any) -> str:
    """Return the word of a verdict. The main clause of the claim decides.

    Args:
      main: whether the main clause is true: `True` if it was shown, `False` if the opposite was
        shown, `None` if neither was, as in `Interval.above`.
      *others: likewise, whether each further clause is true.

    Returns:
      `REFUTED` if the main clause is, `NOT_SHOWN` if it was not shown, `HOLDS` if it and all
      others were shown, and `IN_PART` if some other clause was not.
    """
    if main is None:
        return NOT_SHOWN
    if not main:
        return REFUTED
    return HOLDS if all(other is not None and bool(other) for other in others) else IN_PART


def all_of(*clauses: Any) -> bool | None:
    """Join clauses: `True` if all are shown, `False` if the opposite of one is, else `None`."""
    if any(clause is not None and not clause for clause in clauses):
        return False
    return None if None in clauses else True


def names() -> list[str]:
    """Return the names of all experiments, in the order of the decks."""
    return sorted(_modules(), key=lambda name: (_order(load(name).ABOUT.rows[0]), name))


def _modules() -> list[str]:
    return [info.name for info in pkgutil.iter_modules(claims.__path__)]


def _order(row: str) -> tuple[str, int]:
    return row[0], int(row[1:])


def load(name: str) -> ModuleType:
    """Return an experiment's module.

    Args:
      name: the name of the experiment.

    Returns:
      The module.

    Raises:
      InputError: if there is no such experiment; the message names the nearest.
    """
    if name not in _modules():
        raise unknown("experiment", name, _modules())
    return importlib.import_module(f"{claims.__name__}.{name}")


def claim(module: ModuleType) -> str:
    """Return the claim of an experiment, the first paragraph of its docstring."""
    return " ".join((module.__doc__ or "").split("\n\n")[0].split())
