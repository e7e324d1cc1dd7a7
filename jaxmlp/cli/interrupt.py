"""Ctrl-C, or the SIGTERM of a cluster, as a request to stop training after the current step."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """Raised by SIGTERM where nothing is trained, as `KeyboardInterrupt` is by Ctrl-C."""


def heed_termination() -> None:
    """Let SIGTERM raise `Terminated`, so that a command ends in order also before it trains."""

    def terminate(number: int, _: object) -> None:
        raise Terminated

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


def interrupted_status(noted: list[int]) -> int:
    """Return the exit status of a command that a signal has ended, 130 after Ctrl-C."""
    return 128 + noted[0]
