"""What all experiments share: settings, verdicts, the registry, running and writing."""

import importlib
import json
import pkgutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

import experiments
from jaxmlp.errors import unknown
from jaxmlp.files import write_atomically

HOLDS = "holds"
CONDITIONALLY = "holds with conditions"
FAILS = "does not hold"
# modules that are no experiments
SHARED = ("bench", "descent", "framework", "kept", "report", "style", "timing", "training")
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


def names() -> list[str]:
    """Return the names of all experiments, in the order of the decks."""
    found = [info.name for info in pkgutil.iter_modules(experiments.__path__)]
    modules = [name for name in found if name not in SHARED and not name.startswith("_")]
    return sorted(modules, key=lambda name: (_order(load(name).ABOUT.rows[0]), name))


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
    found = {info.name for info in pkgutil.iter_modules(experiments.__path__)} - set(SHARED)
    if name not in found:
        raise unknown("experiment", name, sorted(found - {"__main__"}))
    return importlib.import_module(f"experiments.{name}")


def claim(module: ModuleType) -> str:
    """Return the claim of an experiment, the first paragraph of its docstring."""
    return " ".join((module.__doc__ or "").split("\n\n")[0].split())


def perform(name: str, settings: Settings, folder: Path) -> Verdict:
    """Run an experiment and write its numbers and its figure.

    Args:
      name: of the experiment.
      settings: what its numbers depend on.
      folder: gets a folder of the experiment's name.

    Returns:
      The verdict.
    """
    from experiments import style, training
    from jaxmlp.report import device, versions

    module = load(name)
    training.used.clear()
    began = time.perf_counter()
    numbers = plain(module.run(settings))
    seconds = time.perf_counter() - began
    verdict = module.verdict(numbers)
    record = {
        "name": name,
        "claim": claim(module),
        "about": asdict(module.ABOUT),
        "verdict": plain(asdict(verdict)),
        "settings": settings._asdict(),
        "data": dict(training.used),
        "versions": versions(),
        "device": device(),
        "seconds": seconds,
        "numbers": numbers,
    }
    out = folder / name
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "numbers.json", json.dumps(record, indent=1, allow_nan=False) + "\n")
    style.save(module.plot(numbers), out / "figure")
    return verdict


def plain(value: Any) -> Any:
    """Return numbers as JSON has them: arrays as lists, what is not finite as `None`."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str | bool | None):
        return value
    array = np.asarray(value)
    if array.ndim:
        return [plain(item) for item in array]
    number = array.item()
    return None if isinstance(number, float) and not np.isfinite(number) else number
