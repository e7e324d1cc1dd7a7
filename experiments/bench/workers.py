"""The processes of the libraries: how the benchmark starts, asks and measures them."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import experiments

ROOT = Path(experiments.__file__).parent.parent
SETTLE = 0.05  # seconds in which the threads of the previous process fall asleep


class Failed(RuntimeError):
    """A library's process ended before its work was done."""


class Worker:
    """A library that waits for requests in a process of its own (`experiments.bench.worker`)."""

    def __init__(self, name: str, errors: IO[str], env: dict[str, str]) -> None:
        self._name, self._errors = name, errors
        self._process = subprocess.Popen(
            [sys.executable, "-m", "experiments.bench.worker", name],
            cwd=ROOT,
            env=environment() | env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )

    def ask(self, what: str, **arguments: Any) -> dict[str, Any]:
        """Send a request, and return its answer.

        Args:
          what: the name of a function of `experiments.bench.worker`.
          **arguments: the arguments of that function.

        Returns:
          The answer.

        Raises:
          Failed: if the process has ended; the message holds its last line of errors.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        time.sleep(SETTLE)
        with contextlib.suppress(BrokenPipeError):  # reported below, with the reason
            self._process.stdin.write(json.dumps({"ask": what, **arguments}) + "\n")
            self._process.stdin.flush()
        reply = self._process.stdout.readline()
        if not reply:
            raise Failed(f"{self._name} failed to {what}: {_last_words(self._errors)}")
        return json.loads(reply)

    def seconds(self, what: str, **arguments: Any) -> float:
        """Return the seconds that the work of a request took."""
        return float(self.ask(what, **arguments)["seconds"])

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


@contextlib.contextmanager
def workers(names: Sequence[str], env: dict[str, str] | None = None) -> Iterator[dict[str, Worker]]:
    """Start a worker for each name, and end them all afterwards.

    Args:
      names: the names of the libraries; text after a space distinguishes workers of one library.
      env: additional variables of their environment.

    Yields:
      The workers by name.
    """
    with contextlib.ExitStack() as stack:
        started = {}
        for name in names:
            errors = stack.enter_context(tempfile.TemporaryFile("w+"))
            started[name] = Worker(name.split()[0], errors, env or {})
            stack.callback(started[name].close)
        yield started


class Finished(NamedTuple):
    """A process that has ended.

    Attributes:
      seconds: the time from its start to its end.
      megabytes: its largest resident memory, in 10^6 bytes.
      lines: the lines that it printed, each with the seconds since its start.
    """

    seconds: float
    megabytes: float
    lines: list[tuple[float, str]]


def run(*arguments: str, **env: str) -> Finished:
    """Run Python with arguments until it ends.

    Args:
      *arguments: the arguments of the interpreter.
      **env: additional variables of its environment.

    Returns:
      Its times, its memory and its output.

    Raises:
      Failed: if its exit status is not 0; the message holds its last line of errors.
    """
    time.sleep(SETTLE)
    with tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment() | env,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdout is not None
        with process.stdout as printed:
            lines = [(time.perf_counter() - began, line.rstrip("\n")) for line in printed]
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise Failed(f"{' '.join(arguments[:3])} failed: {_last_words(errors)}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Finished(seconds, usage.ru_maxrss * unit / 1e6, lines)


def environment() -> dict[str, str]:
    """Return the environment of a user: compiled modules are kept, no cache but a given one."""
    mine = ("PYTHONDONTWRITEBYTECODE", "JAX_COMPILATION_CACHE_DIR")
    kept = {name: value for name, value in os.environ.items() if name not in mine}
    return kept | {"PYTHONUNBUFFERED": "1"}  # each line arrives when it is printed


def keeping(folder: Path) -> dict[str, str]:
    """Return the variables with which all libraries on JAX keep compiled programs in a folder."""
    return {
        "XDG_CACHE_HOME": str(folder),
        "MPLCONFIGDIR": str(folder.parent / "matplotlib"),  # making its list of fonts is not timed
        "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def _last_words(errors: IO[str]) -> str:
    errors.seek(0)
    return (errors.read().strip().splitlines() or ["no reason given"])[-1]
