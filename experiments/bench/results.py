"""The file of results. Its sections may come from different days."""

import json
from pathlib import Path
from typing import Any

from jaxmlp.errors import InputError
from jaxmlp.files import write_atomically

FILE = "results.json"
Results = dict[str, Any]  # the record of each section: date, machine, rounds, numbers and more


def load(folder: Path) -> Results:
    """Return the results on file.

    Args:
      folder: the folder of the results.

    Returns:
      The record of each section, empty if there is no file.

    Raises:
      InputError: if the file is not complete.
    """
    file = folder / FILE
    if not file.exists():
        return {}
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file} is not a complete JSON file: {error}") from None


def merge(folder: Path, section: str, record: dict[str, Any]) -> Results:
    """Replace the record of a section in the file, and keep the other records.

    Args:
      folder: the folder of the results.
      section: the name of the section.
      record: its new record.

    Returns:
      The records of all sections.
    """
    results = load(folder) | {section: record}
    write_atomically(folder / FILE, json.dumps(results, indent=1, allow_nan=False) + "\n")
    return results
