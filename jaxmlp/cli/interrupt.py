"""Ctrl-C as a request to stop training after the current step."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interruptible() -> Iterator[list[int]]:
    """Note the first Ctrl-C, so that training can stop between two steps.

    A second Ctrl-C raises `KeyboardInterrupt`, as usual.

    Yields:
      A list that is empty until the first Ctrl-C.
    """
    noted: list[int] = []

    def note(number: int, _: object) -> None:
        noted.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)
