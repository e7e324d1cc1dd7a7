"""Parts of one's own, such as `my_parts.py:mish`: activations, losses, optimizers and others.

A user names the file, and only then is it run. What a run records is the file's name, the part's
name and the SHA-256 checksum of the file: `my_parts.py:mish@09f7...`. A run that is reopened holds
these words and no code: the user names the file again.

The checksum is that of this one file; a module that it imports is not recorded.
"""

import ast
import contextlib
import functools
import hashlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeGuard

from jaxmlp.config.source import error_in_line, run_source
from jaxmlp.errors import InputError, check, listed, nearest

FIELDS = ("model", "activation", "initializer", "loss", "optimizer")  # that take a part
FORM = re.compile(r"(?P<file>.*\.py):(?P<name>[^\W\d]\w*)(@(?P<checksum>[0-9a-f]{64}))?", re.DOTALL)
MOST = 8  # names that a line lists


class Part(str):
    """The name of a part of one's own, with the part itself once its file was named.

    As text it is `FILE:NAME@CHECKSUM`, and two parts are the same if their texts are. So a recipe
    can be compared, saved and a key of a dictionary, and two versions of a file never mix.

    Attributes:
      made: the part, as its field takes it; `None` if it comes from a saved run.
    """

    made: Any = None

    @property
    def file(self) -> str:
        """The name of the file, without its folder."""
        return _match(self)["file"]

    @property
    def name(self) -> str:
        """The name in the file."""
        return _match(self)["name"]

    @property
    def checksum(self) -> str:
        """The SHA-256 checksum of the file."""
        return _match(self)["checksum"]

    @property
    def label(self) -> str:
        """The part without its checksum, such as `my_parts.py:mish`."""
        return f"{self.file}:{self.name}"

    @property
    def short(self) -> str:
        """The part with the beginning of its checksum, which tells two versions apart."""
        return f"{self.label}@{self.checksum[:8]}"

    @property
    def value(self) -> Any:
        """The part, as its field takes it.

        Raises:
          InputError: if its file was not named.
        """
        if self.made is None:
            raise InputError(needed_line([("part", self)], ()))
        return self.made

    def holding(self, made: Any) -> "Part":
        """Return a part of this name that is loaded."""
        part = Part(self)
        part.made = made
        return part

    def __format__(self, form: str) -> str:
        """Return the label, which is what a message says of the part."""
        return format(self.label, form)

    def __deepcopy__(self, memo: object) -> "Part":
        """Return the part itself: its text cannot change."""
        return self

    def __reduce__(self) -> Any:
        """Pickle the text alone, never code."""
        return Part, (str(self),)


def is_own(name: object) -> TypeGuard[Part]:
    """Return whether a name is that of a part of one's own."""
    return isinstance(name, Part)


def _match(text: str) -> re.Match[str]:
    found = FORM.fullmatch(text)
    assert found is not None
    return found


def looks_own(value: object) -> bool:
    """Return whether a user's word for a part names a file."""
    return isinstance(value, str) and (".py:" in value or value.endswith(".py"))


def part_given(field: str, value: Any) -> Any:
    """Load a part that a user names; return any other value as it is.

    Args:
      field: the field of the configuration, which says what the part must be.
      value: what the user gave: a part that is loaded already, `FILE.py:NAME`, or another name.

    Returns:
      The part, or the value.

    Raises:
      InputError: if the file cannot be run, has no such name, or the part is of another kind.
    """
    if is_own(value) or not looks_own(value):
        return value
    found = FORM.fullmatch(value)
    check(found is not None, field, "a name of the table, or FILE.py:NAME for one's own", value)
    assert found is not None
    part = load_part(field, found["file"], found["name"])
    if found["checksum"] not in (None, part.checksum):
        raise InputError(changed_line(Part(value), part.checksum, found["file"]))
    return part


