"""The process of a command: importing a module in the background, and ending."""

import contextlib
import os
import sys
from importlib import import_module
from threading import Thread
from typing import NoReturn

_importing: list[Thread] = []


def import_beside(module: str) -> None:
    """Import a module in a thread of its own; a later import waits until the thread has finished.

    Args:
      module: the full name of the module.
    """
    thread = Thread(target=import_module, args=[module], daemon=True)
    _importing.append(thread)
    thread.start()


def leave_process(status: int) -> NoReturn:
    """End the process with a status.

    A command that fails early can end while a thread still imports JAX. If Python stopped this
    thread within C++ code, the process would abort. Therefore it ends at once, without clean-up.

    Args:
      status: the exit status.
    """
    if any(thread.is_alive() for thread in _importing):
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):  # its reader has gone, or it is closed
                stream.flush()
        os._exit(status)
    sys.exit(status)
