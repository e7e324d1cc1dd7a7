"""Find the pictures of a folder, their classes and their parts, by the names of its subfolders."""

import os
import re
from mimetypes import MimeTypes
from pathlib import Path
from typing import NamedTuple

from jaxmlp.data.readers import report_read_errors
from jaxmlp.errors import InputError, listed

PARTS = {"train": "train", "test": "test", "val": "valid", "dev": "valid"}
_PART = re.compile(r"(train|test|val|dev)(ing|id|idation)?(?:[-_ ]?(?:set|data|images))?", re.I)
HIDDEN = ("thumbs.db", "desktop.ini", "__macosx", "@eadir")  # what systems leave, and ".anything"
NAMED = 5  # files that a line names
_TYPES = MimeTypes()  # those that Python knows and these, and not what the system adds
for _suffix in (".ini", ".log", ".md", ".toml", ".yaml", ".yml"):
    _TYPES.add_type("text/plain", _suffix)

Pairs = list[tuple[str, Path]]


class Found(NamedTuple):
    """The pictures of a folder.

    Attributes:
      parts: class and file of each picture of `whole`, or of `train` and maybe `test` and `valid`.
      notes: a line for each kind of file that was passed over.
    """

    parts: dict[str, Pairs]
    notes: list[str]


class _Passed:
    """What is passed over: hidden files, files that are no pictures, and pictures of no class."""

    def __init__(self) -> None:
        self.hidden: list[str] = []
        self.others: list[str] = []
        self.loose: list[str] = []
        self.empty: list[str] = []
        self.folders: list[str] = []

    def notes(self) -> list[str]:
        kinds = (
            (self.hidden, "hidden file{} passed over"),
            (self.others, "file{} that by name are no pictures passed over"),
            (self.loose, "picture{} in no class folder passed over"),
            (self.empty, "class folder{} without pictures left out"),
            (self.folders, "folder{} beside the training part passed over"),
        )
        return [
            f"{len(names)} {words.format('s' * (len(names) != 1))}: {listed(names, NAMED)}"
            for names, words in kinds
            if names
        ]


def find_pictures(path: Path) -> Found:
    """Find the pictures of a folder, in sorted order.

    A subfolder is a class, with all folders below it. If there is a folder such as `train` or
    `training_set` that holds folders, the classes stand in it and in those named `test`, `val`,
    `valid` and so on. A folder that holds nothing but one folder of folders is passed through.
    Hidden files, and files whose suffix is that of something else than a picture, are passed over.

    Args:
      path: the folder.

    Returns:
      The files.

    Raises:
      InputError: if it cannot be read, or holds no pictures in class folders.
    """
    passed = _Passed()
    with report_read_errors(path, "a folder of pictures"):
        root = _unwrapped(path)
        parts = _parts_of(root, passed)
        found = {part: _classes_of(folder, passed) for part, folder in parts.items()}
    found = {part: pairs for part, pairs in found.items() if pairs}
    first = next(iter(parts))
    _check_classes(path, found, first, passed)
    names = {name for name, _ in found[first]}
    for part, pairs in found.items():
        if strange := sorted({name for name, _ in pairs} - names):
            raise InputError(
                f"{path}: expected in {parts[part].name}/ the classes of {parts[first].name}/, "
                f"{listed(sorted(names), 20)}; got also {listed(strange, 8)}"
            )
    return Found(found, passed.notes())


def list_pictures(path: Path) -> tuple[list[Path], list[str]]:
    """List the pictures of a folder and of those below it, in sorted order.

    Args:
      path: the folder.

    Returns:
      The files, and a line for each kind of file that was passed over.

    Raises:
      InputError: if the folder cannot be read, or holds no picture.
    """
    passed = _Passed()
    with report_read_errors(path, "a folder of pictures"):
        files = _files_below(path, passed, set())
    if not files:
        raise InputError(f"{path}: expected pictures in the folder, got none")
    return files, passed.notes()


def _check_classes(path: Path, found: dict[str, Pairs], first: str, passed: _Passed) -> None:
    """Reject a folder without classes, or one whose classes are in fact parts."""
    pairs = found.get(first, [])
    if not pairs:
        loose = f"{len(passed.loose)} pictures in no subfolder" if passed.loose else "no picture"
        raise InputError(f"{path}: expected a subfolder with pictures for each class, got {loose}")
    names = sorted({name for name, _ in pairs})
    if first == "whole" and all(map(_part_named, names)):
        raise InputError(
            f"{path}: expected a subfolder for each class in {names[-1]}/, got pictures alone"
        )


def _unwrapped(folder: Path, inside: bool = False) -> Path:
    """Return the folder, or the single one in it that holds the classes; `inside` a part or not."""
    below = _folders(folder)
    while len(below) == 1 and len(_folders(below[0])) > 1:
        if not inside and _part_named(below[0].name):
            break
        if any(_is_picture(entry) for entry in folder.iterdir() if entry.is_file()):
            break
        folder, below = below[0], _folders(below[0])
    return folder


def _parts_of(root: Path, passed: _Passed) -> dict[str, Path]:
    """Return the folders of the parts, `train` first; without one, the whole."""
    found: dict[str, Path] = {}
    for folder in _folders(root):
        part = _part_named(folder.name)
        if part and _folders(folder):
            found.setdefault(part, folder)
    if "train" not in found:
        return {"whole": root}
    passed.folders += [f"{one.name}/" for one in _folders(root) if one not in found.values()]
    order = [part for part in ("train", "valid", "test") if part in found]
    return {part: _unwrapped(found[part], inside=True) for part in order}


def _part_named(name: str) -> str | None:
    match = _PART.fullmatch(name)
    return PARTS[match[1].lower()] if match else None


def _classes_of(folder: Path, passed: _Passed) -> Pairs:
    """Return class and file of each picture in the class folders of a folder."""
    pairs: Pairs = []
    for entry in sorted(folder.iterdir()):
        if _is_hidden(entry.name):
            passed.hidden.append(entry.name)
        elif entry.is_dir():
            files = _files_below(entry, passed, set())
            passed.empty += [] if files else [entry.name]
            pairs += [(entry.name, file) for file in files]
        else:
            (passed.loose if _is_picture(entry) else passed.others).append(entry.name)
    return pairs


def _files_below(folder: Path, passed: _Passed, seen: set[str]) -> list[Path]:
    """Return the pictures of a folder and of those below it; links lead into each only once."""
    real = os.path.realpath(folder)
    if real in seen:
        return []
    seen.add(real)
    files: list[Path] = []
    for entry in sorted(folder.iterdir()):
        if _is_hidden(entry.name):
            passed.hidden.append(entry.name)
        elif entry.is_dir():
            files += _files_below(entry, passed, seen)
        elif _is_picture(entry):
            files.append(entry)
        else:
            passed.others.append(entry.name)
    return files


def _folders(folder: Path) -> list[Path]:
    return [one for one in sorted(folder.iterdir()) if one.is_dir() and not _is_hidden(one.name)]


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in HIDDEN


def _is_picture(file: Path) -> bool:
    """Return whether a file may be a picture: its suffix is a picture's, or not known."""
    kind, packing = _TYPES.guess_type(file.name)
    return packing is None and (kind is None or kind.startswith("image/"))
