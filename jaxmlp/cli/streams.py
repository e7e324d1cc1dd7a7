r"""The standard streams of a process, made so that printing never stops the work of a command.

- A letter that the encoding of the terminal lacks is printed as an escape: `\xf6` for an o with
  two dots in ASCII.
- A stream that was closed before the start takes what is printed, and drops it.
- A reader that leaves (`jaxmlp predict ... | head`) has seen enough: the command goes on in
  silence, and its exit status is that of its work.
- If a stream cannot be written for another reason, as on a full disk, the command goes on in
  silence as well, and says so at its end (`lost_output`).
"""

import io
import os
import sys
from typing import Any

_raw: list["_LastingStream"] = []


class _LastingStream(io.FileIO):
    """A stream that drops everything after the first error, and keeps the error."""

    error: OSError | None = None

    def write(self, data: Any) -> int:
        """Write bytes, or drop them after an error."""
        try:
            return super().write(data)
        except OSError as error:
            self.error = error
            with open(os.devnull, "wb") as nowhere:  # also for libraries that print by themselves
                os.dup2(nowhere.fileno(), self.fileno())
            return len(data)


def protect_streams() -> None:
    """Replace standard output and standard error by streams that can always be printed to."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:  # closed: without this, the next file that is opened would take its place
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = _protected(sys.stdout, 1)
    sys.stderr = _protected(sys.stderr, 2)


def _protected(stream: Any, descriptor: int) -> io.TextIOWrapper:
    raw = _LastingStream(descriptor, "wb", closefd=False)
    _raw.append(raw)
    at_once = descriptor == 2 or raw.isatty() or getattr(stream, "write_through", False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(stream, "encoding", "utf-8"),
        errors="backslashreplace",
        line_buffering=at_once,
    )


def lost_output() -> OSError | None:
    """Return why standard output could not be written, unless its reader has left."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    errors = [raw.error for raw in _raw if raw.fileno() == 1]
    known = [error for error in errors if error and not isinstance(error, BrokenPipeError)]
    return known[0] if known else None
