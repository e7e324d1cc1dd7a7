"""What all downloads share: their error, silence on the screen, a quick test of the host."""

import contextlib
import io
import logging
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

from jaxmlp.errors import InputError

REACH_SECONDS = 3.0  # after which a host counts as not reachable
RETRIED_STATUSES = (500, 502, 503, 504)  # tensorflow-datasets asks again, for minutes


class Unavailable(InputError):
    """The error for data that are not on this machine and cannot be downloaded now."""


@contextlib.contextmanager
def silence_tfds() -> Iterator[None]:
    """Keep the progress bars, banners and log lines of tensorflow-datasets off the screen.

    Yields:
      Nothing; the screen stays quiet in the body of the `with` statement.
    """
    import tensorflow_datasets as tfds

    logger = logging.getLogger("absl")
    level = logger.level
    tfds.disable_progress_bar()
    logger.setLevel(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)


def check_reachable(url: str, seconds: float = REACH_SECONDS) -> None:
    """Reject an address whose host does not answer.

    Without a network, a download of tensorflow-datasets gives up only after 204 seconds. This
    function first asks for the head of one file, by the same library and so through the same
    proxies. It asks in a thread of its own, because a name server can keep it waiting beyond every
    timeout of a socket.

    Args:
      url: an address on the host.
      seconds: the longest time to wait, in all.

    Raises:
      Unavailable: if no answer came, or an answer that the download would wait and ask again for.
    """
    import requests

    reasons = []

    def ask() -> None:
        try:
            status = requests.head(url, timeout=seconds).status_code
            reasons.append(f"it answers {status}" if status in RETRIED_STATUSES else "")
        except Exception as error:  # any error is a reason why the host cannot be reached
            reasons.append(first_cause(error))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    reason = reasons[0] if reasons else f"no answer in {seconds:g} s"
    if reason:
        raise Unavailable(f"{urlsplit(url).hostname} cannot be reached ({reason})")


def first_cause(error: BaseException) -> str:
    """Find the message of the error that caused all others in a chain.

    Args:
      error: the last error of the chain.

    Returns:
      The first line of the message, or the name of the error's type if it has no message.
    """
    while inner := error.__cause__ or error.__context__:
        error = inner
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
