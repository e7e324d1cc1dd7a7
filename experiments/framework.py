"""What an experiment is: its settings, what is known before it runs, its verdict, its name."""

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
    """What an experiment's numbers depend on.

    Attributes:
      seeds: how many times anything random is repeated, with the seeds 0, 1, ...
      quick: whether to take seconds instead of minutes, with coarser numbers but the same verdict.
      dataset: the digits to learn, `mnist` or `mnist_5k`.
    """

    seeds: int = 5
    quick: bool = False
    dataset: str = "mnist_5k"


@dataclass(frozen=True)
class About:
    """What is known of an experiment before it runs.

    Attributes:
      rows: the lecture rows it tests, such as `("A3", "A4")`; the first letter is the deck.
      section: where in the deck the claim stands.
      formula: in LaTeX.
      threshold: the criterion of the verdict, in words, written down before the run.
      expected: the verdict on record; another one is a regression.
      seconds: how long it usually takes on two cores.
    """

    rows: tuple[str, ...]
    section: str
    formula: str
    threshold: str
    expected: str
    seconds: float


@dataclass(frozen=True)
class Verdict:
    """What came out.

    Attributes:
      word: `HOLDS`, `CONDITIONALLY` or `FAILS`.
      number: the number that decides.
      spread: its standard deviation over seeds, or `None` if nothing is random.
      says: what we conclude, in a sentence or two with the numbers in it.
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
      name: of the experiment.

    Returns:
      The module.

    Raises:
      InputError: if there is no such experiment; proposes the nearest.
    """
    if name not in _modules():
        raise unknown("experiment", name, _modules())
    return importlib.import_module(f"{claims.__name__}.{name}")


def claim(module: ModuleType) -> str:
    """Return the claim of an experiment, the first paragraph of its docstring."""
    return " ".join((module.__doc__ or "").split("\n\n")[0].split())
