"""Output folders: what the project and the system make in them, and nothing else, it may delete.

A folder appears together with its first file, in one instant, so that a process killed at any
moment leaves no folder or one that can be continued.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from jaxmlp.errors import InputError
from jaxmlp.files import (
    json_text,
    locked_folder,
    made_aside,
    new_folder,
    remove_if_abandoned,
    replacing,
    usable_path,
    write_json,
)

LEFT_BY_SYSTEMS = (".DS_Store", "Thumbs.db", "desktop.ini")  # where somebody looked into a folder


class Kind(NamedTuple):
    """A kind of output folder, and all that the project makes in one.

    Attributes:
      name: what it holds, "run".
      first: the file that makes it one, with which it appears.
      files: a regular expression for each file, relative to the folder and with `/` between names.
        They are deleted in this order.
    """

    name: str
    first: str
    files: tuple[str, ...]

    def rank(self, file: str) -> int | None:
        """Return the place of a file in the order of deletion; `None` if it is not of this kind."""
        found = (i for i, pattern in enumerate(self.files) if re.fullmatch(pattern, file))
        return next(found, None)

    def has_folder(self, folder: str) -> bool:
        """Return whether the project makes a folder of this name in it."""
        depth = folder.count("/") + 1
        heads = {"/".join(parts[:depth]) for pattern in self.files if (parts := pattern.split("/"))}
        return any(re.fullmatch(head, folder) for head in heads - {*self.files})

    def has(self, name: str) -> bool:
        """Return whether the project makes a file or folder of this name in it."""
        return self.rank(name) is not None or self.has_folder(name)


class _Content(NamedTuple):
    """What lies in an output folder; folders come after what is in them.

    Attributes:
      files: with their places in the order of deletion; also what systems leave in any folder.
      folders: of the kind.
      torn: what killed processes were making, with what it was to become.
      strange: anything else, relative to the folder.
    """

    files: list[tuple[int, Path]]
    folders: list[Path]
    torn: list[tuple[Path, str]]
    strange: list[str]


def _content_of(path: Path, kind: Kind, role: str = "") -> _Content:
    """Return what lies in a folder that stands for `role` in one of this kind. Follows no link."""
    found = _Content([], [], [], [])
    for entry in sorted(path.iterdir()):
        name, original = f"{role}{entry.name}", made_aside(entry.name)
        place, is_folder = kind.rank(name), entry.is_dir() and not entry.is_symlink()
        if original is not None and kind.has(f"{role}{original}"):
            found.torn.append((entry, f"{role}{original}"))
        elif is_folder and kind.has_folder(name):
            inside = _content_of(entry, kind, f"{name}/")
            found.files.extend(inside.files)
            found.folders.extend([*inside.folders, entry])
            found.torn.extend(inside.torn)
            found.strange.extend(inside.strange)
        elif not is_folder and (place is not None or (entry.is_symlink() and kind.has(name))):
            found.files.append((place or 0, entry))
        elif not is_folder and entry.name in LEFT_BY_SYSTEMS:
            found.files.append((0, entry))
        else:
            found.strange.append(name)
    return found


def delete_made(path: Path, kind: Kind, but: str = "", role: str = "") -> None:
    """Delete all that the project made in a folder, and the folders that are empty then.

    Args:
      path: the folder, which is deleted too if nothing is left in it; it may be missing.
      kind: what the project makes in it.
      but: a file that stays.
      role: what the folder stands for in one of this kind, such as `best/`.
    """
    if path.is_symlink() or not path.is_dir():
        return
    content = _content_of(path, kind, role)
    _remove_torn(content, kind)
    for _, file in sorted(content.files):
        if file != path / but:
            file.unlink()
    for folder in (*content.folders, path):
        if not any(folder.iterdir()) and not (but and folder == path):
            folder.rmdir()


def _remove_torn(content: _Content, kind: Kind) -> None:
    for file, role in content.torn:
        _remove_abandoned(file, kind, f"{role}/")


def _remove_abandoned(file: Path, kind: Kind, role: str) -> None:
    def remove(file: Path) -> None:
        if file.is_dir():
            delete_made(file, kind, role=role)
        else:
            file.unlink()

    remove_if_abandoned(file, remove)


def remove_abandoned(path: Path, kind: Kind) -> None:
    """Remove the temporary files and folders that killed processes left in and beside a folder.

    Args:
      path: the folder; it may be missing.
      kind: what the project makes in it.
    """
    path = path.absolute()
    if path.is_dir():
        _remove_torn(_content_of(path, kind), kind)
    try:
        beside = [*path.parent.iterdir()]
    except PermissionError:  # a parent whose names are secret
        return
    for entry in beside:
        if made_aside(entry.name) == path.name and entry.is_dir():
            _remove_abandoned(entry, kind, "")


def free_name(path: Path) -> Path:
    """Return the first free one of `NAME`, `NAME-2`, `NAME-3` and so on.

    Args:
      path: the folder, by its first name.

    Returns:
      A path where there is nothing, or an empty folder.
    """
    number, free = 1, path
    while free.is_symlink() or free.exists():
        if free.is_dir() and not any(free.iterdir()):
            break
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


@contextmanager
def held_output(path: Path, kind: Kind) -> Iterator[None]:
    """Hold an output folder to write into it, without what killed processes left half-made.

    Args:
      path: the folder.
      kind: what the project makes in it.

    Raises:
      InputError: if another process works in it.
    """
    with locked_folder(path):
        remove_abandoned(path, kind)
        yield


@contextmanager
def new_output(path: Path, kind: Kind, content: Any, overwrite: bool) -> Iterator[None]:
    """Make an output folder with its first file, and hold it.

    Args:
      path: the folder. If it exists, it is emptied.
      kind: what the project makes in it.
      content: of the first file, anything JSON-able.
      overwrite: whether what the project made there may be deleted. Anything else never is.

    Raises:
      InputError: if there is something that may not be deleted, the folder cannot be made, or
        another process works in it.
    """
    usable_path(path, "the output folder")
    if path.exists() and not path.is_dir():
        raise InputError(f"the output folder {path} is a file")
    with ExitStack() as stack:
        if path.is_dir():
            stack.enter_context(held_output(path, kind))
            _check_deletable(path, kind, overwrite)
            with replacing(path / kind.first, json_text(content)):  # on the disk before it deletes
                delete_made(path, kind, but=kind.first)
        else:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                remove_abandoned(path, kind)
                first = new_folder(path, lambda made: write_json(made / kind.first, content))
                stack.enter_context(first)
            except OSError as error:
                reason = f"cannot be made: {error.strerror}"
                raise InputError(f"the output folder {path} {reason}") from None
        yield


def _check_deletable(path: Path, kind: Kind, overwrite: bool) -> None:
    """Reject a folder with something that may not be deleted."""
    content = _content_of(path, kind)
    present = bool(content.files or content.folders or content.strange)
    if present and not overwrite:
        raise InputError(
            f"the output folder {path} is not empty; replace the {kind.name} with --overwrite, or"
            f" continue it with --resume {path}"
        )
    if content.strange:
        raise InputError(
            f"{path} is not overwritten: it holds {content.strange[0]}, which is not part of a"
            f" {kind.name}"
        )
    if present and path.is_symlink():
        raise InputError(f"the output folder {path} is a link; not overwritten")
