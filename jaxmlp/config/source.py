"""A user's Python file: how it is run, and how an error in it becomes one line."""

import sys
import traceback
import types
from pathlib import Path


def run_source(path: str, name: str, source: bytes | None = None) -> types.ModuleType:
    """Run a Python file as a module.

    Args:
      path: the file.
      name: the name of the module.
      source: the content of the file, if it was read already.

    Returns:
      The module.
    """
    module = types.ModuleType(name)
    module.__file__ = path
    sys.modules[name] = module  # dataclasses look for their module
    # `import` wants the suffix .py, and may run what was compiled from an older text of the file
    text = Path(path).read_bytes() if source is None else source
    exec(compile(text, path, "exec"), module.__dict__)
    return module


def error_in_line(error: BaseException, path: str) -> str:
    """Return an error as one line, with the line of the user's file in which it arose.

    Args:
      error: the error.
      path: the file.

    Returns:
      The text, such as `ValueError: too short (line 7)`.
    """
    frames = traceback.extract_tb(error.__traceback__)
    numbers = [frame.lineno for frame in frames if frame.filename == path]
    number = error.lineno if isinstance(error, SyntaxError) else numbers[-1] if numbers else None
    text = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    place = f" (line {number})" if number is not None else ""
    return f"{type(error).__name__}: {text[:200]}{place}"
