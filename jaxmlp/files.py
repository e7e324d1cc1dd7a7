"""Writing a file so that it holds either the old or the new content, never a mixture.

Every part of the library may import this module; it imports none of them.
"""

import os
import tempfile
from pathlib import Path


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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
