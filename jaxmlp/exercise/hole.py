"""The file of an exercise with a hole: the formula, the shapes, a hint, and nothing computed."""

import textwrap
from collections.abc import Mapping
from pathlib import Path

from jaxmlp.exercise.form import Exercise
from jaxmlp.exercise.placing import write_new

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
    return f'''"""{exercise.title} Lecture row {exercise.row}.

{formula}

{hint}

Write the function with NumPy or `jax.numpy`. It gets NumPy arrays of float64, and prints nothing.
Then check it; {exercise.referee} is the referee:

    {prog} {name} {name}.py
"""

import numpy as np


{function_with_hole(exercise)}
'''


def function_with_hole(exercise: Exercise, *around: str) -> str:
    """Return the source of an exercise's function, which raises `NotImplementedError`.

    Args:
      exercise: the exercise.
      *around: comments before and after the hole.

    Returns:
      The source, without a line end.
    """
    name, returned = exercise.name, ", ".join(exercise.results)
    hole = f'raise NotImplementedError("the hole in {name} is not filled")'
    body = "\n    ".join([*around[:1], hole, *around[1:]])
    return f'''def {name}({", ".join(exercise.arguments)}):
    """Return {returned}.

{_lines("Args", exercise.arguments)}    Returns:
{_listed(exercise.results)}
    """
    {body}'''


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
    write_new(path, hole(exercise, prog), f"; check it: {prog} {exercise.name} {path}")
    return path
