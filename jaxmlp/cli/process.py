"""The process of a command: its streams and signals, a module imported beside it, and its end."""

import contextlib
import gc
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import NoReturn

from jaxmlp.cli.interrupt import heed_signals
from jaxmlp.cli.streams import lost_output, protect_streams

# New objects between two searches for garbage. Importing JAX and tracing make some 100,000 objects
# that stay; after its usual 700 or 2,000 Python would look through them again and again.
SELDOM = 100_000


def import_beside(module: str) -> None:
    """Import a module in a thread of its own; a later import waits until the thread has finished.

    Args:
      module: the full name of the module.
    """
    # Python waits for the thread before it ends, unless `run_process` ends the process at once.
    thread = threading.Thread(target=_import_quietly, args=[module])
    with contextlib.suppress(RuntimeError):  # no more threads: the later import does all the work
        thread.start()


def _import_quietly(module: str) -> None:
    with contextlib.suppress(Exception):  # the later import fails in the same way, and is heard
        import_module(module)


def run_process(main: Callable[[], int], writes_files: bool = False) -> NoReturn:
    """Run a command as a process of its own, and end the process with its exit status.

    The status is that of the command: 0 if the work was done, 2 for a mistake of the user, 130
    after Ctrl-C, 143 after SIGTERM. It is 1 if the answers could not be printed, as on a full disk.
    A reader of the output that has left, or an output that was closed, changes nothing.

    Args:
      main: the command.
      writes_files: whether the results are files, so that lost output is only worth a line.
    """
    protect_streams()
    heed_signals()
    gc.set_threshold(SELDOM)
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # no word about its own cache folder
    try:
        status = main()
    except SystemExit as left:  # from argparse
        status = left.code if isinstance(left.code, int) else 0
    except BaseException:
        traceback.print_exc()
        status = 1
    lost = lost_output()
    if lost is not None:
        print(f"standard output cannot be written: {lost.strerror}", file=sys.stderr)
        status = status or int(not writes_files)
    _leave(status)


def _leave(status: int) -> NoReturn:
    """End the process.

    A command that fails early can end while a thread still imports JAX. If Python stopped this
    thread within C++ code, the process would abort. Therefore it ends at once, without clean-up.
    So it does after a signal: Python may have noted that it should kill itself by SIGINT.
    Else Python would look through all objects of JAX for garbage, which takes a third of a second.
    """
    if threading.active_count() > 1 or status > 128:
        os._exit(status)
    gc.freeze()
    sys.exit(status)
