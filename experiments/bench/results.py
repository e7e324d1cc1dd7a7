"""The file of results: sections that were measured on their own days, side by side."""

import json
from pathlib import Path
from typing import Any

from jaxmlp.errors import InputError
from jaxmlp.files import write_atomically

FILE = "results.json"
Results = dict[str, Any]  # the record of each section: date, machine, rounds, numbers ...


def load(folder: Path) -> Results:
    """Return what has been measured so far.

    Args:
      folder: of the results.

    Returns:
      The record of each section; none, if there is no file.

    Raises:
      InputError: if the file is not whole.
    """
    file = folder / FILE
    if not file.exists():
        return {}
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file} is not a whole JSON file: {error}") from None


def merge(folder: Path, section: str, record: dict[str, Any]) -> Results:
    """Put a section's record in the place of the one it had, and leave the others as they are.

    Args:
      folder: of the results.
      section: its name.
      record: what was measured.

    Returns:
      The records of all sections.
    """
    results = load(folder) | {section: record}
    write_atomically(folder / FILE, json.dumps(results, indent=1, allow_nan=False) + "\n")
    return results
