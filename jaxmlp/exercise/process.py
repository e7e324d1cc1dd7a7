"""A student's file in a process of its own, with a time limit."""

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxmlp.exercise import child
from jaxmlp.exercise.form import Case, Exercise


def run_file(
    path: Path, exercise: Exercise, cases: Sequence[Case], timeout: float
) -> dict[str, Any]:
    """Run a student's file, and return what its function returned.

    Args:
      path: the file.
      exercise: what it is to solve.
      cases: the arguments of each call.
      timeout: the time limit, in seconds.

    Returns:
      What `jaxmlp.exercise.child.answers` returns, or `{"error": line}` if the process ended
      without an answer or the time is over.
    """
    with tempfile.TemporaryDirectory(prefix="jaxmlp-exercise-", ignore_cleanup_errors=True) as name:
        job, out = Path(name, "job"), Path(name, "answers")
        wanted = (str(path.absolute()), exercise.name, list(exercise.results), list(cases))
        job.write_bytes(pickle.dumps(wanted))
        status = _run([str(job), str(out)], timeout)
        if status is None:
            return {"error": f"did not end within {timeout:g} s"}
        try:
            found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # no answer, or half of one
            end = f"ended its process with {_described(status)}"
            return {"error": f"{end}; a function only returns"}
        return found


def _described(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def _run(arguments: list[str], timeout: float) -> int | None:
    """Return the exit status of the child, or `None` if it had to be stopped."""
    quiet: Any = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    environment = {**os.environ, "JAX_ENABLE_X64": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        [sys.executable, "-P", child.__file__, *arguments],
        **quiet,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that what the file starts can be stopped with it
        env=environment,
    )
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the child and all that it started."""
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError):  # all have ended
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
