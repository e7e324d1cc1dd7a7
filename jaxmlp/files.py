"""Files and folders that appear in one instant, locks on them, and JSON.

A file or folder is made aside, under the name `.NAME.xxxxxxxx.unfinished` beside its place, and
then takes its name. It is locked meanwhile. What a killed process left is told from what a living
one is making by the lock, which ends with the process.

Every part of the library may import this module.
"""

import errno
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import accumulate
from pathlib import Path
from typing import IO, Any

from jaxmlp.errors import InputError

if sys.platform != "win32":
    import fcntl

POSIX = os.name == "posix"
UNFINISHED = ".unfinished"  # the end of a temporary name
DEEPEST = 100  # JSON within JSON; how much Python itself reads differs from version to version
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_TORN = re.compile(rf"\.(.+)\.[a-z0-9_]{{8}}\{UNFINISHED}", re.DOTALL)


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write a file in one step, so that a reader or a crash finds the old or the new content.

    The content goes into a temporary file of the same folder, which then takes the file's name.

    Args:
      path: the file. Its folder must exist.
      content: bytes, or a text, which is encoded as UTF-8.

    Raises:
      OSError: if the folder does not exist or cannot be written; it names the file, and the old
        file is unchanged.
    """
    with replacing(path, content):
        pass


@contextmanager
def replacing(path: Path, content: bytes | str) -> Iterator[None]:
    """Write the new content of a file aside, run the block, and then replace the file in one step.

    Args:
      path: the file. Its folder must exist.
      content: bytes, or a text, which is encoded as UTF-8.

    Yields:
      Nothing; the new content is on the disk, and the file has the old one.

    Raises:
      OSError: as from `write_atomically`.
    """
    data = content.encode() if isinstance(content, str) else content
    name, writing = None, True
    try:
        handle, name = _make_aside(path, _temporary_file)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(name, 0o666 & ~_umask())
            writing = False
            yield
            writing = True
            if POSIX:
                os.replace(name, path)  # locked until it has its name
        if not POSIX:  # elsewhere an open file cannot be renamed
            os.replace(name, path)
        _sync_folder(path.parent)
    except BaseException as error:
        if name is not None:
            Path(name).unlink(missing_ok=True)
        if writing and isinstance(error, OSError):
            reason = error.strerror or str(error)
            raise OSError(error.errno, reason, str(path)) from error
        raise


@contextmanager
def filled_aside(path: Path) -> Iterator[IO[bytes]]:
    """Write the new content of a file aside, bit by bit, and then replace the file in one step.

    Args:
      path: the file. Its folder must exist.

    Yields:
      What takes the content. If the block fails, the file has the old one.

    Raises:
      OSError: if the folder does not exist or cannot be written.
    """
    handle, name = _make_aside(path, _temporary_file)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        rename(Path(name), path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def new_folder(path: Path, fill: Callable[[Path], None]) -> Iterator[None]:
    """Make a folder with its first files in one instant, and hold it as `locked_folder` does.

    Args:
      path: the folder. Its parent must exist; a folder in its place must be empty.
      fill: writes the first files into the folder that it is given.

    Raises:
      OSError: if the folder cannot be made, or what stands in its place is not an empty folder;
        nothing is left.
    """
    handle, name = _make_aside(path, _temporary_folder)
    try:
        try:
            os.chmod(name, 0o777 & ~_umask())
            fill(Path(name))
            os.rename(name, path)
        except BaseException:
            shutil.rmtree(name)
            raise
        _sync_folder(path.parent)
        yield
    finally:
        os.close(handle)


@contextmanager
def locked_folder(path: Path, shared: bool = False) -> Iterator[None]:
    """Hold a folder, so that no second process of the project works in it.

    The lock ends with the process, however it ends. Where the system has no such locks, it does
    nothing.

    Args:
      path: the folder.
      shared: whether others may hold it in the same way.

    Raises:
      InputError: if another process holds the folder.
    """
    handle = _open_folder(path)
    try:
        if _lock(handle, shared) is False:
            raise InputError(f"another process is at work in {path}")
        yield
    finally:
        os.close(handle)


def rename(old: Path, new: Path) -> None:
    """Give a file or folder another name in one step that a power cut keeps."""
    os.replace(old, new)
    _sync_folder(new.parent)


def made_aside(name: str) -> str | None:
    """Return the name of the file or folder that a temporary one was to become.

    Args:
      name: the name of a file or folder, such as `.summary.json.ab12cd34.unfinished`.

    Returns:
      `summary.json`, or `None` if this is no name of a temporary file.
    """
    found = _TORN.fullmatch(name)
    return found and found[1]


def remove_if_abandoned(path: Path, remove: Callable[[Path], None]) -> None:
    """Remove a temporary file or folder, unless the process that makes it is alive.

    Where the system has no locks nobody can tell, and it stays.

    Args:
      path: the temporary file or folder.
      remove: removes it.
    """
    if not POSIX or path.is_symlink():
        return
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:  # it has just got its name, or belongs to another user
        return
    try:
        if _lock(handle) is True:
            with suppress(FileNotFoundError):  # it has just got its name
                remove(path)
    finally:
        os.close(handle)


def usable_path(path: str | os.PathLike[str], what: str) -> Path:
    """Return a path, if the system can have a file or folder of this name.

    Args:
      path: the path; nothing needs to be there.
      what: what it stands for, in a message.

    Returns:
      The path.

    Raises:
      InputError: if the name is too long, has a zero byte, or goes round in links.
    """
    try:
        os.stat(path)
    except ValueError as error:  # a zero byte
        raise InputError(f"{what} cannot be {os.fspath(path)!r}: {error}") from None
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            text = f"{what} cannot be {os.fspath(path)!r}: {error.strerror}"
            raise InputError(text) from None
    return Path(path)


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file atomically.

    Args:
      path: the file; its folder must exist.
      content: anything JSON-able.

    Raises:
      OSError: as from `write_atomically`.
    """
    write_atomically(path, json_text(content))


