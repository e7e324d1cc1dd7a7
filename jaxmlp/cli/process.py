"""The process of a command: a module imported while something else goes on, and the way out."""

import os
import sys
from importlib import import_module
from threading import Thread
from typing import NoReturn

_importing: list[Thread] = []


def import_beside(module: str) -> None:
    """Import a module while the caller goes on; whoever needs it waits for what is left.

    Args:
      module: its full name.
    """
    thread = Thread(target=import_module, args=[module], daemon=True)
    _importing.append(thread)
    thread.start()


def leave_process(status: int) -> NoReturn:
    """End the process with a status.

    A command that fails early may leave while a thread still imports JAX. Python would stop that
    thread inside C++ code, which aborts the whole process; so such a process ends at once.

    Args:
      status: the exit status.
    """
    if any(thread.is_alive() for thread in _importing):
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)
    sys.exit(status)
