"""Downloads by tensorflow-datasets: verified, quiet, and soon given up without a network."""

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

REACH_SECONDS = 3.0  # seconds until a host counts as out of reach
RETRIED_STATUSES = (
    500,
    502,
    503,
    504,
)  # tensorflow-datasets asks again, for minutes


class Unavailable(InputError):
    """The data are not on this machine and cannot be downloaded now."""


@contextlib.contextmanager
def silence_tfds() -> Iterator[None]:
    """Keep the progress bars, banners and log lines of tensorflow-datasets off the screen."""
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
    """Find out whether the host of an address answers at all.

    Without a network the download gives up after 204 seconds. This asks for the head of one file
    first, by the same library and so through the same proxies, in a thread of its own, because a
    name server can keep it waiting beyond every timeout of a socket.

    Args:
      url: an address on the host.
      seconds: how long to wait in all.

    Raises:
      Unavailable: if no answer came, or one that the download would ask again for.
    """
    import requests

    reasons = []

    def ask() -> None:
        try:
            status = requests.head(url, timeout=seconds).status_code
            reasons.append(f"it answers {status}" if status in RETRIED_STATUSES else "")
        except Exception as error:  # whatever it is, it is the reason
            reasons.append(first_cause(error))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    reason = reasons[0] if reasons else f"no answer in {seconds:g} s"
    if reason:
        raise Unavailable(f"{urlsplit(url).hostname} cannot be reached ({reason})")


def first_cause(error: BaseException) -> str:
    """Return the first line of the error that all others in the chain came from."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def download_files(files: Mapping[str, Any], folder: Path) -> None:
    """Download files, check their sizes and SHA-256 sums, and only then put them into a folder.

    Args:
      files: the size and checksum to expect at each address, in the form of `builder.url_infos` of
        tensorflow-datasets. A file keeps the last part of its address as its name.
      folder: made if it does not exist. Each file appears in it whole or not at all.

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
    """Let tensorflow-datasets download and verify the files; return where it put each."""
    import requests
    from tensorflow_datasets.core.download import DownloadError, DownloadManager
    from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

    manager = DownloadManager(download_dir=scratch, url_infos=dict(files))
    paths = {}
    with silence_tfds():
        for url, info in files.items():  # in turn: where one fails, no thread is left writing
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