def json_text(content: Any) -> str:
    """Return the text of a JSON file."""
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Args:
      path: the file.

    Returns:
      What it holds.

    Raises:
      InputError: if it does not exist, cannot be read, or is not a whole JSON file.
    """
    return parse_json(read_text(path), path)


def read_text(path: Path) -> str:
    """Read a text file in UTF-8.

    Args:
      path: the file.

    Returns:
      The text.

    Raises:
      InputError: if it does not exist, cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text in UTF-8") from None


def parse_json(text: str, where: object) -> Any:
    """Return what a JSON text holds.

    Args:
      text: the text.
      where: the file, for error messages.

    Returns:
      What it holds. NaN and infinities, which JSON does not have, are rejected.

    Raises:
      InputError: if it is not a whole JSON text.
    """

    def reject(word: str) -> None:
        raise ValueError(f"JSON has no {word}")

    if _depth(text) > DEEPEST:
        raise InputError(f"{where} is not JSON of ours: it is nested too deeply")
    try:
        return json.loads(text, parse_constant=reject)
    except ValueError as error:
        raise InputError(f"{where} is not a whole JSON file: {error}") from None


def _depth(text: str) -> int:
    """Return how many brackets of a JSON text are open at once, at most."""
    if text.count("[") + text.count("{") <= DEEPEST:  # then it cannot be deeper
        return 0
    brackets = re.findall(r"[][{}]", _QUOTED.sub("", text))
    return max(accumulate(1 if bracket in "[{" else -1 for bracket in brackets), default=0)


def _make_aside(path: Path, make: Callable[[Path], tuple[int, str]]) -> tuple[int, str]:
    """Make a locked temporary file or folder, and return its handle and its name."""
    while True:
        handle, name = make(path)
        if _lock(handle) is not False and os.path.exists(name):
            return handle, name
        os.close(handle)  # before the lock another process took it for abandoned


def _temporary_file(path: Path) -> tuple[int, str]:
    return tempfile.mkstemp(UNFINISHED, f".{path.name}.", path.parent)


def _temporary_folder(path: Path) -> tuple[int, str]:
    while True:
        name = tempfile.mkdtemp(UNFINISHED, f".{path.name}.", path.parent)
        try:
            return _open_folder(Path(name)), name
        except FileNotFoundError:  # another process took it for abandoned
            continue


def _open_folder(path: Path) -> int:
    """Return a handle of a folder; where folders cannot be opened, one that stands for it."""
    return os.open(path if POSIX else os.devnull, os.O_RDONLY)


def _lock(handle: int, shared: bool = False) -> bool | None:
    """Lock an open file; return whether that was possible, `None` if there are no locks."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems have no locks on folders
        return None
    return True


def _sync_folder(path: Path) -> None:
    """Write a folder's list of names to the disk, so that a power cut keeps the new file."""
    if not POSIX:  # elsewhere a folder cannot be opened
        return
    with suppress(PermissionError):  # a folder that can be written and not read
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno != errno.EINVAL:  # a file system that cannot sync folders
                raise
        finally:
            os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
