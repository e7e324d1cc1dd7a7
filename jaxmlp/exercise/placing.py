"""Files that take a free place, and never that of another file."""

import os
from pathlib import Path

from jaxmlp.errors import InputError


def refuse_taken(path: Path, remedy: str = "") -> None:
    """Reject a path at which something stands, be it a link that leads nowhere.

    Args:
      path: the path.
      remedy: the end of the message.

    Raises:
      InputError: if the place is taken.
    """
    if os.path.lexists(path):
        raise InputError(f"{path} exists, and stays as it is{remedy}")


def write_new(path: Path, content: bytes | str, remedy: str = "") -> None:
    """Write a file where there is none.

    Args:
      path: the file; its folder must exist.
      content: bytes, or a text, which is encoded as UTF-8.
      remedy: the end of the message, if the place is taken.

    Raises:
      InputError: if the place is taken, or cannot be written.
    """
    refuse_taken(path, remedy)
    try:
        with path.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
    except FileExistsError:  # since a moment
        refuse_taken(path, remedy)
        raise
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
