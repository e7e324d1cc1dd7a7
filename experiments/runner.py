"""Run an experiment, and write its numbers and its figure."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from experiments import style, training
from experiments.framework import Settings, Verdict, claim, load
from jaxmlp.files import write_atomically
from jaxmlp.runs.environment import device, versions


def perform(name: str, settings: Settings, folder: Path) -> Verdict:
    """Run an experiment and write its numbers and its figure.

    Args:
      name: the name of the experiment.
      settings: the settings on which its numbers depend.
      folder: the parent of the experiment's own folder.

    Returns:
      The verdict.
    """
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
        "table": module.table(numbers) if hasattr(module, "table") else [],
    }
    out = folder / name
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "numbers.json", json.dumps(record, indent=1, allow_nan=False) + "\n")
    style.save(module.plot(numbers), out / "figure")
    return verdict


def plain(value: Any) -> Any:
    """Return numbers in the form of JSON: arrays as lists, NaN and infinities as `None`."""
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
