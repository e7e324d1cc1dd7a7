"""Claims: how processes that share nothing but a folder divide work among them.

A claim is a name in the folder, and `link(2)` makes it: of all workers that give a file of theirs
the same second name, exactly one succeeds. The server of a network file system decides that, not
the machine that asks, so it holds on NFS of every version, Lustre, BeeGFS and GPFS. (`O_EXCL` is
safe from NFSv3 on. The answer of `mkdir` or `O_EXCL` can be lost and asked for again, and then says
"exists" to the one who made it; the number of names of the linked file tells the truth also then.)

A worker's file holds a number that it counts up every second: its heartbeat. A claim is a second
name of this file, so who reads the claim hears the heart. Clocks of machines need not agree: a
reader notes by its own clock when the content last changed. A claim whose heart has stood still for
long is void, and the next generation of the claim is free, `TASK.2` after `TASK.1`. No claim is
ever deleted while work is left: if two workers think that a third is lost, one gets its work.

A worker that was only slow can come back. Then two have the same work, and `publish` accepts the
result of the first alone.
"""

import errno
import os
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jaxmlp.errors import InputError
from jaxmlp.files import write_atomically

BEAT = 1.0  # seconds between two heartbeats
FREE = b"free".ljust(20)  # the heartbeat of a worker that has given its claims back
HEART, CLAIM = r"[0-9a-f]{16}-\d+(?:\.result)?", r"([a-z0-9-]+)\.(\d+)\.claim"
NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


class Worker:
    """A process that claims work in a folder, and shows by its heartbeat that it lives.

    Attributes:
      gone: whether the folder was deleted under it, because others have done all the work.
    """

    def __init__(self, folder: Path, lost_after: float) -> None:
        """Claim nothing yet.

        Args:
          folder: the folder that the workers share; it must exist.
          lost_after: the seconds after which a heart that stands still is that of a lost worker.
        """
        self._folder, self._lost_after = folder, lost_after
        self._name, self._shift, self._beats = secrets.token_hex(8), 0, 0
        self._seen: dict[str, tuple[bytes, float]] = {}
        self._failure: OSError | None = None
        self._lock, self._stop = threading.Lock(), threading.Event()
        self.gone = False

    @contextmanager
    def at_work(self) -> Iterator["Worker"]:
        """Let the heart beat; at the end all claims without a result are given back.

        Raises:
          InputError: if the folder cannot be written.
        """
        thread = threading.Thread(target=self._beat, daemon=True)
        self._open_shift()
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()
            self._write(FREE)

    def claim(self, task: str) -> bool:
        """Claim a task, unless a living worker has.

        Args:
          task: its name, of letters, digits and `-`.

        Returns:
          Whether this worker has the task now.

        Raises:
          InputError: if the file system has no hard links.
          OSError: if the folder cannot be written.
        """
        return bool(self.claim_first([[task]]))

    def claim_first(self, groups: list[list[str]]) -> list[str]:
        """Claim the first group of tasks that is free; what a living worker has is left out.

        Args:
          groups: the names of tasks, as they belong together.

        Returns:
          The tasks of one group that this worker has now; none if nothing is free.

        Raises:
          InputError: if the file system has no hard links.
          OSError: if the folder cannot be written.
        """
        self.check()
        latest = self._latest_claims()
        for group in groups:
            free = [task for task in group if self._is_free(task, latest.get(task, 0))]
            if free and self._link(free[0], latest):  # else another worker took the group just now
                return [free[0], *(task for task in free[1:] if self._link(task, latest))]
        return []

    def claimed_tasks(self) -> set[str]:
        """Return the tasks that any worker has ever claimed; they may be done, or free again."""
        return {*self._latest_claims()}

    def end_shift(self) -> None:
        """Give back the claims so far, of which some may have no result, and go on."""
        self._write(FREE)
        self._open_shift()

    def publish(self, name: str, content: str) -> bool:
        """Write a result, unless another worker has written it.

        Args:
          name: of the file in the shared folder.
          content: of the file.

        Returns:
          Whether this is the result that counts.
        """
        own = self._folder / f"{self._name}-{self._shift}.result"
        try:
            write_atomically(own, content)
            made = _linked(own, self._folder / name)
            own.unlink()
        except FileNotFoundError:  # the folder is gone, as all work is done
            self.gone = True
            return False
        return made

    def check(self) -> None:
        """Raise the error with which the heartbeat failed, if it did."""
        if self._failure is not None:
            raise self._failure

    @property
    def _heart(self) -> Path:
        return self._folder / f"{self._name}-{self._shift}"

    def _open_shift(self) -> None:
        with self._lock:
            self._shift += 1
            try:
                self._heart.write_bytes(FREE)
            except FileNotFoundError:
                self.gone = True
        self._write_beat()

    def _beat(self) -> None:
        while not self._stop.wait(BEAT):
            try:
                self._write_beat()
            except OSError as error:
                self._failure = error
                return

    def _write_beat(self) -> None:
        self._beats += 1
        self._write(str(self._beats).encode().ljust(len(FREE)))

    def _write(self, content: bytes) -> None:
        """Change the content of the heart in place, so that all its names have it."""
        with self._lock:
            try:
                handle = os.open(self._heart, os.O_WRONLY)
            except FileNotFoundError:  # the folder is gone, as all work is done
                self.gone = True
                return
            try:
                os.write(handle, content)
            finally:
                os.close(handle)  # which sends it to the server of a network file system

    def _latest_claims(self) -> dict[str, int]:
        """Return the latest generation of each task's claim."""
        latest: dict[str, int] = {}
        for name in list_names(self._folder):
            if found := re.fullmatch(CLAIM, name):
                latest[found[1]] = max(latest.get(found[1], 0), int(found[2]))
        return latest

    def _is_free(self, task: str, generation: int) -> bool:
        """Return whether the latest claim of a task is void, or there is none."""
        if generation == 0:
            return True
        name, now = f"{task}.{generation}.claim", time.monotonic()
        try:
            content = (self._folder / name).read_bytes()
        except FileNotFoundError:
            return False
        if content == FREE:
            return True
        before, since = self._seen.get(name, (b"", now))
        if content != before:
            self._seen[name] = content, now
            return False
        return now - since >= self._lost_after

    def _link(self, task: str, latest: dict[str, int]) -> bool:
        try:
            return _linked(self._heart, self._folder / f"{task}.{latest.get(task, 0) + 1}.claim")
        except FileNotFoundError:
            self.gone = True
            return False


def _linked(own: Path, name: Path) -> bool:
    """Give a file of one's own a second name; return whether it has it, or another file had."""
    before = os.stat(own).st_nlink
    try:
        os.link(own, name)
    except FileExistsError:  # or the answer of a server was lost, and the system asked again
        return os.stat(own).st_nlink > before
    except OSError as error:
        if error.errno in NO_LINKS:
            text = f"{name.parent} cannot be shared: its file system has no hard links"
            raise InputError(f"{text}, by which workers claim runs ({error.strerror})") from None
        raise
    return True


def list_names(folder: Path) -> list[str]:
    """Return the names in a shared folder; none if it is gone."""
    with suppress(FileNotFoundError):
        return os.listdir(folder)
    return []
