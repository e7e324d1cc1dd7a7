"""Downloads by tensorflow-datasets: verified, quiet, and given up soon if there is no network."""

import contextlib
import io
import logging
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
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


def download_files(files: Mapping[str, Any], folder: Path) -> None:
    """Download files, check their sizes and SHA-256 checksums, then move them into a folder.

    Args:
      files: the expected size and checksum for each address, in the form of `builder.url_infos` of
        tensorflow-datasets. The name of a file is the last part of its address.
      folder: the folder, which is created if it does not exist. Only a complete file appears in it.

    Raises:
      Unavailable: if the host cannot be reached, breaks off, or has no such file.
      InputError: if a file is not the expected one, or the folder cannot be written.
    """
    check_reachable(next(iter(files)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as scratch:
            for url, path in _download_into(files, Path(scratch)).items():
                path.replace(folder / url.rsplit("/", 1)[-1])
    except OSError as error:
        raise InputError(f"{folder}: the folder cannot be written: {error}") from error


def _download_into(files: Mapping[str, Any], scratch: Path) -> dict[str, Path]:
    """Download and verify the files with tensorflow-datasets; return the path of each address."""
    import requests
    from tensorflow_datasets.core.download import DownloadError, DownloadManager
    from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

    manager = DownloadManager(download_dir=scratch, url_infos=dict(files))
    paths = {}
    with silence_tfds():
        for url, info in files.items():  # one by one: after a failure no thread goes on writing
            try:
                paths[url] = Path(manager.download(url))
            except NonMatchingChecksumError as error:
                raise InputError(
                    f"{url}: expected {int(info.size)} bytes with the SHA-256 checksum "
                    f"{info.checksum}, got other content"
                ) from error
            except (DownloadError, requests.RequestException) as error:
                raise Unavailable(f"{url}: the download failed ({first_cause(error)})") from error
    return paths
