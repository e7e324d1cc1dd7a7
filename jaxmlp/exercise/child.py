"""The process that runs a student's file: `child.py JOB ANSWERS`.

It calls the function once for each case, and writes what came back, as plain numbers, or in a line
what went wrong. It judges nothing, and it imports NumPy alone, so it starts at once.
"""

import copy
import io
import json
import os
import pickle
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

MEMORY = (4 << 30) + (os.cpu_count() or 1) * (32 << 20)  # bytes; the threads of JAX take some
MOST = 100_000  # numbers of an array that are sent; no exercise has so many


class Printed(BaseException):
    """The file prints; `Exception` would be caught by the student's own code."""


class Mute(io.TextIOBase):
    """A standard output that refuses what is printed, and remembers it.

    Attributes:
      said: the first text that was printed.
    """

    said: str | None = None

    def write(self, text: str) -> int:
        """Refuse the text."""
        self.said = self.said or text.strip() or None
        raise Printed

    def complaint(self) -> str:
        """Return a line about what was printed."""
        return f"prints {(self.said or '')[:40]!r}; a function only returns"


def load(path: str, name: str) -> Callable[..., Any]:
    """Import a student's file, and return its function.

    Args:
      path: the file.
      name: the name of the function.

    Returns:
      The function.

    Raises:
      LookupError: if there is no such function.
    """
    from jaxmlp.config.source import run_source

    module = run_source(path, f"{name}_by_hand")
    function: Any = getattr(module, name, None)
    if not callable(function):
        raise LookupError(f"defines no function {name}")
    return function


def answers(
    path: str, name: str, results: Sequence[str], cases: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Call a student's function for each case.

    Args:
      path: the student's file.
      name: the name of the function.
      results: the names of what it returns.
      cases: the arguments of each call.

    Returns:
      `{"error": line}` if the file cannot be used, else `{"cases": [...]}`, with an
      `{"error": line}` or a `{"leaves": {name: leaf}}` for each case; for a leaf see `_leaf`.
    """
    try:
        function = load(path, name)
    except LookupError as error:
        return {"error": str(error)}
    except BaseException as error:  # sys.exit is no Exception
        return {"error": "does not import: " + _line(error, path)}
    return returned(function, path, results, cases)


def returned(
    function: Callable[..., Any], path: str, results: Sequence[str], cases: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Call a function for each case.

    Args:
      function: the student's function.
      path: the file that it comes from.
      results: the names of what it returns.
      cases: the arguments of each call.

    Returns:
      What `answers` returns.
    """
    found: list[dict[str, Any]] = []
    for case in cases:
        try:
            found.append(_named(function(*copy.deepcopy(case).values()), results))
        except NotImplementedError as error:
            return {"error": _line(error, path)}
        except BaseException as error:
            found.append({"error": _line(error, path)})
    return {"cases": found}


def _line(error: BaseException, path: str) -> str:
    """Return an error as one line, with the line of the student's file in which it arose."""
    if isinstance(error, Printed):
        return "prints"
    if isinstance(error, SystemExit):
        return "exits; a function only returns"
    from jaxmlp.config.source import error_in_line

    return error_in_line(error, path)


def _named(value: Any, results: Sequence[str]) -> dict[str, Any]:
    """Return what came back by the names of the results."""
    if isinstance(value, dict) and set(value) == set(results):
        value = tuple(value[name] for name in results)
    if len(results) == 1 and not (isinstance(value, tuple) and len(value) == 1):
        value = (value,)
    if not isinstance(value, tuple | list):
        return {"error": f"returns {_kind(value)}, must return {_tuple(results)}"}
    if len(value) != len(results):
        return {"error": f"returns {len(value)} values, must return {_tuple(results)}"}
    return {"leaves": {name: _leaf(leaf) for name, leaf in zip(results, value, strict=True)}}


def _tuple(results: Sequence[str]) -> str:
    return f"{len(results)} values, {', '.join(results)}" if len(results) > 1 else results[0]


def _kind(value: Any) -> str:
    return "None" if value is None else f"one {type(value).__name__}"


def _leaf(value: Any) -> dict[str, Any]:
    """Return an array as `{"shape", "values"}`, or `{"problem": line}` if it is none."""
    import numpy as np

    try:
        array = np.asarray(value)
    except ValueError:
        return {"problem": "has rows of different lengths"}
    if array.dtype.kind not in "biuf":
        what = "None" if value is None else f"a {type(value).__name__} of {array.dtype}"
        return {"problem": f"must be an array of real numbers, got {what}"}
    values = array.astype(np.float64).ravel().tolist() if array.size <= MOST else None
    return {"shape": array.shape, "values": values}


def _bound_memory() -> None:
    """Let an endless list or a huge array end in a `MemoryError`, and not in a slow machine."""
    if sys.platform == "linux":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        bound = MEMORY if most == resource.RLIM_INFINITY else min(MEMORY, most)
        resource.setrlimit(resource.RLIMIT_DATA, (bound, most))


def main(job: str, out: str) -> None:
    """Run the job that a file describes, write the answers into another, and end at once.

    Args:
      job: a pickle that the parent wrote: the arguments of `answers`.
      out: the file for the answers, JSON.
    """
    _bound_memory()
    sys.path.insert(0, str(Path(__file__).parents[2]))  # some cases hold functions of this package
    arguments = pickle.loads(Path(job).read_bytes())
    sys.path.append(str(Path(arguments[0]).parent))  # helpers that lie beside the file
    sys.stdout = mute = Mute()
    found = answers(*arguments)
    if mute.said is not None:  # also if the student's code caught the refusal
        found = {"error": mute.complaint()}
    Path(out).write_text(json.dumps(found), encoding="utf-8")
    os._exit(0)  # threads of the student's cannot hold the process


if __name__ == "__main__":
    main(*sys.argv[1:])
