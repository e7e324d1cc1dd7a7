"""The file of an exercise with a hole: the formula, the shapes, a hint, and nothing computed."""

import textwrap
from collections.abc import Mapping
from pathlib import Path

from jaxmlp.errors import InputError
from jaxmlp.exercise.form import Exercise

WIDTH = 96


def hole(exercise: Exercise, prog: str) -> str:
    """Return the text of an exercise's file.

    Args:
      exercise: the exercise.
      prog: the words that run the command.

    Returns:
      A Python module whose function raises `NotImplementedError`.
    """
    name, hint = exercise.name, textwrap.fill(f"Hint: {exercise.hint}", WIDTH)
    formula = textwrap.indent(textwrap.dedent(exercise.formula).strip(), "    ")
    returned = ", ".join(exercise.results)
    return f'''"""{exercise.title} Lecture row {exercise.row}.

{formula}

{hint}

Write the function with NumPy or `jax.numpy`. It gets NumPy arrays of float64, and prints nothing.
Then check it; {exercise.referee} is the referee:

    {prog} {name} {name}.py
"""

import numpy as np


def {name}({", ".join(exercise.arguments)}):
    """Return {returned}.

{_lines("Args", exercise.arguments)}    Returns:
{_listed(exercise.results)}
    """
    raise NotImplementedError("the hole in {name} is not filled")
'''


def _lines(title: str, lines: Mapping[str, str]) -> str:
    return f"    {title}:\n{_listed(lines)}\n\n" if lines else ""


def _listed(lines: Mapping[str, str]) -> str:
    return "\n".join(f"      {name}: {text}" for name, text in lines.items())


def write_hole(exercise: Exercise, prog: str) -> Path:
    """Write an exercise's file into the current folder, and never over another file.

    Args:
      exercise: the exercise.
      prog: the words that run the command.

    Returns:
      The path of the file.

    Raises:
      InputError: if the file exists already, or cannot be written.
    """
    path = Path(f"{exercise.name}.py")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(hole(exercise, prog))
    except FileExistsError:
        check = f"{prog} {exercise.name} {path}"
        raise InputError(f"{path} exists, and stays as it is; check it: {check}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
    return path
