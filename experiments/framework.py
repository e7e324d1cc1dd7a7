"""The parts of an experiment: its settings, its description, its verdict and its name."""

import importlib
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

from experiments import claims
from jaxmlp.errors import unknown

HOLDS = "holds"
CONDITIONALLY = "holds with conditions"
FAILS = "does not hold"
Numbers = dict[str, Any]


class Settings(NamedTuple):
    """The settings on which the numbers of an experiment depend.

    Attributes:
      seeds: the number of repetitions of everything random, with the seeds 0, 1, ...
      quick: whether to take seconds instead of minutes; the numbers are coarser, the verdict is
        the same.
      dataset: the digits to learn, `mnist` or `mnist_5k`.
    """

    seeds: int = 5
    quick: bool = False
    dataset: str = "mnist_5k"


@dataclass(frozen=True)
class About:
    """The description of an experiment, known before it runs.

    Attributes:
      rows: the lecture rows that it tests, such as `("A3", "A4")`; the first letter is the deck.
      section: the section of the deck that makes the claim.
      formula: in LaTeX.
      threshold: the criterion of the verdict, in words, written down before the run.
      expected: the verdict on record; any other verdict is a regression.
      seconds: the usual time on two cores.
    """

    rows: tuple[str, ...]
    section: str
    formula: str
    threshold: str
    expected: str
    seconds: float


@dataclass(frozen=True)
class Verdict:
    """The result of an experiment.

    Attributes:
      word: `HOLDS`, `CONDITIONALLY` or `FAILS`.
      number: the number that decides the verdict.
      spread: its standard deviation over seeds, or `None` if nothing is random.
      says: our conclusion, in a few sentences with the numbers in them.
    """

    word: str
    number: float
    spread: float | None
    says: str


def verdict_word(checks: Iterable[Any], partly: Any = None) -> str:
    """Return the word of a verdict: `HOLDS`, `CONDITIONALLY` or `FAILS`.

    Args:
      checks: whether each part of the threshold is met. The claim holds if all are.
      partly: whether the claim holds with conditions if some part is not met; by default, whether
        at least one part is met.

    Returns:
      The word.
    """
    met = [bool(check) for check in checks]
    if all(met):
        return HOLDS
    return CONDITIONALLY if (any(met) if partly is None else partly) else FAILS


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
