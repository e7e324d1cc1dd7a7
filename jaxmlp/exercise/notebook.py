"""What the cells of an exported notebook call: the same judges as those of the command."""

import contextlib
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from jaxmlp.errors import check, unknown
from jaxmlp.exercise import ask, child
from jaxmlp.exercise.catalogue import EXERCISES, QUESTIONS
from jaxmlp.exercise.form import Exercise
from jaxmlp.exercise.judge import Referee, Verdict
from jaxmlp.exercise.question import Question, letter_of, table
from jaxmlp.exercise.wording import told


def example(name: str, function: Callable[..., Any]) -> None:
    """Show one call of an exercise's function, and what is right there; and judge this call.

    Args:
      name: the name of the exercise.
      function: the student's function.

    Raises:
      InputError: if there is no such exercise, or the function is none.
      AssertionError: if the function is wrong; it says what is wrong.
    """
    referee = _referee(name)
    case, right = referee.cases[0], referee.truths[0]
    makes = " and what it makes" if referee.exercise.measure is not None else ""
    print(f"{name} with\n{_listed(case)}\nmust return{makes}\n{_listed(right)}\n")
    _raise_or_print(name, _judged(referee, function, 1))


def judge(name: str, function: Callable[..., Any]) -> None:
    """Judge a function on all cases of the exercise, as the command does.

    Args:
      name: the name of the exercise.
      function: the student's function.

    Raises:
      InputError: if there is no such exercise, or the function is none.
      AssertionError: if the function is wrong; it says what is wrong.
    """
    referee = _referee(name)
    _raise_or_print(name, _judged(referee, function, len(referee.cases)))


def show(name: str) -> None:
    """Train the runs of a question; print their numbers, and show the picture.

    Args:
      name: the name of the question.

    Raises:
      InputError: if there is no such question.
    """
    from IPython.display import Image, display

    question = _question(name)
    runs = question.by_letter(0)
    print(table(runs))
    display(Image(ask.picture_of(question, runs)))


def answer(name: str, letter: str) -> None:
    """Judge the answer to a question, and explain it.

    Args:
      name: the name of the question.
      letter: the letter of a run.

    Raises:
      InputError: if there is no such question or run.
      AssertionError: if the answer is wrong.
    """
    verdict = ask.answered(_question(name), letter_of(letter), 0, {})
    text = ask.explained(verdict)
    if not verdict["passed"]:
        raise AssertionError(text)
    print(text)


@functools.cache
def _referee(name: str) -> Referee:
    if name not in EXERCISES:
        raise unknown("exercise", name, EXERCISES)
    return Referee(EXERCISES[name])


def _question(name: str) -> Question:
    if name not in QUESTIONS:
        raise unknown("question", name, QUESTIONS)
    return QUESTIONS[name]


def _judged(referee: Referee, function: Callable[..., Any], many: int) -> Verdict:
    """Return the verdict on a function, in the first cases; it must not print, as in a file."""
    exercise: Exercise = referee.exercise
    check(callable(function), exercise.name, "a function", function)
    where = getattr(inspect.unwrap(function), "__code__", None)
    path = where.co_filename if where else ""
    mute = child.Mute()
    with contextlib.redirect_stdout(mute), jax.enable_x64(True):
        found = child.returned(function, path, list(exercise.results), referee.cases[:many])
    if mute.said is not None:
        found = {"error": mute.complaint()}
    return referee.judge(found)


def _raise_or_print(name: str, verdict: Verdict) -> None:
    text = told(name, verdict)
    if not verdict.passed:
        raise AssertionError(text)
    print(text)


def _listed(values: Mapping[str, Any]) -> str:
    """Return arguments or results, one below the other."""
    return "\n".join(_entry(name, value) for name, value in values.items())


def _entry(name: str, value: Any) -> str:
    if callable(value):
        return f"  {name} = {value.__name__}: {' '.join((value.__doc__ or '').split())}"
    if isinstance(value, np.ndarray):
        head = f"  {name} = "
        return head + np.array2string(value, precision=4, suppress_small=True, prefix=head)
    return f"  {name} = {value!r}"
