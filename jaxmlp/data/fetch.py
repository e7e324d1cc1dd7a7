"""Fetch files of known size and checksum from servers that may stall, hang up or lie.

The downloader of tensorflow-datasets waits for minutes and writes whatever comes. Here a thread
receives a file, and the caller watches how many bytes it has: whatever holds it up (a name server,
a header sent byte by byte, a silent connection), the caller gives up in time.
"""

import contextlib
import hashlib
import http.client
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from jaxmlp.data.download import REACH_SECONDS, Unavailable, first_cause
from jaxmlp.errors import InputError

if sys.platform != "win32":
    import fcntl

CHUNK = 1 << 16  # bytes
MOST_REDIRECTS = 5
PREFIX, LOCK = ".download-", "lock"
FORGOTTEN = 3600.0  # seconds after which a folder that no process has locked is nobody's


class Patience(NamedTuple):
    """How long a download waits, in seconds.

    Attributes:
      reach: for the first answer to a request.
      idle: for `least` more bytes of a file, with all pauses and further tries.
      least: bytes; a server that sends them slower counts as silent.
      tries: how often a file is asked for.
      pause: before the second try; it doubles before each further one.
    """

    reach: float = REACH_SECONDS
    idle: float = 15.0
    least: int = 1 << 16
    tries: int = 4
    pause: float = 1.0


PATIENCE = Patience()