def part_saved(value: Any, where: str) -> Any:
    """Return a value that was saved: the name of a part becomes a `Part` that is not loaded.

    Args:
      value: a name.
      where: the field, for error messages.

    Returns:
      The part, or the value.

    Raises:
      InputError: if the part has no checksum: code is never taken from what a file names.
    """
    if not looks_own(value) or is_own(value):
        return value
    found = FORM.fullmatch(value)
    good = found is not None and found["checksum"] is not None
    words = "FILE.py:NAME@SHA-256, as a run has it; a part of your own is named by an option"
    check(good and os.path.basename(value) == value, where, words, value)
    return Part(value)


def load_part(field: str, path: str, name: str) -> Part:
    """Run a file, and return the part of this name as the field takes it."""
    from jaxmlp.config.kinds import as_field

    content = read_part(path)
    found = _defined(path, name, content)
    part = Part(f"{os.path.basename(path)}:{name}@{checksum_of(content)}")
    return part.holding(as_field(field, found, part.label, os.path.abspath(path)))


def raw_part(value: str) -> Any:
    """Run the file of `FILE.py:NAME`, and return what it has under the name.

    Raises:
      InputError: if the file cannot be run, or has no such name.
    """
    found = FORM.fullmatch(value)
    check(found is not None, "part", "FILE.py:NAME", value)
    assert found is not None
    return _defined(found["file"], found["name"], read_part(found["file"]))


def _defined(path: str, name: str, content: bytes) -> Any:
    """Run a file, and return what it defines under a name."""
    module = _run(os.path.abspath(path), path, content)
    if name not in module:
        names = _names(content)
        has = f"it has {listed(names, MOST)}" if names else "it defines nothing"
        raise InputError(f"{path} has no {name}; {has}{nearest(name, names)}")
    return module[name]


def read_part(path: str) -> bytes:
    """Return the content of a user's file.

    Raises:
      InputError: if it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path} cannot be read: {reason}") from None


def checksum_of(content: bytes) -> str:
    """Return the SHA-256 checksum of the content of a file."""
    return hashlib.sha256(content).hexdigest()


@functools.lru_cache(maxsize=32)  # a file that is named again is run again only if it has changed
def _run(whole: str, path: str, content: bytes) -> dict[str, Any]:
    """Run a file, and return what it defines; its output goes to standard error."""
    name = f"jaxmlp_own_{checksum_of(content)[:16]}"
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return vars(run_source(whole, name, content))
    except SystemExit:
        reason = "it exits"
    except Exception as error:
        reason = error_in_line(error, whole)
    sys.modules.pop(name, None)
    raise InputError(f"{path} does not import: {reason}")


def _names(content: bytes) -> list[str]:
    """Return the names that a file defines, in its order."""
    names: list[str] = []
    for node in ast.parse(content).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        targets = node.targets if isinstance(node, ast.Assign) else []
        names += [target.id for target in targets if isinstance(target, ast.Name)]
    return [name for name in dict.fromkeys(names) if not name.startswith("_")]


def needed_line(missing: Sequence[tuple[str, Part]], paths: Sequence[str]) -> str:
    """Return the line for parts whose files the user has not named.

    Args:
      missing: the parts, each with its field.
      paths: the files that the user has named.

    Returns:
      The line: the parts, and the name and the checksum of each file.
    """
    own: dict[tuple[str, str], list[str]] = {}
    for field, part in missing:
        own.setdefault((part.file, part.checksum), []).append(f"{field} {part.name}")
    needs = "; ".join(
        f"{file} with {listed(names, MOST)}, SHA-256 {checksum}"
        for (file, checksum), names in own.items()
    )
    got = f", got {listed([*map(os.path.basename, paths)], MOST)}" if paths else ""
    return (
        "no code is taken from a run, and this one has parts of your own: name their file again"
        f" by --parts (parts= in Python){got}; it needs {needs}"
    )


def changed_line(part: Part, checksum: str, path: str, hint: bool = False) -> str:
    """Return the line for a file that is not what it was.

    Args:
      part: the part, as the run has it.
      checksum: of the file today.
      path: the file.
      hint: whether to say how it is taken all the same.

    Returns:
      The line.
    """
    how = "; to take it all the same: --changed-parts (changed_parts=True)" if hint else ""
    return (
        f"{path} has changed since the run took {part.name} from it: its SHA-256 was"
        f" {part.checksum}, now {checksum}{how}"
    )
