"""The files that a user names again for a run with own parts, and what a run says of them."""

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

from jaxmlp.config.own_parts import (
    FIELDS,
    MOST,
    Part,
    changed_line,
    checksum_of,
    is_own,
    load_part,
    needed_line,
    read_part,
)
from jaxmlp.errors import InputError, listed, printable

Paths = str | PathLike[str] | Sequence[str | PathLike[str]]


@dataclass(frozen=True)
class Files:
    """The files that a user names again for a run with parts of its own.

    Attributes:
      paths: the files.
      changed: whether a file may have changed since the run; `None` if it must not.
    """

    paths: tuple[str, ...] = ()
    changed: bool | None = None

    @staticmethod
    def of(given: Paths) -> "Files":
        """Return the files that a caller from Python gives: one path or several."""
        several = (given,) if isinstance(given, str | PathLike) else given
        return Files(tuple(os.fspath(path) for path in several))

    def load(self, field: str, part: Part) -> Part | None:
        """Return a part of a saved run, loaded from the file that the user names for it.

        Args:
          field: the field of the configuration.
          part: the part as the run records it.

        Returns:
          The part; with the checksum of the file as it is, if that may have changed. `None` if none
          of the files is that of the part.

        Raises:
          InputError: if the file has changed and may not.
        """
        sums = {path: checksum_of(read_part(path)) for path in self.paths}
        for path, checksum in sums.items():
            if checksum == part.checksum:  # whatever its name is today
                return part.holding(load_part(field, path, part.name).made)
        named = [path for path in sums if os.path.basename(path) == part.file]
        if named and not self.changed:
            hint = self.changed is not None
            raise InputError(changed_line(part, sums[named[0]], named[0], hint))
        return load_part(field, named[0], part.name) if named else None


NO_FILES = Files()


def files_from(options: dict[str, Any]) -> Files:
    """Take what `Parser.add_parts_arguments` has added out of a command's options."""
    return Files(tuple(options.pop("parts")), options.pop("changed_parts", None))


def parts_of(config: Any) -> dict[str, list[Part]]:
    """Return the parts of one's own in a configuration or a recipe, by field."""
    found: dict[str, list[Part]] = {}
    for field in FIELDS:
        value = getattr(config, field)
        several = value if isinstance(value, tuple) else (value,)
        if own := [part for part in several if isinstance(part, Part)]:
            found[field] = own
    return found


def records(config: Any) -> list[dict[str, str]]:
    """Return what a summary says of the parts of one's own: field, name, file and checksum."""
    return [
        {"field": field, "name": part.name, "file": part.file, "sha256": part.checksum}
        for field, parts in parts_of(config).items()
        for part in parts
    ]


def with_parts(config: Any, files: Files, known: Any = None) -> Any:
    """Return a configuration of a saved run with its parts loaded.

    Args:
      config: the configuration.
      files: the files that the user names again.
      known: another configuration, whose parts are loaded already; equal ones are taken from it.

    Returns:
      The configuration.

    Raises:
      InputError: if the file of a part is not among them, or the run has no parts.
    """
    reject_idle(files, config)
    own = () if known is None else parts_of(known).values()
    made = {part: part for parts in own for part in parts if part.made is not None}
    changes, missing = dict[str, Any](), list[tuple[str, Part]]()
    for field in parts_of(config):
        value = getattr(config, field)
        placed = []
        for one in value if isinstance(value, tuple) else (value,):
            found = one if not is_own(one) or one.made is not None else made.get(one)
            found = found or files.load(field, one)
            placed.append(found)
            missing += [] if found else [(field, one)]
        changes[field] = tuple(placed) if isinstance(value, tuple) else placed[0]
    if missing:
        raise InputError(needed_line(missing, files.paths))
    return dataclasses.replace(config, **changes) if changes else config


def reject_idle(files: Files, *configs: Any) -> None:
    """Reject files that the user names for configurations without parts of one's own."""
    if files.paths and not any(map(parts_of, configs)):
        words = listed([*map(printable, files.paths)], MOST)
        raise InputError(f"--parts {words} does not apply: the run has no parts of its own")


def reject_parts(
    what: str, config: Any, where: object, fields: Sequence[str] = FIELDS, hint: str = ""
) -> None:
    """Reject a run with parts of one's own where something else than this library computes them.

    Args:
      what: what does not know them, such as "export".
      config: the run's configuration.
      where: its folder.
      fields: the fields that matter.
      hint: what can be done, to follow a colon.

    Raises:
      InputError: names the parts.
    """
    found = parts_of(config)
    own = [part.label for field in fields for part in found.get(field, ())]
    if own:
        more = f": {hint}" if hint else ""
        raise InputError(
            f"{what} does not know parts of your own, {' '.join(own)} of {where}{more}"
        )
