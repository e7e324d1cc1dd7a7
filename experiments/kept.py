"""Numbers of long measurements, which are made once and kept beside the module of the claim."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from experiments import training
from experiments.framework import Numbers, Settings
from experiments.runner import plain
from jaxmlp.errors import InputError
from jaxmlp.files import write_atomically
from jaxmlp.runs.environment import device, versions

FOLDER = Path(__file__).parent / "claims"
COMPLETE = Settings(dataset="mnist")  # the data of long measurements


class Long(NamedTuple):
    """A long measurement.

    Attributes:
      protocol: what is done, in words. Numbers that were kept under other words do not count.
      measure: `seed -> numbers`.
    """

    protocol: str
    measure: Callable[[int], Numbers]


def path(name: str) -> Path:
    """Return the file that keeps the numbers of an experiment."""
    return FOLDER / f"{name}.json"


def read(name: str, rows: dict[str, Long]) -> dict[str, Any]:
    """Return the kept numbers of an experiment.

    Args:
      name: the name of the experiment.
      rows: its long measurements.

    Returns:
      For each row `protocol`, `date`, `versions`, `device`, `data`, and `seeds`: the numbers of
      each seed, with the `seconds` that they took.

    Raises:
      InputError: if a row has not been measured by this protocol.
    """
    found = _entries(name)
    for row, long in rows.items():
        if found.get(row, {}).get("protocol") != long.protocol:
            raise InputError(
                f"no numbers are kept for {row!r};"
                f" measure them by python -m experiments {name} --long"
            )
    return {row: found[row] for row in rows}


def measure(name: str, rows: dict[str, Long], seeds: int) -> None:
    """Measure the seeds that are not kept yet. To measure them again, delete the file.

    Args:
      name: the name of the experiment.
      rows: its long measurements.
      seeds: the number of seeds of each row.
    """
    for row, long in rows.items():
        for seed in range(seeds):
            _measure_one(name, row, long, seed)


def _measure_one(name: str, row: str, long: Long, seed: int) -> None:
    """Measure one row at one seed and keep its numbers, unless they are kept already."""
    entries = _entries(name)
    entry = entries.get(row, {})
    if entry.get("protocol") != long.protocol:
        entry = {"protocol": long.protocol, "seeds": {}}
    if str(seed) in entry["seeds"]:
        return
    training.used.clear()
    began = time.perf_counter()
    numbers = plain(long.measure(seed))
    seconds = round(time.perf_counter() - began, 1)
    entry["seeds"][str(seed)] = {**numbers, "seconds": seconds}
    entry |= {
        "date": datetime.now(UTC).date().isoformat(),
        "versions": versions(),
        "device": device(),
        "data": dict(training.used),
    }
    text = json.dumps(entries | {row: entry}, indent=1, allow_nan=False, ensure_ascii=False)
    write_atomically(path(name), text + "\n")
    print(f"{name}, {row}, seed {seed}: {seconds:.0f} s", flush=True)


def _entries(name: str) -> dict[str, Any]:
    file = path(name)
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