class _TryAgain(Exception):
    """The error for a fault that may have passed in a moment.

    Attributes:
      seconds: how long the server asks to wait.
    """

    def __init__(self, reason: str, seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.seconds = seconds


class _Unwritable(Exception):
    """The error for a file that cannot be written, caused by an `OSError`."""


def download_files(
    files: Mapping[str, Any], folder: Path, patience: Patience = PATIENCE
) -> list[Path]:
    """Download the files that a folder lacks, each checked by its size and SHA-256 checksum.

    A file appears in the folder complete and verified, or not at all; those that came stay there
    when a later one fails, and are not fetched again. Several processes may do this at once. What
    a process that was killed has left in the folder is removed.

    Args:
      files: the expected size and checksum for each address, in the form of `builder.url_infos` of
        tensorflow-datasets. The name of a file is the last part of its address.
      folder: the folder, which is created if it does not exist.
      patience: how long to wait.

    Returns:
      The paths of the files that were fetched.

    Raises:
      Unavailable: if the host cannot be reached, sends too slowly, breaks off, or has no such file,
        or if the folder cannot be written.
      InputError: if a file is not the expected one.
    """
    fetched = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished(folder)
        with _own_folder(folder) as scratch:
            for url, info in files.items():
                name = url.rsplit("/", 1)[-1]
                if not _is_expected(folder / name, info):
                    _fetch(url, info, scratch / name, patience)
                    (scratch / name).replace(folder / name)
                    fetched.append(folder / name)
    except OSError as error:
        raise Unavailable(f"{folder}: the folder cannot be written: {error}") from error
    return fetched


def remove_unfinished(folder: Path) -> None:
    """Remove what downloads have left whose process has ended; a live one holds a lock.

    Args:
      folder: into which they were to bring files.
    """
    for path in folder.glob(f"{PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):  # another process removes it as well
            if not (path / LOCK).exists():
                if time.time() - path.stat().st_mtime > FORGOTTEN:
                    shutil.rmtree(path)
                continue
            with (path / LOCK).open("ab") as file:
                if _lock(file, wait=False):
                    shutil.rmtree(path)


@contextlib.contextmanager
def _own_folder(folder: Path) -> Iterator[Path]:
    """Make a folder for unfinished files, which nobody removes while this process lives."""
    while True:
        scratch = Path(tempfile.mkdtemp(dir=folder, prefix=PREFIX))
        with (scratch / LOCK).open("ab") as file:
            _lock(file, wait=True)
            if not (scratch / LOCK).exists():  # it was removed before the lock was there
                continue
            try:
                yield scratch
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
            return


def _lock(file: Any, wait: bool) -> bool:
    """Lock a file until it is closed or the process ends; return whether this was possible."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:  # another process holds it, or the file system has no locks
        return False
    return True


def _is_expected(path: Path, info: Any) -> bool:
    """Return whether there is a file with the expected size and checksum."""
    if not path.is_file() or path.stat().st_size != int(info.size):
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == info.checksum


def _fetch(url: str, info: Any, path: Path, patience: Patience) -> None:
    """Fetch one file and check it, with several tries."""
    import requests  # noqa: F401 (here, and not in the time that a server has)

    watch = _Watch(patience)
    for attempt in range(1, patience.tries + 1):
        try:
            watch.follow(_Transfer(url, int(info.size), path, patience))
            break
        except _TryAgain as error:
            wait = max(error.seconds, patience.pause * 2 ** (attempt - 1))
            if attempt == patience.tries or not watch.allows(wait):
                waits = f", and asks to wait {wait:g} s" if error.seconds else ""
                raise Unavailable(f"{path.name}: the download failed ({error}{waits})") from error
            time.sleep(wait)
    if not _is_expected(path, info):
        raise InputError(
            f"{url}: expected {int(info.size)} bytes with the SHA-256 checksum {info.checksum}, "
            "got other content"
        )


class _Transfer:
    """One try to fetch a file, in a thread of its own."""

    def __init__(self, url: str, size: int, path: Path, patience: Patience) -> None:
        self.url, self.size, self.path, self.patience = url, size, path, patience
        self.answered, self.received = False, 0
        self.error: Exception | None = None
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self._receive()
        except Exception as error:  # handed over to the thread that watches
            self.error = error

    def _receive(self) -> None:
        import requests

        with requests.Session() as session, self._open(session) as answer:
            self.answered = True
            if answer.status_code == 429 or answer.status_code >= 500:
                seconds = _seconds_to_wait(answer.headers.get("Retry-After", ""))
                raise _TryAgain(f"it answers {answer.status_code}", seconds)
            answer.raise_for_status()
            offered = answer.headers.get("Content-Length", "")
            if offered.isdecimal() and int(offered) != self.size:
                raise InputError(f"{self.url}: expected {self.size} bytes, got {offered}")
            self._write(answer.raw)
        if self.received < self.size and not self.stopped.is_set():
            raise ConnectionResetError

    def _open(self, session: Any) -> Any:
        """Ask for the file, and follow redirections without reading what comes with them."""
        session.resolve_redirects = lambda *_, **__: iter(())  # it would read the content
        url, headers = self.url, {"Accept-Encoding": "identity"}
        longer = self.patience.reach + self.patience.idle  # than the caller waits
        for _ in range(MOST_REDIRECTS + 1):
            answer = session.get(
                url, headers=headers, stream=True, timeout=longer, allow_redirects=False
            )
            target = session.get_redirect_target(answer)
            if target is None:
                return answer
            answer.close()
            url = urljoin(url, target)
        raise Unavailable(f"{self.path.name}: the download failed (it redirects without an end)")

    def _write(self, raw: Any) -> None:
        """Write what comes, as soon as it comes, but no more than is expected."""
        try:
            file = self.path.open("wb")
        except OSError as error:
            raise _Unwritable from error
        with file:
            while not self.stopped.is_set() and (part := raw.read1(CHUNK, decode_content=False)):
                self.received += len(part)
                if self.received > self.size:
                    raise InputError(f"{self.url}: expected {self.size} bytes, got more")
                try:
                    file.write(part)
                    file.flush()
                except OSError as error:
                    raise _Unwritable from error


class _Watch:
    """Follows the tries to fetch one file, and gives up when nothing moves."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self.moved = time.monotonic()  # when enough bytes had come, or the first request began

    def allows(self, pause: float) -> bool:
        """Return whether there is time left for a pause and another try."""
        return time.monotonic() + pause - self.moved < self.patience.idle

    def follow(self, transfer: _Transfer) -> None:
        """Wait for the end of a try; raise what it came to, `_TryAgain` if it may pass."""
        reach, idle, least, *_ = self.patience
        began, counted = time.monotonic(), 0
        transfer.thread.start()
        try:
            while transfer.thread.is_alive():
                transfer.thread.join(min(0.1, reach / 5))
                now = time.monotonic()
                if transfer.received - counted >= least:
                    counted, self.moved = transfer.received, now
                if not transfer.answered and now - began > reach:
                    raise _unreachable(transfer.url, f"no answer in {reach:g} s")
                if now - self.moved > idle and transfer.thread.is_alive():
                    raise Unavailable(
                        f"{transfer.path.name}: the download failed (fewer than {least} bytes in "
                        f"{idle:g} s)"
                    )
        finally:
            transfer.stopped.set()
        if transfer.error is not None:
            raise _verdict(transfer, transfer.error)


def _verdict(transfer: _Transfer, error: Exception) -> Exception:
    """Return the error that a failed try comes to, as the user is told."""
    if isinstance(error, InputError | _TryAgain):
        return error
    if isinstance(error, _Unwritable) and error.__cause__ is not None:
        return OSError(str(error.__cause__))
    cause: BaseException = error
    while inner := cause.__cause__ or cause.__context__:
        cause = inner
    reason = first_cause(error)
    if transfer.answered:
        reason = f"it breaks off after {transfer.received} of {transfer.size} bytes"
    hung_up = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
    if isinstance(cause, (*hung_up, http.client.HTTPException)):
        return _TryAgain(reason)
    if not transfer.answered:
        return _unreachable(transfer.url, reason)
    return Unavailable(f"{transfer.path.name}: the download failed ({first_cause(error)})")


def _unreachable(url: str, reason: str) -> Unavailable:
    return Unavailable(f"{urlsplit(url).hostname} cannot be reached ({reason})")


def _seconds_to_wait(text: str) -> float:
    """Return the seconds of a header `Retry-After`, which is a number or a date; else 0."""
    if text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0
