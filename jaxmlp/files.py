"""Writing a file so that it holds either the old or the new content, never a mixture; and JSON.

Every part of the library may import this module.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jaxmlp.errors import InputError

if sys.platform != "win32":
    import fcntl


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write a file in one step, so that a reader or a crash finds the old or the new content.

    The content goes into a temporary file of the same folder, which then takes the file's name.

    Args:
      path: the file. Its folder must exist.
      content: bytes, or a text, which is encoded as UTF-8.

    Raises:
      OSError: if the folder does not exist or cannot be written; the old file is unchanged.
    """
    data = content.encode() if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    _sync_folder(path.parent)


@contextmanager
def locked_folder(path: Path) -> Iterator[None]:
    """Hold a folder, so that no second process of the project works in it.

    The lock ends with the process, however it ends. Where the system has no such locks, it does
    nothing.

    Args:
      path: the folder.

    Raises:
      InputError: if another process holds the folder.
    """
    if sys.platform == "win32":
        yield
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"another process is at work in {path}") from None
        except OSError:  # some network file systems have no locks on folders
            pass
        yield
    finally:
        os.close(handle)


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file atomically.

    Args:
      path: the file; its folder must exist.
      content: anything JSON-able.
    """
    write_atomically(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Args:
      path: the file.

    Returns:
      What it holds.

    Raises:
      InputError: if it does not exist, cannot be read, or is not a whole JSON file.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{path} is not a whole JSON file: {error}") from None


def _sync_folder(path: Path) -> None:
    """Write a folder's list of names to the disk, so that a power cut keeps the new file."""
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
