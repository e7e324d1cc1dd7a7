"""Records that were saved as JSON, by this version or an earlier one."""

import dataclasses
import re
from typing import Any

from jaxmlp import __version__
from jaxmlp.config.fields import WORDS
from jaxmlp.errors import InputError, check, nearest


def fields_of_saved(saved: Any, cls: Any, where: object, latest: int) -> dict[str, Any]:
    """Return the values of a dataclass's fields that a record holds.

    A field that the record lacks is left out, so that it takes its default.

    Args:
      saved: the record, with its `format` and, since 0.2, the `version` that wrote it.
      cls: the dataclass.
      where: the file, for error messages.
      latest: the latest format that this version reads.

    Returns:
      Values by the names of the fields.

    Raises:
      InputError: if the record is of a later format, has an unknown field, or is none.
    """
    if not isinstance(saved, dict):
        raise InputError(f"{where}: expected a configuration, got {type(saved).__name__}")
    values = dict(saved)
    origin = where if "format" not in values else None  # a file that a user wrote names no format
    found, version = values.pop("format", latest), values.pop("version", "0.1.0")
    for name, value, kind in (("format", found, int), ("version", version, str)):
        good = type(value) is kind
        check(good, f"{where}: {name}", WORDS[kind], value)
    if found not in range(1, latest + 1) or _is_later(version):
        raise InputError(
            f"{where} was written by jaxmlp {version} (format {found}), which this jaxmlp"
            f" {__version__} (format {latest}) cannot read"
        )
    return known_fields(values, cls, origin or f"{where}, written by jaxmlp {version},")


def _is_later(version: str) -> bool:
    """Return whether a version is later than this one, but for its last number."""
    numbers = [re.findall(r"\d{1,9}", text)[:2] for text in (version, __version__)]
    saved, ours = ([int(number) for number in found] for found in numbers)
    return saved > ours


def known_fields(values: dict[str, Any], cls: Any, where: object) -> dict[str, Any]:
    """Return the values, all of which must be fields of a dataclass.

    Args:
      values: by the names of fields.
      cls: the dataclass.
      where: the file, for error messages.

    Returns:
      The values.

    Raises:
      InputError: if a name is no field; proposes the nearest.
    """
    known = [field.name for field in dataclasses.fields(cls)]
    for name in values:
        if name not in known:
            words = f"{where} has the field {name!r}, unknown to jaxmlp {__version__}"
            raise InputError(f"{words}{nearest(name, known)}")
    return values
