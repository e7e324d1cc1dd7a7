"""Ctrl-C, or the SIGTERM of a cluster, as a request to stop training after the current step."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


AGAIN = 0.02  # seconds


class Terminated(KeyboardInterrupt):
    """Raised by SIGTERM where nothing is trained, as `KeyboardInterrupt` is by Ctrl-C."""


def heed_signals() -> None:
    """Let SIGTERM raise `Terminated`, and no signal get lost, so that a command ends in order.

    Python drops an exception that is raised in a callback of the garbage collector, as those of
    JAX. Then the signal is sent again a moment later.
    """
    usual = sys.unraisablehook

    def terminate(number: int, _: object) -> None:
        raise Terminated

    def repeat(dropped: "sys.UnraisableHookArgs") -> None:
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            return usual(dropped)
        number = signal_of(dropped.exc_type)
        threading.Timer(AGAIN, os.kill, (os.getpid(), number)).start()
        return None

    sys.unraisablehook = repeat
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, terminate)


@contextmanager
def interruptible() -> Iterator[list[int]]:
    """Note the first signal, so that training can stop between two steps.

    A second signal ends the process, as usual.

    Yields:
      A list that is empty until the first signal, and then holds its number.
    """
    noted: list[int] = []
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, _: object) -> None:
        noted.append(number)
        restore()

    for number in SIGNALS:
        signal.signal(number, note)
    try:
        yield noted
    finally:
        restore()


def signal_of(kind: type[BaseException]) -> signal.Signals:
    """Return the signal that raises this exception."""
    return signal.SIGTERM if issubclass(kind, Terminated) else signal.SIGINT


def interrupted_status(noted: list[int]) -> int:
    """Return the exit status of a command that a signal has ended, 130 after Ctrl-C."""
    return 128 + noted[0]
